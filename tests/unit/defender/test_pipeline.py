from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from gw.defender.engine import Engine
from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.errors import Expired, Overloaded
from gw.model.action import Action
from gw.model.decision import Decision, Finding, Verdict
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.policy.handle import PolicyHandle
from tests.support.policies import FakeClock, pipeline_of, policy_of

ALLOW, REVIEW, BLOCK = Verdict


class Sink:
    def __init__(self) -> None:
        self.seen: list[tuple[Decision, Action]] = []

    def record(self, decision: Decision, action: Action) -> None:
        self.seen.append((decision, action))


class Says:
    name = "says"
    pure = True
    reads = None

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        return self.findings


class FullGate:
    @contextmanager
    def admit(self) -> Iterator[None]:
        raise Overloaded("evaluations")
        yield


@contextmanager
def passed(seconds: float, what: str) -> Iterator[None]:
    raise Expired(what)
    yield


def command(**row: str) -> Action:
    return to_action({"command": "ls", **row}, mode="test")


def pipeline(policy: str = "", *findings: Finding, **options: object) -> Pipeline:
    handle = PolicyHandle(policy_of(policy))
    clock = options.pop("clock", FakeClock())
    return Pipeline(handle, Engine([Says(*findings)]), clock, **options)  # type: ignore[arg-type]


def test_a_decision_names_its_policy_and_is_recorded_before_it_is_returned() -> None:
    sink = Sink()
    action = command(channel="irc", session="agent:main:main")
    decision = pipeline("", Finding("r", 40), sink=sink, new_id=lambda: "dec_1").judge(action)
    assert sink.seen == [(decision, action)]
    assert (decision.id, decision.verdict, decision.enforced, decision.score) == ("dec_1", REVIEW, REVIEW, 40)
    assert decision.policy.name == "test.policy" and decision.policy.generation == 1
    assert (decision.digest, decision.channel, decision.session_key) == (action.digest, "irc", "agent:main:main")


def test_a_dry_run_is_not_recorded() -> None:
    sink = Sink()
    assert pipeline("", Finding("r", 90), sink=sink).evaluate(command()).verdict is BLOCK
    assert not sink.seen


def test_ids_differ() -> None:
    judge = pipeline()
    assert judge.judge(command()).id != judge.judge(command()).id


@pytest.mark.parametrize(("policy", "audit_only"), [("mode: audit", False), ("", True)])
def test_audit_changes_only_what_is_enforced(policy: str, audit_only: bool) -> None:
    decision = pipeline(policy, Finding("r", 90), audit_only=audit_only).judge(command())
    assert (decision.verdict, decision.would, decision.enforced, decision.mode) == (BLOCK, BLOCK, ALLOW, "audit")


def test_an_override_may_put_one_channel_into_audit() -> None:
    judge = pipeline("overrides: [{when: {channel: irc}, mode: audit}]", Finding("r", 90))
    assert judge.judge(command(channel="irc")).enforced is ALLOW
    assert judge.judge(command(channel="slack")).enforced is BLOCK


def test_the_most_specific_override_wins_whatever_the_order() -> None:
    judge = pipeline(
        """
        overrides:
          - {when: {channel: irc, chat: group}, risk: {review_at: 5}}
          - {when: {channel: irc}, risk: {review_at: 90, block_at: 95}}
        """,
        Finding("r", 10),
    )
    assert judge.judge(command(channel="irc")).verdict is ALLOW
    assert judge.judge(command(channel="irc", chat="group")).verdict is REVIEW


@pytest.mark.parametrize(("said", "verdict"), [("review", REVIEW), ("block", BLOCK), ("allow", ALLOW)])
def test_a_full_gate_and_a_passed_deadline_are_answered_as_the_policy_says(said: str, verdict: Verdict) -> None:
    overloaded = pipeline(f"risk: {{on_overload: {said}}}", gate=FullGate()).judge(command())
    assert ([f.rule for f in overloaded.findings], overloaded.verdict) == (["engine.overloaded"], verdict)
    late = pipeline(f"risk: {{on_timeout: {said}}}", deadline=passed).judge(command())
    assert ([f.rule for f in late.findings], late.verdict) == (["engine.timeout"], verdict)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"tool": "read", "command": ""}, ALLOW),
        ({"command": "ls"}, REVIEW),
        ({"tool": "write"}, REVIEW),
        ({"tool": "exec"}, BLOCK),
        ({"tool": "git__push"}, BLOCK),
        ({"method": "config.patch"}, BLOCK),
    ],
)
def test_what_cannot_be_judged_is_answered_by_what_it_may_do(row: dict[str, str], verdict: Verdict) -> None:
    action = to_action({"command": "ls", **row}, mode="test")
    assert pipeline("", gate=FullGate()).judge(action).verdict is verdict
    assert pipeline("", deadline=passed).judge(action).verdict is verdict
    lenient = "risk: {on_failure: {destructive: review, read: block}}"
    changed = {BLOCK: REVIEW, ALLOW: BLOCK, REVIEW: REVIEW}[verdict]
    assert pipeline(lenient, gate=FullGate()).judge(action).verdict is changed


def test_work_that_did_not_wait_but_took_too_long_is_held_too() -> None:
    slow = pipeline("", clock=FakeClock(step_s=3.0)).judge(command())
    assert [finding.rule for finding in slow.findings] == ["engine.timeout"]
    assert slow.verdict is REVIEW
    assert slow.elapsed_us == 3_000_000


def test_findings_are_told_worst_first() -> None:
    rows = (Finding("a", 1), Finding("b", 0, floor=REVIEW), Finding("c", 30))
    assert [finding.rule for finding in pipeline("", *rows).judge(command()).findings] == ["b", "c", "a"]


def test_an_action_ends_under_the_policy_it_began_with() -> None:
    handle = PolicyHandle(policy_of("risk: {review_at: 5}"))

    class Swaps(Says):
        def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
            handle.swap(policy_of("id: test.other\nversion: 1\nkind: policy".replace("id: test.other\n", "")))
            return self.findings

    judge = Pipeline(handle, Engine([Swaps(Finding("r", 10))]), FakeClock())
    assert judge.judge(command()).verdict is REVIEW


def test_replay_of_the_port() -> None:
    policy = """
        bonus: {tool: {exec: 20}, channel: {discord: 10}}
        deny: [{id: d.rm, target: command, pattern: 'rm -rf /'}]
    """
    judge = pipeline_of(policy)
    safe = judge.judge(command(command="git status", tool="exec", channel="discord"))
    assert (safe.verdict, safe.score) == (ALLOW, 30)
    assert {finding.rule for finding in safe.findings} == {"bonus.tool", "bonus.channel"}
    assert judge.judge(command(command="rm -rf /", tool="exec")).verdict is BLOCK
