"""Turns an action into subjects once, and runs every guard over them.

Knows no rule, no score, no ledger. Invariant: total; a guard that raises, a text too long to read whole and a pattern
engine that gives up each become a finding, never silence.
"""

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from gw.defender.cache import Answer, AnswerCache
from gw.defender.classes import class_of
from gw.defender.guards.base import Guard
from gw.defender.understanding import analyse, views
from gw.errors import GwError
from gw.limits import INLINE_EVALUATION_BYTES, MAX_SCANNED_BYTES
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Finding, Span, Verdict
from gw.model.shell import CommandFacts, Node, NodeRole
from gw.model.subject import Subject, View
from gw.policy.compiled import CompiledPolicy, Family, Scanner, Settings
from gw.policy.targets import RUNNING
from gw.ports import Offload

logger = logging.getLogger(__name__)

GUARD_FAILED: Final = "guard.error"
SCAN_FAILED: Final = "engine.scan"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_HITS: Final[Mapping[int, tuple[Span, ...]]] = MappingProxyType({})
Guards = tuple[Guard, ...]
COMMANDS: Final = frozenset((PartKind.COMMAND, PartKind.ARGV))
TEXTS: Final = frozenset((PartKind.PROMPT, PartKind.OUTPUT, PartKind.DATA))


class Engine:
    """Holds the guards in order; one per process. Guards that are `pure` are asked once about the same content."""

    def __init__(
        self, guards: Sequence[Guard], offload: Offload | None = None, cache: AnswerCache | None = None
    ) -> None:
        self.guards = tuple(guards)
        self._concerned: dict[frozenset[PartKind], tuple[Guards, Guards]] = {}
        self._offload = offload  # None: everything inline (command line, tests)
        self._cache = cache

    def run(self, action: Action, policy: CompiledPolicy, settings: Settings) -> list[Finding]:
        """Every finding of every guard, as the levels of *settings* see it."""
        pure, others = self.concerned(action)
        cache = self._cache
        key = None if cache is None else cache.key(action, policy.ref)
        answer = None if cache is None or key is None else cache.get(key)
        if answer is not None:
            subjects, found = answer.subjects, [*answer.findings]
        else:
            found = []
            subjects = tuple(self.subjects(action, policy, settings, found))
            failed = self._ask(pure, action, subjects, policy, settings, found)
            if cache is not None and key is not None and not failed and not _unsure(found):
                cache.put(key, Answer(subjects, tuple(found)))
        self._ask(others, action, subjects, policy, settings, found)
        if not found:
            return found
        return [finding for one in found if (finding := by_level(one, policy, settings)) is not None]

    def concerned(self, action: Action) -> tuple[Guards, Guards]:
        """The guards that read what *action* has: the pure ones, and the others."""
        kinds = frozenset([part.kind for part in action.parts])
        concerned = self._concerned.get(kinds)
        if concerned is None:  # once for each set of kinds that occurs, a few hundred at most
            guards = [guard for guard in self.guards if guard.reads is None or not guard.reads.isdisjoint(kinds)]
            pure = tuple(guard for guard in guards if guard.pure)
            concerned = pure, tuple(guard for guard in guards if not guard.pure)
            self._concerned[kinds] = concerned
        return concerned

    def _ask(
        self,
        guards: Sequence[Guard],
        action: Action,
        subjects: Sequence[Subject],
        policy: CompiledPolicy,
        settings: Settings,
        findings: list[Finding],
    ) -> bool:
        """Add what *guards* say; True when one of them failed."""
        failed = False
        for guard in guards:
            try:
                findings.extend(guard.inspect(action, subjects, policy))
            except Exception as error:  # boundary: one broken guard must not silence the others
                logger.exception("guard.error", extra={"guard": guard.name, "error": type(error).__name__})
                findings.append(_failed(f"guard {guard.name}", type(error).__name__, action, settings))
                failed = True
        return failed

    def subjects(
        self, action: Action, policy: CompiledPolicy, settings: Settings, findings: list[Finding]
    ) -> list[Subject]:
        """One subject per part, scanned; what went wrong on the way is added to *findings*."""
        return [
            self._subject(action, part, index, policy, settings, findings) for index, part in enumerate(action.parts)
        ]

    def _subject(
        self,
        action: Action,
        part: Part,
        index: int,
        policy: CompiledPolicy,
        settings: Settings,
        findings: list[Finding],
    ) -> Subject:
        if part.provenance is not None and part.provenance is not action.provenance:
            action = action._replace(provenance=part.provenance)
        text = part.value
        if len(text) > MAX_SCANNED_BYTES:
            text = text[:MAX_SCANNED_BYTES]
            detail = f"{len(part.value)} characters, {MAX_SCANNED_BYTES} read"
            findings.append(Finding("engine.oversized", floor=Verdict.REVIEW, part=index, detail=detail))
        command: CommandFacts | None = None
        signals: Mapping[str, int] = _NOTHING
        seen: tuple[View, ...]
        if part.kind in COMMANDS:
            command = self._analyse(text, index, action, settings, findings)
            # Only patterns look at views of a command, and unquoting costs as much as a short line's analysis.
            seen = command_views(text, command) if Family.COMMAND in policy.scanners else (View("raw", text),)
        elif part.kind in TEXTS:
            seen, signals = views(text)
        else:
            seen = (View("raw", text),)
        scanner = policy.scanners.get(Family.TEXT if command is None else Family.COMMAND)
        hits = self._scan(scanner, seen, index, findings) if scanner is not None else _NO_HITS
        return Subject(action, part, index, seen, command, signals, hits)

    def _analyse(
        self, text: str, index: int, action: Action, settings: Settings, findings: list[Finding]
    ) -> CommandFacts:
        try:
            return analyse(text)
        except Exception as error:  # boundary: a line that breaks the parser is held, and the rules still see its text
            logger.exception("shell.error", extra={"error": type(error).__name__, "characters": len(text)})
            findings.append(_failed("shell parser", type(error).__name__, action, settings)._replace(part=index))
            return opaque(text)

    def _scan(
        self, scanner: Scanner, seen: Sequence[View], index: int, findings: list[Finding]
    ) -> Mapping[int, tuple[Span, ...]]:
        try:
            if self._offload is not None and sum(len(view.text) for view in seen) > INLINE_EVALUATION_BYTES:
                return self._offload.run(scanner.scan, seen)
            return scanner.scan(seen)
        except (GwError, RuntimeError, MemoryError) as error:  # an engine that gave up has not said "no match"
            findings.append(_gave_up(index, type(error).__name__))
            return _NO_HITS


def _gave_up(index: int, error: str) -> Finding:
    return Finding(SCAN_FAILED, floor=Verdict.REVIEW, part=index, detail=error)


def _unsure(findings: Sequence[Finding]) -> bool:
    """Whether something went wrong that may go right the next time."""
    return any(finding.rule in (SCAN_FAILED, GUARD_FAILED) for finding in findings)


def opaque(text: str) -> CommandFacts:
    """What is known of a line that nobody could parse: it runs, and that is all."""
    node = Node(NodeRole.RUNS, None, (), frozenset(), (), Span(0, len(text)))
    return CommandFacts((node,), frozenset(("shell.unparsed",)), has_list=True)


def command_views(text: str, command: CommandFacts) -> tuple[View, ...]:
    """The line as typed, and its running words unquoted where that reads differently (`r\\m` is `rm`).

    Not of nodes with data inside: unquoted, a mention would look like a call.
    """
    words: list[str] = []
    offsets: list[int] = []
    data = [node.span.start for node in command.nodes if node.role not in RUNNING]
    for node in command.nodes:
        if node.role not in RUNNING or not node.argv:
            continue
        joined = " ".join(node.argv)
        if joined not in text and not any(node.span.start <= at < node.span.end for at in data):
            words.append(joined)
            last = max(node.span.start, node.span.end - 1)
            offsets.extend(min(node.span.start + at, last) for at in range(len(joined) + 1))
    if not words:
        return (View("raw", text),)
    return (View("raw", text), View("words", "\n".join(words), tuple(offsets)))


def by_level(finding: Finding, policy: CompiledPolicy, settings: Settings) -> Finding | None:
    """A finding as the levels in force for this action see it; None above the level that is looked for."""
    rule = policy.rules.get(finding.rule)
    if rule is None or rule.level <= settings.risk.enforce_level:
        return finding
    return finding._replace(live=False) if rule.level <= settings.risk.detect_level else None


def _failed(what: str, error: str, action: Action, settings: Settings) -> Finding:
    said = settings.risk.on_error
    floor = settings.risk.on_failure[class_of(action)] if said is None else said
    return Finding(GUARD_FAILED, floor=max(Verdict.REVIEW, floor), detail=f"{what} failed: {error}")
