"""Applies the policy's rules: deny and score rules to every subject, allow rules to whole command lines.

Knows no kind of matcher. Invariant: work is done only for rules whose key is present in the subject; `allow` can hide
score rules of group `shell` alone, never a deny rule or a floor.
"""

from collections.abc import Sequence, Set
from typing import Final

from gw.model.action import Action
from gw.model.decision import Finding, Span
from gw.model.shell import Node, NodeRole
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy, Rule
from gw.policy.matchers.base import Key
from gw.policy.matchers.path import Paths
from gw.policy.targets import RUNNING, keys_of, targets_of
from gw.ports import Clock

COVERABLE_GROUP: Final = "shell"
# At the end of a pipe, with nothing but options and numbers, these only shorten or reorder what they are given.
FILTERS: Final = frozenset({"cat", "head", "nl", "rev", "tac", "tail", "uniq", "wc"})
# Wrappers that change neither rights, nor input, nor where the command runs; upstream sees through the same ones.
TRANSPARENT: Final = frozenset(("env", "timeout", "nice", "nohup", "time", "flock", "command", "builtin", "exec"))


class RuleGuard:
    name = "rules"
    pure = True
    reads = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> list[Finding]:
        now_ms = self._clock.now_ms()
        findings: list[Finding] = []
        for subject in subjects:
            keys = keys_of(subject)
            covered = bool(policy.allow) and subject.command is not None and is_covered(subject, keys, policy)
            tried: set[Rule] = set()
            for target in targets_of(subject):
                index = policy.scoring.get(target)
                for rule in index.candidates(keys) if index is not None else ():
                    if rule in tried or (covered and rule.section == "score" and rule.group == COVERABLE_GROUP):
                        continue
                    tried.add(rule)
                    if (finding := apply(rule, subject, policy, now_ms)) is not None:
                        findings.append(finding)
        return findings


def apply(rule: Rule, subject: Subject, policy: CompiledPolicy, now_ms: int) -> Finding | None:
    """What one rule says of one subject: its finding, the exception that excuses it, or nothing."""
    if rule.when is not None and not rule.when.holds(subject.action):
        return None
    spans = rule.matcher.match(subject)
    if spans is None or any(condition.covers(subject, spans) for condition in rule.unless):
        return None
    span = spans[0] if spans else None
    for exemption in policy.exemptions.get(rule.id, ()):
        if not exemption.is_over(now_ms) and exemption.when.covers(subject, spans):
            return Finding("exception." + exemption.id, part=subject.index, span=span, detail=f"excuses {rule.id}")
    return rule.finding(part=subject.index, span=span)


def is_covered(subject: Subject, keys: Set[Key], policy: CompiledPolicy) -> bool:
    """Whether every running node is covered by an allow rule and writes nowhere but to the allowed paths."""
    assert subject.command is not None
    allowing = policy.allow.candidates(keys)
    if not allowing or subject.command.signals:
        return False
    running = [node for node in subject.command.nodes if node.role in RUNNING]
    if not running:
        return False
    covered: set[Span] = set()
    for rule in allowing:
        if rule.live and (rule.when is None or rule.when.holds(subject.action)):
            covered.update(rule.matcher.match(subject) or ())
    return bool(covered) and all(
        _node_covered(node, covered, policy) if not _only_filters(node) else not node.writes for node in running
    )


def _only_filters(node: Node) -> bool:
    """`... | head -3` adds nothing to what is covered before the pipe."""
    return (
        node.piped_from is not None
        and node.program in FILTERS
        and all(word.isdecimal() for word in node.operands)
        and not (node.reads or node.deletes or node.fetches or node.wrappers or node.inline_code)
    )


def _node_covered(node: Node, covered: set[Span], policy: CompiledPolicy) -> bool:
    if node.span not in covered or node.role is NodeRole.INLINE or node.inline_code is not None:
        return False
    if node.privileged or node.assigns or not TRANSPARENT.issuperset(node.wrappers) or "/" in node.argv[0]:
        return False  # `sudo git`, `PATH=/x git` and `./git` are not what `git` allows
    return not node.writes or all(path in Paths(globs=policy.write_paths) for path in node.writes)
