"""Findings from reports: thresholds of the policy, raw counts in the detail, outages visible, few look-ups."""

import pytest

from gw.defender.guards import GUARDS
from gw.defender.guards.base import Services
from gw.defender.guards.reputation import MOST_INDICATORS, ReputationGuard, judge
from gw.defender.virustotal.client import Indicator, Report
from gw.errors import IntelError
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Finding, PolicyRef, Span
from gw.model.shell import CommandFacts, Node, NodeRole
from gw.model.subject import Subject, View
from gw.policy.compiled import CompiledPolicy, Rule
from gw.policy.matchers.base import Nothing

SETTINGS = {
    "file": {"malicious_at": 3, "suspicious_at": 1, "unknown": 0},
    "url": {"malicious_at": 2, "suspicious_at": 1, "unknown": 5},
    "points": {"malicious": 75, "suspicious": 30},
    "timeout": 1400,
    "on_timeout": 7,
}
RULES = ("intel.virustotal.malicious", "intel.virustotal.suspicious", "intel.virustotal.unknown", "intel.unavailable")
DIGEST = "ab" * 32


class Clock:
    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0


class Service:
    def __init__(self, *answers: Report | str) -> None:
        self.answers = answers
        self.asked: list[Indicator] = []

    def ask(self, indicator: Indicator, timeout_s: float) -> Report:
        self.asked.append(indicator)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, str):
            raise IntelError(answer)
        return answer


def policy(**intel: object) -> CompiledPolicy:
    rules = {name: Rule(name, "score", frozenset(), Nothing(), 80, "intel") for name in RULES}
    return CompiledPolicy(PolicyRef("test", 1, "0"), rules=rules, intel=intel or {"virustotal": SETTINGS})


def subjects(*parts: Part, command: CommandFacts | None = None) -> list[Subject]:
    action = Action("a", "tools.invoke", parts, "0" * 64, 0)
    return [Subject(action, part, index, (View("raw", part.value),), command) for index, part in enumerate(parts)]


def inspect(service: Service, found: list[Subject], of: CompiledPolicy | None = None) -> list[Finding]:
    guard = ReputationGuard(service, lambda path: DIGEST if path == "/opt/tool" else None, Clock())
    return list(guard.inspect(found[0].action, found, of or policy()))


@pytest.mark.parametrize(
    "report, kind, expected",
    [
        (Report(False), "file", ("intel.virustotal.unknown", 0)),
        (Report(False), "url", ("intel.virustotal.unknown", 5)),
        (Report(True, 0, 0, 66), "file", ("", 0)),
        (Report(True, 2, 0, 66), "file", ("intel.virustotal.suspicious", 30)),
        (Report(True, 0, 1, 66), "file", ("intel.virustotal.suspicious", 30)),
        (Report(True, 3, 0, 66), "file", ("intel.virustotal.malicious", 75)),
        (Report(True, 2, 0, 66), "url", ("intel.virustotal.malicious", 75)),
    ],
)
def test_judgement_follows_the_policy(report: Report, kind: str, expected: tuple[str, int]) -> None:
    assert judge(report, SETTINGS, kind) == expected


def test_a_finding_shows_the_raw_counts() -> None:
    [finding] = inspect(Service(Report(True, 9, 1, 70)), subjects(Part(PartKind.URL, "/url", "http://a.example/")))
    assert (finding.rule, finding.points, finding.part) == ("intel.virustotal.malicious", 75, 0)
    assert finding.detail == "url: 9 malicious and 1 suspicious of 70 engines"


def test_an_outage_is_a_finding_with_the_policys_points() -> None:
    [finding] = inspect(Service("timeout"), subjects(Part(PartKind.URL, "/url", "http://a.example/")))
    assert (finding.rule, finding.points) == ("intel.unavailable", 7)
    assert "timeout" in finding.detail


def test_commands_are_asked_for_what_they_fetch_and_run_by_path() -> None:
    node = Node(
        NodeRole.RUNS,
        "tool",
        ("/opt/tool", "x"),
        frozenset(),
        ("x",),
        Span(0, 9),
        fetches=("https://b.example/i", "b.example"),
    )
    data = node._replace(role=NodeRole.DATA, fetches=("https://never.example/",))
    service = Service(Report(False))
    inspect(service, subjects(Part(PartKind.COMMAND, "/command", "x"), command=CommandFacts((node, data), frozenset())))
    assert service.asked == [Indicator("url", "https://b.example/i"), Indicator("file", DIGEST)]


def test_each_indicator_once_and_few_of_them() -> None:
    parts = [Part(PartKind.URL, "", f"http://{number // 2}.example/") for number in range(20)]
    service = Service(Report(False))
    inspect(service, subjects(*parts, Part(PartKind.PATH, "", "/missing")))
    assert len(service.asked) == len(set(service.asked)) == MOST_INDICATORS


def test_there_is_no_guard_without_a_service() -> None:
    assert GUARDS["reputation"](Services(Clock())) is None
    assert GUARDS["reputation"](Services(Clock(), reputation=Service(Report(False)))) is not None


def test_nothing_is_asked_without_settings() -> None:
    found = subjects(Part(PartKind.URL, "", "http://a.example/"))
    service = Service(Report(False))
    assert inspect(service, found, policy(other={})) == []
    assert service.asked == []
