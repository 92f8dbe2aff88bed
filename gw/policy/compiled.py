"""A policy set as the defender uses it: immutable rules behind an index, thresholds, bonuses, floors.

Knows no YAML and no guard. Invariant: nothing here changes after compilation, so one reference read per action is
enough and a reload is one assignment.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from gw.model.action import Action
from gw.model.decision import Finding, PolicyRef, Span, Verdict
from gw.model.subject import View
from gw.policy.conditions import Condition
from gw.policy.matchers.base import Key, Matcher, Target
from gw.policy.source import Node

# Points of a severity; `points` in a rule overrides them.
SEVERITIES: Final[Mapping[str, int]] = MappingProxyType(
    {"critical": 80, "high": 45, "medium": 25, "low": 10, "info": 0}
)
# What happens to an action that could not be judged, by what it may do at worst.
FAILURE: Final[Mapping[str, Verdict]] = MappingProxyType(
    {"read": Verdict.ALLOW, "write": Verdict.REVIEW, "destructive": Verdict.BLOCK}
)
_EMPTY: Final[Mapping[Any, Any]] = MappingProxyType({})


class Example(NamedTuple):
    """One `hit` or `miss`: a text for the rule's target, or the fields of an action."""

    value: str | Mapping[str, Any]
    place: Node


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    id: str
    section: str  # deny | allow | score
    targets: frozenset[Target]
    matcher: Matcher
    points: int
    group: str  # the strongest hit of a group counts; a rule without one is its own group
    severity: str = "medium"
    floor: Verdict = Verdict.ALLOW  # deny: BLOCK
    level: int = 1
    live: bool = True  # False: stage shadow
    title: str = ""
    say: str = ""
    instead: str = ""
    since: str = ""
    tags: tuple[str, ...] = ()
    when: Condition | None = None  # the rule is about these actions only
    unless: tuple[Condition, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of `guard: {name: loops, ...}`
    hits: tuple[Example, ...] = ()
    misses: tuple[Example, ...] = ()
    place: Node | None = None
    pack: str = ""  # id of the document it stands in

    def finding(
        self, *, part: int = -1, span: Span | None = None, detail: str = "", points: int | None = None
    ) -> Finding:
        return Finding(
            rule=self.id,
            points=self.points if points is None else points,
            group=self.group,
            floor=self.floor,
            part=part,
            span=span,
            detail=detail,
            say=self.say or self.title,
            instead=self.instead,
            live=self.live,
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True)
class Risk:
    """Thresholds (0..100), levels, and what happens when judging itself fails."""

    review_at: int = 35
    block_at: int = 65
    detect_level: int = 2  # rules above it are not evaluated
    enforce_level: int = 1  # rules above it count towards `would` alone
    # What happens to an action that could not be judged; None: by its class.
    on_error: Verdict | None = None
    on_timeout: Verdict | None = None
    on_overload: Verdict | None = None
    on_failure: Mapping[str, Verdict] = field(default_factory=lambda: dict(FAILURE))  # class of action -> verdict
    # Beside a real gateway, which asks or is watched (modes/beside/sidecar.py).
    answer_allow: bool = False
    abort_at: str = "block"  # never | review | block

    def changed(self, fields: Mapping[str, Any]) -> "Risk":
        """With *fields* instead of its own; a class of action that `on_failure` leaves out stays as it was."""
        on_failure = {**self.on_failure, **fields.get("on_failure", {})}
        return replace(self, **{**fields, "on_failure": on_failure})


@dataclass(frozen=True, slots=True)
class Settings:
    """What overrides may change; `floors` and `bonus` map a field of `when` to value -> verdict or points."""

    mode: str = "enforce"  # enforce | audit
    risk: Risk = field(default_factory=Risk)
    floors: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    bonus: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def merged(self, change: "Change") -> "Settings":
        return replace(
            self,
            mode=change.mode or self.mode,
            risk=self.risk.changed(change.risk) if change.risk else self.risk,
            floors=_merge(self.floors, change.floors),
            bonus=_merge(self.bonus, change.bonus),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What one document or override sets; absent means unchanged."""

    mode: str = ""
    risk: Mapping[str, Any] = field(default_factory=dict)
    floors: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    bonus: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Override(NamedTuple):
    when: Condition
    change: Change
    place: Node


@dataclass(frozen=True, slots=True)
class Exemption:
    """An entry of `exceptions:`; `until_ms` is the end of its last day (UTC), None for ever."""

    id: str
    rules: frozenset[str]
    when: Condition
    reason: str = ""
    owner: str = ""
    until_ms: int | None = None
    place: Node | None = None

    def is_over(self, now_ms: int) -> bool:
        return self.until_ms is not None and now_ms >= self.until_ms


class PatternScanner(Protocol):
    """What `_native.patterns.PatternSet` offers; spans count characters of a text, bytes of bytes."""

    def scan(self, text: str | bytes) -> list[tuple[int, int, int]]: ...


class Family(StrEnum):
    """Which patterns are searched for together. One pass over a part finds the hits of all its targets."""

    TEXT = "text"
    COMMAND = "command"


# Targets whose patterns a family holds; a command is also seen as part of its call or request.
FAMILIES: Final[Mapping[Family, frozenset[Target]]] = MappingProxyType(
    {
        Family.TEXT: frozenset(Target) - {Target.COMMAND},
        Family.COMMAND: frozenset((Target.COMMAND, Target.TOOL_CALL, Target.RPC)),
    }
)


@dataclass(frozen=True, slots=True)
class Scanner:
    """The patterns of one family; `indexes[i]` is the global index of the set's pattern i."""

    patterns: PatternScanner
    indexes: tuple[int, ...]

    def scan(self, views: Sequence[View]) -> dict[int, tuple[Span, ...]]:
        """Global pattern index -> spans in the original text, over all *views*."""
        found: dict[int, dict[Span, None]] = {}
        for view in views:
            for index, start, end in self.patterns.scan(view.text):
                found.setdefault(self.indexes[index], {})[view.span(start, end)] = None
        return {index: tuple(spans) for index, spans in found.items()}


@dataclass(frozen=True, slots=True)
class RuleIndex:
    """Rules by what must be present for them to match, so that a rule whose pattern did not hit costs nothing."""

    by_key: Mapping[Key, tuple[Rule, ...]] = field(default_factory=dict)
    always: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "RuleIndex":
        by_key: dict[Key, list[Rule]] = {}
        always = []
        for rule in rules:
            keys = rule.matcher.keys
            if keys is None:
                always.append(rule)
            else:
                for key in keys:
                    by_key.setdefault(key, []).append(rule)
        return cls({key: tuple(found) for key, found in by_key.items()}, tuple(always))

    def __bool__(self) -> bool:
        return bool(self.by_key or self.always)

    def candidates(self, keys: Set[Key]) -> Collection[Rule]:
        known = self.by_key.keys() & keys
        if not known:
            return self.always
        found = {rule: None for key in known for rule in self.by_key[key]}
        return [*self.always, *found] if self.always else found


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    ref: PolicyRef
    settings: Settings = field(default_factory=Settings)
    overrides: tuple[Override, ...] = ()  # least specific first
    changes: tuple[tuple[Change, Node], ...] = ()  # what each document set, for messages
    rules: Mapping[str, Rule] = field(default_factory=dict)  # by id, every section
    scoring: Mapping[Target, RuleIndex] = field(default_factory=dict)  # deny and score rules
    allow: RuleIndex = field(default_factory=RuleIndex)
    scanners: Mapping[Family, Scanner] = field(default_factory=dict)
    exemptions: Mapping[str, tuple[Exemption, ...]] = field(default_factory=dict)  # by rule id
    write_paths: tuple[str, ...] = ()  # where a covered command may redirect to
    redact: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # ledger -> groups to mask
    masked_patterns: frozenset[int] = frozenset()  # of the rules in those groups
    tests: tuple[Any, ...] = ()  # entries of `tests:`, for the tester
    host: tuple[Mapping[str, Any], ...] = ()  # `host:` sections as plain values, in load order
    intel: Mapping[str, Any] = field(default_factory=dict)

    def settings_for(self, action: Action) -> Settings:
        """The settings with every override that holds, the most specific last."""
        settings = self.settings
        for override in self.overrides:
            if override.when.holds(action):
                settings = settings.merged(override.change)
        return settings

    def secret_spans(self, text: str) -> list[Span]:
        """Where *text* holds what rules of the redacted groups look for, whichever part such rules are about."""
        scanner = self.scanners.get(Family.TEXT)
        if scanner is None or not self.masked_patterns:
            return []
        hits = scanner.scan((View("raw", text),))
        return [span for index, spans in hits.items() if index in self.masked_patterns for span in spans]

    def finding(
        self, rule_id: str, *, part: int = -1, span: Span | None = None, detail: str = "", points: int | None = None
    ) -> Finding | None:
        """A finding with the rule's own points and wording; None when this policy has no such rule."""
        rule = self.rules.get(rule_id)
        return None if rule is None else rule.finding(part=part, span=span, detail=detail, points=points)

    def parameters(self, rule_id: str) -> Mapping[str, Any]:
        """What `guard: {...}` of that rule says; empty when this policy has no such rule."""
        rule = self.rules.get(rule_id)
        return _EMPTY if rule is None else rule.parameters


def _merge(base: Mapping[str, Mapping[str, Any]], change: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    if not change:
        return base
    merged = {name: dict(row) for name, row in base.items()}
    for name, row in change.items():
        merged.setdefault(name, {}).update(row)
    return merged
