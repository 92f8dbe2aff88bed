"""Advice on a compiled policy: rules that do nothing, hide each other, or will surprise their author.

Knows no guard and runs no example (the tester does). Invariant: only reports; an error here is something the engine
would do differently from what the text says.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gw.model.problem import Problem, closest
from gw.policy.compiled import CompiledPolicy, Override, Rule
from gw.policy.matchers.base import NOTHING, All, Matcher, Target
from gw.policy.matchers.pattern import Pattern
from gw.policy.matchers.prefix import Prefix
from gw.policy.matchers.tool import Tool
from gw.policy.source import Node

# A pattern on commands that begins with a program's name says less than `command: {program: ...}`.
_NAMES_PROGRAM: Final = re.compile(r"(?:\(\?i\))?(?:\\b|\^)?([a-z][a-z0-9]{1,15})(?:\\b|\\s)")
_STRUCTURAL: Final = frozenset((Target.COMMAND, Target.TOOL_CALL))


def lint(policy: CompiledPolicy, *, now_ms: int, tools: Sequence[str], methods: Sequence[str]) -> list[Problem]:
    """Everything worth saying about *policy*, in file order. *tools* and *methods* are the known names."""
    found = [
        *_each_rule(policy),
        *_hidden(policy),
        *_exceptions(policy, now_ms),
        *_ties(policy.overrides),
        *_names(policy, tools, methods),
    ]
    return sorted(found, key=lambda problem: problem[:3])


def _each_rule(policy: CompiledPolicy) -> Iterator[Problem]:
    for rule in policy.rules.values():
        if rule.place is None:
            continue
        for inner in _flat(rule.matcher):
            if isinstance(inner, Prefix) and not rule.targets & _STRUCTURAL:
                yield _say(rule.place, "rule.never", f"{rule.id} looks for a command where there is none", "warning")
        if rule.matcher is not NOTHING and rule.matcher.keys == frozenset():
            yield _say(rule.place, "rule.never", f"{rule.id} can never match", "warning")
        if rule.section == "deny" and not rule.misses:
            hint = "add what looks similar and must pass"
            yield _say(rule.place, "rule.miss", f"deny rule {rule.id} has no `miss` example", "warning", hint)
        if not rule.hits:
            yield _say(rule.place, "rule.hit", f"{rule.id} has no `hit` example", "advice")
        if rule.level > policy.settings.risk.detect_level:
            yield _say(rule.place, "rule.level", f"{rule.id} is above risk.detect_level and never evaluated", "advice")
        if Target.COMMAND in rule.targets:
            yield from _structural(rule)


def _structural(rule: Rule) -> Iterator[Problem]:
    pattern = rule.place.get("pattern") if rule.place is not None else None
    for element in pattern.elements() if pattern is not None else ():
        found = _NAMES_PROGRAM.match(str(element.value)[:64])
        if found:
            hint = f"command: {{program: {found[1]}, ...}} also sees it quoted, wrapped or by its path"
            yield _say(element, "pattern.structural", f"{rule.id} spells out a program in a pattern", "advice", hint)


def _flat(matcher: Matcher) -> Iterator[Matcher]:
    yield matcher
    if isinstance(matcher, All):
        for inner in matcher.matchers:
            yield from _flat(inner)


def _hidden(policy: CompiledPolicy) -> Iterator[Problem]:
    """Rules that add nothing because a broader one of the same effect always matches too."""
    rules = [rule for rule in policy.rules.values() if rule.live and rule.when is None and not rule.unless]
    for rule in rules:
        for other in rules:
            if other is not rule and _same_effect(rule, other) and _is_broader(other.matcher, rule.matcher):
                if rule.place is not None:
                    message = f"{rule.id} is hidden by the broader {other.id}"
                    yield _say(rule.place, "rule.hidden", message, "warning")
                break


def _same_effect(rule: Rule, other: Rule) -> bool:
    if rule.section != other.section or not rule.targets <= other.targets or other.level > rule.level:
        return False
    return rule.section == "allow" or (rule.group == other.group and other.points >= rule.points)


def _is_broader(broad: Matcher, narrow: Matcher) -> bool:
    """Whether all that *narrow* matches is matched by *broad*, and more; False when that cannot be told."""
    if isinstance(broad, Prefix) and isinstance(narrow, Prefix):
        covers = len(broad.words) <= len(narrow.words) and all(
            wide >= words for wide, words in zip(broad.words, narrow.words, strict=False)
        )
        return covers and broad.words != narrow.words
    if isinstance(broad, Pattern) and isinstance(narrow, Pattern):
        return set(broad.indexes) > set(narrow.indexes) and (broad.on_data or not narrow.on_data)
    return False


def _exceptions(policy: CompiledPolicy, now_ms: int) -> Iterator[Problem]:
    seen = {row.id: row for rows in policy.exemptions.values() for row in rows}
    for row in seen.values():
        if row.place is None:
            continue
        if row.until_ms is None:
            yield _say(row.place, "exception.until", f"exception {row.id} has no end", "warning", "add `until:`")
        elif row.is_over(now_ms):
            yield _say(row.place, "exception.over", f"exception {row.id} has ended and excuses nothing", "warning")
        if not row.owner:
            yield _say(row.place, "exception.owner", f"nobody answers for exception {row.id}", "advice", "add `owner:`")


def _ties(overrides: Sequence[Override]) -> Iterator[Problem]:
    """Two overrides of one rank that may hold together and set the same thing: the order would decide, silently."""
    for number, one in enumerate(overrides):
        for other in overrides[number + 1 :]:
            shared = _sets(one) & _sets(other)
            if shared and one.when.specificity == other.when.specificity and one.when.overlaps(other.when):
                hint = f"first at line {one.place.line}; make one of the two more specific"
                message = f"as specific as another override that sets {', '.join(sorted(shared))} too"
                yield _say(other.place, "override.tie", message, "error", hint)


def _sets(override: Override) -> set[str]:
    change = override.change
    nested = ((name, rows) for name, rows in (*change.floors.items(), *change.bonus.items()))
    return {
        *(["mode"] if change.mode else []),
        *(f"risk.{name}" for name in change.risk),
        *(f"{name}.{value}" for name, rows in nested for value in rows),
    }


def _names(policy: CompiledPolicy, tools: Sequence[str], methods: Sequence[str]) -> Iterator[Problem]:
    place = Node(None, policy.ref.name, 0, 0)
    for rule in policy.rules.values():
        for inner in _flat(rule.matcher):
            if isinstance(inner, Tool):
                yield from _unknown("tool", inner.names, tools, rule.place or place)
    for change, where in (*policy.changes, *((override.change, override.place) for override in policy.overrides)):
        for known, kind in ((tools, "tool"), (methods, "method")):
            names = {*change.floors.get(kind, ()), *change.bonus.get(kind, ())}
            yield from _unknown(kind, names, known, where)


def _unknown(kind: str, names: Iterable[str], known: Sequence[str], place: Node) -> Iterator[Problem]:
    for name in sorted(names):
        if name not in known and "*" not in name and "__" not in name:  # `server__tool`: MCP servers bring their own
            near = closest(name, known)
            hint = f"did you mean {near[0]}?" if near else ""
            yield _say(place, f"{kind}.unknown", f"no {kind} is called {name!r}", "warning", hint)


def _say(place: Node, code: str, message: str, severity: str, hint: str = "") -> Problem:
    return place.problem(code, message, hint=hint, severity=severity)
