import logging
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

import pytest

from gw.defender import engine
from gw.defender.engine import Engine, command_views, opaque
from gw.defender.guards.rules import RuleGuard
from gw.errors import Overloaded
from gw.model.action import Action, Part, PartKind, Provenance
from gw.model.decision import Finding, Span, Verdict
from gw.model.shell import CommandFacts, NodeRole
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from tests.support.policies import FakeClock, policy_of
from tests.support.shell import node

P = ParamSpec("P")
R = TypeVar("R")


class Recorder:
    name = "recorder"
    pure = True
    reads = None

    def __init__(self) -> None:
        self.subjects: Sequence[Subject] = ()

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        self.subjects = subjects
        return [Finding("seen", 1)]


class Broken:
    name = "broken"
    pure = True
    reads = None

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        yield Finding("before", 5)
        raise ZeroDivisionError("secret text")


def action(*parts: Part, **fields: object) -> Action:
    return Action("a", "test", parts, "0" * 64, 1, **fields)  # type: ignore[arg-type]


def run(policy: CompiledPolicy, one: Action, *guards: object, **options: object) -> list[Finding]:
    return Engine(guards, **options).run(one, policy, policy.settings_for(one))  # type: ignore[arg-type]


class Reader(Recorder):
    reads = frozenset((PartKind.PROMPT,))


def test_guards_are_asked_about_what_they_read() -> None:
    everything, prompts = Recorder(), Reader()
    engine = Engine([everything, prompts])
    policy = policy_of("")

    def asked(*kinds: PartKind) -> int:
        one = action(*(Part(kind, "/x", "text") for kind in kinds))
        return len(engine.run(one, policy, policy.settings_for(one)))

    assert [asked(), asked(PartKind.COMMAND), asked(PartKind.PROMPT)] == [1, 1, 2]
    assert asked(PartKind.COMMAND, PartKind.PROMPT, PartKind.PROMPT) == 2
    assert asked(PartKind.COMMAND) == 1


def test_a_guard_that_raises_becomes_a_review_and_does_not_silence_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        found = run(policy_of(""), action(), Broken(), Recorder())
    assert [finding.rule for finding in found] == ["before", "guard.error", "seen"]
    assert found[1].floor is Verdict.REVIEW
    assert "secret" not in found[1].detail


def test_on_error_may_be_stricter_but_never_laxer() -> None:
    assert run(policy_of("risk: {on_error: block}"), action(), Broken())[1].floor is Verdict.BLOCK
    assert run(policy_of("risk: {on_error: allow}"), action(), Broken())[1].floor is Verdict.REVIEW


def test_each_part_becomes_a_subject_with_the_views_of_its_kind() -> None:
    seen = Recorder()
    parts = (
        Part(PartKind.PROMPT, "/a", "ig\u200bnore"),
        Part(PartKind.COMMAND, "/b", "git status"),
        Part(PartKind.PATH, "/c", "/etc/x"),
    )
    run(policy_of(""), action(*parts), seen)
    prompt, command, path = seen.subjects
    assert [view.text for view in prompt.views][:2] == ["ig\u200bnore", "ignore"]
    assert prompt.signals
    assert command.command is not None and command.command.nodes[0].program == "git"
    assert path.command is None and [view.name for view in path.views] == ["raw"]
    assert [subject.index for subject in seen.subjects] == [0, 1, 2]


def test_a_part_may_come_from_elsewhere_than_its_action() -> None:
    seen = Recorder()
    run(policy_of(""), action(Part(PartKind.PROMPT, "", "x", Provenance.FILE), Part(PartKind.PROMPT, "", "y")), seen)
    assert [subject.action.provenance for subject in seen.subjects] == [Provenance.FILE, Provenance.USER]


def test_patterns_of_every_target_of_a_part_are_scanned_once_for_all_rules() -> None:
    policy = policy_of(
        """
        score:
          - {id: a.cmd, target: command, pattern: 'stat'}
          - {id: a.call, target: tool_call, pattern: 'git'}
          - {id: a.rpc, target: rpc, pattern: 'git'}
        """
    )
    seen = Recorder()
    run(policy, action(Part(PartKind.COMMAND, "", "git status"), tool="exec"), seen)
    git = (Span(0, 3),)
    assert seen.subjects[0].hits == {0: (Span(4, 8),), 1: git, 2: git}
    assert {finding.rule for finding in run(policy, seen.subjects[0].action, RuleGuard(FakeClock()))} == {
        "a.cmd",
        "a.call",
    }


def test_quoting_does_not_hide_a_word_from_patterns() -> None:
    views = command_views(r"r\m -rf /x", CommandFacts((node("rm -rf /x")._replace(span=Span(0, 10)),), frozenset()))
    assert [view.text for view in views] == [r"r\m -rf /x", "rm -rf /x"]
    assert views[1].span(0, 9) == Span(0, 9)


def test_unquoting_does_not_make_a_mention_look_like_a_call() -> None:
    nodes = (node("echo rm x")._replace(span=Span(0, 11)), node("rm x", 5, NodeRole.DATA))
    assert len(command_views("echo 'rm x'", CommandFacts(nodes, frozenset()))) == 1


@pytest.mark.parametrize("line", ["git status", "ls; ls", ""])
def test_a_plain_line_has_one_view(line: str) -> None:
    assert len(command_views(line, CommandFacts((node(line),), frozenset()))) == 1


def test_a_line_that_breaks_the_parser_is_held_and_still_seen_by_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> CommandFacts:
        raise RecursionError

    monkeypatch.setattr(engine, "analyse", broken)
    seen = Recorder()
    found = run(policy_of(""), action(Part(PartKind.COMMAND, "", "x")), seen)
    assert found[0].rule == "guard.error" and found[0].floor is Verdict.REVIEW
    assert seen.subjects[0].command == opaque("x")
    assert "shell.unparsed" in opaque("x").signals


def test_a_text_too_long_to_read_whole_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_SCANNED_BYTES", 10)
    seen = Recorder()
    found = run(policy_of(""), action(Part(PartKind.PATH, "", "x" * 11)), seen)
    assert found[0].rule == "engine.oversized" and found[0].floor is Verdict.REVIEW
    assert len(seen.subjects[0].part.value) == 11
    assert len(seen.subjects[0].views[0].text) == 10


RULE = "score: [{id: a.cmd, target: command, pattern: 'word'}]"


class Full:
    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        raise Overloaded("scan")


class Counting:
    def __init__(self) -> None:
        self.jobs = 0

    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self.jobs += 1
        return job(*args, **kwargs)


@pytest.mark.parametrize(("size", "jobs"), [(10, 0), (engine.INLINE_EVALUATION_BYTES + 1, 1)])
def test_large_texts_are_scanned_in_the_pool(size: int, jobs: int) -> None:
    offload = Counting()
    run(policy_of(RULE), action(Part(PartKind.COMMAND, "", "word " * (size // 5 + 1))), offload=offload)
    assert offload.jobs == jobs


def test_a_scan_that_failed_is_not_a_scan_without_hits() -> None:
    long = "word " * engine.INLINE_EVALUATION_BYTES
    found = run(policy_of(RULE), action(Part(PartKind.COMMAND, "", long)), offload=Full())
    assert [(finding.rule, finding.floor) for finding in found][-1] == ("engine.scan", Verdict.REVIEW)


@pytest.mark.parametrize(
    ("level", "stage", "live"), [(1, "live", True), (2, "live", False), (1, "shadow", False), (3, "live", None)]
)
def test_levels_and_stages_decide_whether_a_finding_is_live(level: int, stage: str, live: bool | None) -> None:
    policy = policy_of(f"score: [{{id: a.cmd, target: command, prefix: [ls], level: {level}, stage: {stage}}}]")
    found = run(policy, action(Part(PartKind.COMMAND, "", "ls")), RuleGuard(FakeClock()))
    assert [finding.live for finding in found] == ([] if live is None else [live])
