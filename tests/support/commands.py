"""Short ways to ask what the parser understood of a line."""

from gw.defender.shell import analyse
from gw.model.shell import Node, NodeRole

RUNNING = (NodeRole.RUNS, NodeRole.INLINE)


def running(command: str) -> list[Node]:
    """The nodes that run, in order."""
    return [node for node in analyse(command).nodes if node.role in RUNNING]


def facts_of(command: str) -> set[str]:
    return {fact for node in running(command) for fact in node.facts}


def argv_of(command: str) -> tuple[str, ...]:
    """The words of the last node that runs."""
    return running(command)[-1].argv
