"""Applies the policy's rules: deny and score rules to every subject, allow rules to whole command lines.

Knows no kind of matcher. Invariant: work is done only for rules whose key is present in the subject; `allow` can hide
score rules of group `shell` alone, never a deny rule or a floor.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gw.model.action import Action, PartKind, Provenance
from gw.model.decision import Finding, Span
from gw.model.shell import Node, NodeRole
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy, Rule
from gw.policy.matchers.base import Key, Target
from gw.policy.matchers.path import Paths

COVERABLE_GROUP: Final = "shell"
_UNTRUSTED: Final = frozenset((Provenance.TOOL_OUTPUT, Provenance.WEB, Provenance.FILE))
_KIND_TARGETS: Final[Mapping[PartKind, Target | None]] = MappingProxyType(
    {
        PartKind.PROMPT: Target.PROMPT,
        PartKind.COMMAND: Target.COMMAND,
        PartKind.ARGV: Target.COMMAND,
        PartKind.OUTPUT: Target.OUTBOUND,
        PartKind.URL: Target.TOOL_CALL,
        PartKind.PATH: Target.TOOL_CALL,
        PartKind.TOOL: Target.TOOL_CALL,
        PartKind.DATA: None,
    }
)
_NODE_FACTS: Final = (
    "reads", "writes", "deletes", "fetches", "inline_code", "privileged", "background", "recursive",
)  # fmt: skip


def targets_of(subject: Subject) -> tuple[Target, ...]:
    """Which rules look at this part."""
    kind = subject.part.kind
    target = _KIND_TARGETS[kind]
    if kind is PartKind.PROMPT and subject.action.provenance in _UNTRUSTED:
        target = Target.TOOL_OUTPUT
    wider = Target.RPC if subject.action.tool is None else Target.TOOL_CALL
    return (wider,) if target is None or target is wider else (target, wider)


def keys_of(subject: Subject) -> set[Key]:
    """What the rule index is asked with."""
    keys: set[Key] = set(subject.hits)
    keys.update(("signal", name) for name in subject.signals)
    if subject.action.tool is not None:
        keys.add(("tool", subject.action.tool))
    keys.add(("method", subject.action.method))
    if subject.command is not None:
        keys.update(("signal", name) for name in subject.command.signals)
        for node in subject.command.nodes:
            if node.role in (NodeRole.RUNS, NodeRole.INLINE):
                if node.program is not None:
                    keys.add(("program", node.program))
                keys.update(("fact", name) for name in node.facts)
                keys.update(("fact", name) for name in _NODE_FACTS if getattr(node, name))
    return keys


class RuleGuard:
    name = "rules"

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        for subject in subjects:
            keys = keys_of(subject)
            covered = subject.command is not None and is_covered(subject, keys, policy)
            for target in targets_of(subject):
                index = policy.scoring.get(target)
                if index is None:
                    continue
                for rule in index.candidates(keys):
                    if covered and rule.section == "score" and rule.group == COVERABLE_GROUP:
                        continue
                    yield from _apply(rule, subject, policy)


def _apply(rule: Rule, subject: Subject, policy: CompiledPolicy) -> Iterator[Finding]:
    if rule.when is not None and not rule.when.holds(subject.action):
        return
    spans = rule.matcher.match(subject)
    if spans is None or any(condition.covers(subject, spans) for condition in rule.unless):
        return
    span = spans[0] if spans else None
    for exemption in policy.exemptions_for(rule):
        if exemption.when.covers(subject, spans):
            yield Finding("exception." + exemption.id, part=subject.index, span=span, detail=f"excuses {rule.id}")
            return
    yield rule.finding(part=subject.index, span=span)


def is_covered(subject: Subject, keys: Iterable[Key], policy: CompiledPolicy) -> bool:
    """Whether every running node is covered by an allow rule and writes nowhere but to the allowed paths."""
    assert subject.command is not None
    running = [node for node in subject.command.nodes if node.role in (NodeRole.RUNS, NodeRole.INLINE)]
    if not running or subject.command.signals:
        return False
    covered: set[Span] = set()
    for rule in policy.allow.candidates(keys):
        if rule.live and (rule.when is None or rule.when.holds(subject.action)):
            covered.update(rule.matcher.match(subject) or ())
    return all(_node_covered(node, covered, policy) for node in running)


def _node_covered(node: Node, covered: set[Span], policy: CompiledPolicy) -> bool:
    if node.span not in covered or node.role is NodeRole.INLINE or node.inline_code is not None:
        return False
    return all(path in Paths(globs=policy.write_paths) for path in node.writes)
