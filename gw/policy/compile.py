"""Documents to one CompiledPolicy, collecting every problem on the way.

Knows no files (loader.py reads them) and no guard. Invariant: never raises for what an author wrote, and returns a
policy only when there is no error.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from gw import limits
from gw.model.decision import PolicyRef, Verdict
from gw.model.problem import Problem, closest
from gw.policy.compiled import (
    FAMILIES,
    SEVERITIES,
    Change,
    CompiledPolicy,
    Exemption,
    Family,
    Override,
    PatternScanner,
    Rule,
    RuleIndex,
    Scanner,
    Settings,
)
from gw.policy.conditions import FIELDS, Condition
from gw.policy.matchers import MATCHERS
from gw.policy.matchers.base import All, Context, Matcher, Patterns, Target
from gw.policy.reader import Entry, Reader
from gw.policy.schema import RULE
from gw.policy.source import Node, plain

PatternFactory = Callable[[Sequence[str]], PatternScanner]
ENGINE = (1, 0)  # version of the language, for `requires.engine`
# What the engine may use for its states; a pattern of the shipped packs needs up to 0.4 MiB.
PATTERN_BYTES = 1 << 19
LEAST_PATTERN_BYTES = 1 << 26
SECTIONS_OF_RULES = ("deny", "allow", "score")
_RULE_FIELDS = frozenset(row.name for row in RULE)
_LEAST_VERSION = re.compile(r">= ?[0-9]{1,4}(\.[0-9]{1,4}){0,3}\Z")


@dataclass(slots=True)
class _Build:
    """What grows while documents are read, in order."""

    problems: list[Problem]
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    patterns: Patterns = field(default_factory=Patterns)
    rules: dict[str, Rule] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    overrides: list[Override] = field(default_factory=list)
    changes: list[tuple[Change, Node]] = field(default_factory=list)
    exemptions: dict[str, Exemption] = field(default_factory=dict)
    wanted: list[tuple[str, str, Node]] = field(default_factory=list)  # rule id, exception id, place of `unless`
    write_paths: tuple[str, ...] = ()
    redact: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tests: list[Entry] = field(default_factory=list)
    host: list[Mapping[str, Any]] = field(default_factory=list)
    intel: dict[str, Any] = field(default_factory=dict)

    def report(self, node: Node, code: str, message: str, path: str = "", hint: str = "") -> None:
        self.problems.append(node.problem(code, message, path=path, hint=hint))


def compile_policy(
    roots: Sequence[Node], *, digest: str, generation: int = 0, factory: PatternFactory | None = None
) -> tuple[CompiledPolicy | None, list[Problem]]:
    """Compile documents, included ones first. *factory* builds a pattern set; the native one by default."""
    build = _Build([])
    reader = Reader(build.problems)
    documents = [reader.entry(root, "policy", "") for root in roots]
    for document in documents:
        _collect_lists(document, build)
    for document in documents:
        _read_document(document, build)
    for document in documents:
        _tune(document, build)
    scanners = _scanners(build, factory or _native_factory)
    exemptions = _exemptions_by_rule(build)
    build.problems.sort(key=lambda problem: (problem.file, problem.line, problem.column))
    if any(problem.severity == "error" for problem in build.problems):
        return None, build.problems
    deepest = max([build.settings.risk.detect_level, *(o.change.risk.get("detect_level", 0) for o in build.overrides)])
    rules = [rule for rule in build.rules.values() if rule.level <= deepest]
    name = str(documents[-1].get("id", "")) if documents else "empty"
    policy = CompiledPolicy(
        ref=PolicyRef(name, generation, digest),
        settings=build.settings,
        overrides=tuple(sorted(build.overrides, key=lambda override: override.when.specificity)),
        changes=tuple(build.changes),
        rules=build.rules,
        scoring={
            target: index
            for target in Target
            if (index := RuleIndex.of(r for r in rules if r.section != "allow" and target in r.targets))
        },
        allow=RuleIndex.of(rule for rule in rules if rule.section == "allow"),
        scanners=scanners,
        exemptions=exemptions,
        write_paths=build.write_paths,
        redact=build.redact,
        masked_patterns=_masked_patterns(rules, build.redact),
        tests=tuple(build.tests),
        host=tuple(build.host),
        intel=build.intel,
    )
    return policy, build.problems


def _masked_patterns(rules: Iterable[Rule], redact: Mapping[str, tuple[str, ...]]) -> frozenset[int]:
    groups = {group for names in redact.values() for group in names}
    keys = (key for rule in rules if rule.group in groups for key in rule.matcher.keys or ())
    return frozenset(key for key in keys if isinstance(key, int))


def read_condition(node: Node, context: Context) -> Condition:
    """A `when:` mapping: fields of an action, and matchers that must cover the hit."""
    fields = []
    matchers: list[Matcher] = []
    for key, child in context.fields(node, (*FIELDS, *MATCHERS_OF_CONDITIONS)).items():
        if key in FIELDS:
            fields.append((key, context.words(child)))
        else:
            matchers.append(MATCHERS[key](child, context))
    return Condition(tuple(fields), tuple(matchers))


# `tool` and `method` mean the fields of the action; a guard or signal covers nothing.
MATCHERS_OF_CONDITIONS = tuple(kind for kind in MATCHERS if kind not in (*FIELDS, "guard", "signal"))


def _collect_lists(document: Entry, build: _Build) -> None:
    for name, (appends, words) in document.get("lists", {}).items():
        build.lists[name] = (*build.lists.get(name, ()), *words) if appends else words


def _read_document(document: Entry, build: _Build) -> None:
    for section in SECTIONS_OF_RULES:
        for entry in document.get(section, ()):
            _add_rule(entry, section, document, build)
    if (requires := document.get("requires")) is not None:
        _check_engine(requires, build)
    change = _change(document)
    build.settings = build.settings.merged(change)
    build.changes.append((change, document.at("floors") if change.floors else document.at("bonus")))
    for entry in document.get("overrides", ()):
        if (when := entry.get("when")) is not None:
            condition = read_condition(when, _context(entry, frozenset(), build))
            if condition.matchers:
                build.report(when, "override.matcher", "an override is chosen by the action's fields alone", entry.path)
            build.overrides.append(Override(condition, _change(entry), entry.node))
    for entry in document.get("exceptions", ()):
        _add_exemption(entry, build)
    build.tests.extend(document.get("tests", ()))
    build.write_paths = (*build.write_paths, *document.get("write_paths", ()))
    if (redact := document.get("redact")) is not None:
        build.redact.update(redact.values)
    if (host := document.get("host")) is not None:
        build.host.append(plain_entry(host))
    if (intel := document.get("intel")) is not None:
        build.intel.update(plain_entry(intel))


def _check_engine(requires: Entry, build: _Build) -> None:
    wanted = requires.get("engine", "")
    if not _LEAST_VERSION.match(wanted):
        build.report(requires.at("engine"), "requires.engine", f"{wanted!r} is no least version", hint="e.g. '>=1.0'")
    elif tuple(map(int, wanted.removeprefix(">=").split("."))) > ENGINE:
        have = ".".join(map(str, ENGINE))
        build.report(requires.at("engine"), "requires.engine", f"needs a newer clawgate: this is language {have}")


def plain_entry(entry: Entry) -> dict[str, Any]:
    """An entry's typed values, nested entries included, as dicts and lists."""

    def value(one: Any) -> Any:
        if isinstance(one, Entry):
            return plain_entry(one)
        if isinstance(one, tuple):
            return [value(child) for child in one]
        return one

    return {name: value(one) for name, one in entry.values.items()}


def _change(entry: Entry) -> Change:
    risk = dict(entry.get("risk").values) if entry.get("risk") is not None else {}
    if (failure := risk.get("on_failure")) is not None:
        risk["on_failure"] = failure.values
    return Change(
        mode=entry.get("mode", ""),
        risk=risk,
        floors=entry.get("floors", {}),
        bonus=entry.get("bonus", {}),
    )


def _context(entry: Entry, targets: frozenset[Target], build: _Build, *, on_data: bool = False) -> Context:
    return Context(
        targets=targets,
        patterns=build.patterns,
        lists=build.lists,
        problems=build.problems,
        path=entry.path,
        on_data=on_data,
        compilers=MATCHERS,
        rule_id=str(entry.get("id", "")),
    )


def _add_rule(entry: Entry, section: str, document: Entry, build: _Build) -> None:
    rule_id = entry.get("id")
    if rule_id is None:
        return
    known = build.rules.get(rule_id)
    if known is not None and not entry.get("replace", False):
        first = f"{known.place.file}:{known.place.line}" if known.place else "another file"
        hint = f"first at {first}; ids are unique, `replace: true` stands in for an included rule"
        build.report(entry.at("id"), "rule.duplicate", f"rule {rule_id} exists already", entry.path, hint)
        return
    if known is None and entry.get("replace", False):
        build.report(entry.at("replace"), "rule.replace", f"there is no rule {rule_id} to replace", entry.path)
    targets = _targets(entry, section, build)
    context = _context(entry, targets, build, on_data=entry.get("on_data", False))
    if not entry.extra:
        if not entry.node.keys.keys() - _RULE_FIELDS:  # else the unknown key, reported already, was meant to be one
            build.report(entry.node, "rule.matcher", "no matcher", entry.path, "one of " + ", ".join(MATCHERS))
        return
    matchers = {key: MATCHERS[key](node, context) for key, node in entry.extra.items()}
    severity = entry.get("severity", "critical" if section == "deny" else "medium")
    unless, excused_by = _unless(entry, context)
    build.wanted.extend((rule_id, exception, node) for exception, node in excused_by)
    guard = entry.extra.get("guard")
    build.rules[rule_id] = Rule(
        id=rule_id,
        section=section,
        targets=targets,
        matcher=_joined(matchers),
        points=entry.get("points", 0 if section == "allow" else SEVERITIES[severity]),
        group=entry.get("group", rule_id),
        severity=severity,
        floor=Verdict.BLOCK if section == "deny" else entry.get("floor", Verdict.ALLOW),
        level=entry.get("level", 1),
        live=entry.get("stage", "live") == "live",
        title=entry.get("title", ""),
        say=entry.get("say", ""),
        instead=entry.get("instead", ""),
        since=entry.get("since", ""),
        tags=entry.get("tags", ()),
        when=read_condition(entry.get("when"), context) if entry.get("when") is not None else None,
        unless=unless,
        parameters=plain(guard) if guard is not None and isinstance(guard.value, Mapping) else {},
        hits=entry.get("hit", ()),
        misses=entry.get("miss", ()),
        place=entry.node,
        pack=str(document.get("id", "")),
    )


def _joined(matchers: Mapping[str, Matcher]) -> Matcher:
    found = tuple(matchers.values())
    return found[0] if len(found) == 1 else All(found)


def _targets(entry: Entry, section: str, build: _Build) -> frozenset[Target]:
    if (words := entry.get("target")) is not None:
        targets = frozenset(Target(word) for word in words)
        if section == "allow" and targets != {Target.COMMAND}:
            build.report(entry.at("target"), "rule.target", "allow rules cover commands alone", entry.path)
        return targets
    if section == "allow" or entry.extra.keys() & {"prefix", "command"}:
        return frozenset((Target.COMMAND,))
    if entry.node.get("target") is None:
        hint = "one of " + ", ".join(Target)
        build.report(entry.node, "key.missing", "`target` is missing", entry.path, hint)
    return frozenset()


def _unless(entry: Entry, context: Context) -> tuple[tuple[Condition, ...], list[tuple[str, Node]]]:
    conditions: list[Condition] = []
    names: list[tuple[str, Node]] = []
    node = entry.get("unless")
    for element in node.elements() if node is not None else ():
        if isinstance(element.value, Mapping):
            conditions.append(read_condition(element, context))
        else:
            names.extend((word, element) for word in context.words(element))
    return tuple(conditions), names


def _add_exemption(entry: Entry, build: _Build) -> None:
    exemption_id = entry.get("id")
    if exemption_id is None:
        return
    if exemption_id in build.exemptions:
        build.report(entry.at("id"), "exception.duplicate", f"exception {exemption_id} exists already", entry.path)
        return
    when = entry.get("when")
    context = _context(entry, frozenset(Target), build)  # it may be asked about any rule
    build.exemptions[exemption_id] = Exemption(
        id=exemption_id,
        rules=frozenset(entry.get("rules", ())),
        when=read_condition(when, context) if when is not None else Condition(),
        reason=entry.get("reason", ""),
        owner=entry.get("owner", ""),
        until_ms=entry.get("until"),
        place=entry.node,
    )


def _exemptions_by_rule(build: _Build) -> dict[str, tuple[Exemption, ...]]:
    found: dict[str, list[Exemption]] = {}
    for exemption in build.exemptions.values():
        for pattern in exemption.rules:
            excused = [rule_id for rule_id in build.rules if fnmatchcase(rule_id, pattern)]
            for rule_id in excused:
                found.setdefault(rule_id, []).append(exemption)
            if not excused and exemption.place is not None:
                _unknown_rule(exemption.place, pattern, build)
    for rule_id, exemption_id, node in build.wanted:
        if exemption_id in build.exemptions:
            found.setdefault(rule_id, []).append(build.exemptions[exemption_id])
        else:
            near = closest(exemption_id, build.exemptions)
            hint = f"did you mean {near[0]}?" if near else "declare it under exceptions:"
            build.report(node, "exception.unknown", f"no exception {exemption_id!r}", hint=hint)
    return {rule_id: tuple(rows) for rule_id, rows in found.items()}


def _tune(document: Entry, build: _Build) -> None:
    for rule_id, entry in document.get("tune", {}).items():
        rule = build.rules.get(rule_id)
        if rule is None:
            _unknown_rule(entry.node, rule_id, build)
            continue
        severity = entry.get("severity", rule.severity)
        points = SEVERITIES[severity] if "severity" in entry.values else rule.points
        build.rules[rule_id] = replace(
            rule,
            severity=severity,
            points=entry.get("points", points),
            floor=entry.get("floor", rule.floor) if rule.section != "deny" else Verdict.BLOCK,
            group=entry.get("group", rule.group),
            level=entry.get("level", rule.level),
            live=entry.get("stage", "live" if rule.live else "shadow") == "live",
        )


def _unknown_rule(node: Node, rule_id: str, build: _Build) -> None:
    near = closest(rule_id, build.rules)
    hint = f"did you mean {near[0]}?" if near else ""
    build.report(node, "rule.unknown", f"no rule {rule_id!r}", hint=hint)


def _scanners(build: _Build, factory: PatternFactory) -> dict[Family, Scanner]:
    scanners = {}
    for family, members in FAMILIES.items():
        indexes = tuple(index for index, (targets, _) in enumerate(build.patterns.rows) if targets & members)
        if not indexes:
            continue
        try:
            scanners[family] = Scanner(factory([build.patterns.rows[index][1] for index in indexes]), indexes)
        except ValueError as error:
            _report_bad_patterns(build, indexes, factory, error)
    return scanners


def _report_bad_patterns(build: _Build, indexes: Sequence[int], factory: PatternFactory, whole: ValueError) -> None:
    """Each pattern that cannot be used by itself; when each can, what is wrong with all of them together."""
    found = False
    for index in indexes:
        try:
            factory([build.patterns.rows[index][1]])
        except ValueError as error:
            found = True
            place = build.patterns.places[index]
            if not any(known.code == "pattern.bad" and known.line == place.line for known in build.problems):
                build.report(place, "pattern.bad", f"unusable pattern: {error}")
    if not found:
        place = build.patterns.places[indexes[getattr(whole, "index", 0)]]
        build.report(place, "pattern.bad", f"unusable together with {len(indexes) - 1} others: {whole}")


def _native_factory(patterns: Sequence[str]) -> PatternScanner:
    from gw._native import prepared  # late, so that policies can be read and linted without the engine
    from gw._native.patterns import PatternSet

    memory = max(LEAST_PATTERN_BYTES, len(patterns) * PATTERN_BYTES)
    return PatternSet(patterns, max_mem=memory, max_spans=limits.MAX_PATTERN_SPANS, known=prepared.read())
