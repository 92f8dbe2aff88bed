"""What VirusTotal says of the URLs and files an action touches, as findings with raw counts.

Knows no network: it asks `Services.reputation`. Invariant: an outage is a visible finding (`intel.unavailable`), and an
indicator nobody has seen weighs what the policy says (0 by default), so "unknown" is never "bad" or "clean" by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from gw.defender.virustotal.client import Indicator, Report, Reputation
from gw.errors import IntelError
from gw.model.action import Action, PartKind
from gw.model.decision import Finding
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.policy.targets import RUNNING
from gw.ports import Clock

MOST_INDICATORS: Final = 4  # per action; the free quota is four a minute
DEFAULT_TIMEOUT_MS: Final = 1400


class ReputationGuard:
    """`digest(path)` returns the SHA-256 of a regular file, or None."""

    name = "reputation"
    pure = False  # asks the network
    reads = frozenset((PartKind.COMMAND, PartKind.ARGV, PartKind.URL, PartKind.PATH))

    def __init__(self, service: Reputation, digest: Callable[[str], str | None], clock: Clock) -> None:
        self._service = service
        self._digest = digest
        self._clock = clock

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        settings: Mapping[str, Any] | None = policy.intel.get("virustotal")
        if settings is None:
            return
        # One allowance for the whole action: ten slow look-ups must not add up.
        ends = self._clock.monotonic() + settings.get("timeout", DEFAULT_TIMEOUT_MS) / 1000
        for part, indicator in self._indicators(subjects):
            try:
                report = self._service.ask(indicator, max(0.0, ends - self._clock.monotonic()))
            except IntelError as error:
                points = settings.get("on_timeout", 0)
                yield from _found(
                    policy, "intel.unavailable", part, points, f"no answer about the {indicator.kind}: {error}"
                )
                continue
            rule, points = judge(report, settings, indicator.kind)
            if rule:
                detail = f"{indicator.kind}: {report.counts(self._clock.now_ms())}"
                yield from _found(policy, rule, part, points, detail)

    def _indicators(self, subjects: Sequence[Subject]) -> Iterator[tuple[int, Indicator]]:
        seen: set[Indicator] = set()
        for subject in subjects:
            for kind, value in _mentioned(subject):
                if kind == "path":
                    digest = self._digest(value)
                    if digest is None:
                        continue
                    kind, value = "file", digest
                indicator = Indicator(kind, value)
                if indicator not in seen:
                    seen.add(indicator)
                    yield subject.index, indicator
                if len(seen) == MOST_INDICATORS:
                    return


def judge(report: Report, settings: Mapping[str, Any], kind: str) -> tuple[str, int]:
    """Return the rule and points of a report under `intel.virustotal`; ("", 0) when it says nothing."""
    of_kind: Mapping[str, int] = settings.get(kind) or {}
    points: Mapping[str, int] = settings.get("points") or {}
    if not report.known:
        return "intel.virustotal.unknown", of_kind.get("unknown", 0)
    if report.malicious >= of_kind.get("malicious_at", 3):
        return "intel.virustotal.malicious", points.get("malicious", 75)
    if report.malicious + report.suspicious >= of_kind.get("suspicious_at", 1):
        return "intel.virustotal.suspicious", points.get("suspicious", 30)
    return "", 0


def _mentioned(subject: Subject) -> Iterator[tuple[str, str]]:
    """URLs and paths of one part; of a command, what it fetches and the programs it runs by path."""
    if subject.part.kind is PartKind.URL:
        yield "url", subject.part.value
    elif subject.part.kind is PartKind.PATH:
        yield "path", subject.part.value
    elif subject.command is not None:
        for node in subject.command.nodes:
            if node.role not in RUNNING:
                continue
            yield from (("url", url) for url in node.fetches if url.startswith(("http://", "https://")))
            if node.argv and node.argv[0].startswith(("/", "~")):
                yield "path", node.argv[0]


def _found(policy: CompiledPolicy, rule: str, part: int, points: int, detail: str) -> Iterator[Finding]:
    finding = policy.finding(rule, part=part, detail=detail, points=points)
    if finding is not None:
        yield finding
