"""Which rules look at a part of an action, and what the rule index is asked with.

Knows no rule. Invariant: every part has at least one target, so nothing an action carries is exempt by its kind.
"""

from collections.abc import Mapping
from itertools import compress
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from gw.model.action import PartKind, Provenance
from gw.model.shell import Node, NodeRole
from gw.model.subject import Subject
from gw.policy.matchers.base import Key, Target

UNTRUSTED: Final = frozenset((Provenance.TOOL_OUTPUT, Provenance.WEB, Provenance.FILE))

# DATA has no target of its own: it is seen as part of its call or request.
OF_KIND: Final[Mapping[PartKind, Target | None]] = MappingProxyType(
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

# Fields of a node that are facts by being there.
NODE_FACTS: Final = (
    "reads", "writes", "deletes", "fetches", "inline_code", "privileged", "background", "recursive",
)  # fmt: skip
_NODE_KEYS: Final[tuple[Key, ...]] = tuple(("fact", name) for name in NODE_FACTS)
_node_values: Final = itemgetter(*map(Node._fields.index, NODE_FACTS))

RUNNING: Final = frozenset((NodeRole.RUNS, NodeRole.INLINE))


def targets_of(subject: Subject) -> tuple[Target, ...]:
    """The part's own target, and the target of whatever carries it."""
    kind = subject.part.kind
    target = OF_KIND[kind]
    if kind is PartKind.PROMPT and subject.action.provenance in UNTRUSTED:
        target = Target.TOOL_OUTPUT
    carrier = Target.RPC if subject.action.tool is None else Target.TOOL_CALL
    return (carrier,) if target is None or target is carrier else (target, carrier)


def keys_of(subject: Subject) -> set[Key]:
    """What is present in the subject, as matchers' `keys` name it."""
    keys: set[Key] = {("method", subject.action.method), *subject.hits}
    if subject.action.tool is not None:
        keys.add(("tool", subject.action.tool))
    for name in subject.signals:
        keys.add(("signal", name))
    if subject.command is not None:
        for name in subject.command.signals:
            keys.add(("signal", name))
        for node in subject.command.nodes:
            if node.role in RUNNING:
                if node.program is not None:
                    keys.add(("program", node.program))
                for name in node.facts:
                    keys.add(("fact", name))
                keys.update(compress(_NODE_KEYS, _node_values(node)))
    return keys
