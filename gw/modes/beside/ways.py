"""The ways by which something is done in a real OpenClaw, which gates stand in each, and how an open one is closed.

A table from experiments with OpenClaw 2026.9.6. Knows no state. Invariant: a gate is listed only where it can stop the
action before it happens; watching is none.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

PLUGIN, APPROVALS, GUARD = "plugin", "approvals", "guard"
GATES: Final = (PLUGIN, APPROVALS, GUARD)


class Way(NamedTuple):
    name: str
    gates: tuple[str, ...]  # any of them, active, closes it
    close: str
    is_agent: bool = False  # what an agent does by itself: a set-up that leaves it open enforces nothing


SETUP: Final = "clawgate openclaw setup"
BEHIND_GUARD: Final = "clawgate guard --upstream URL, and let clients connect there"

WAYS: Final = (
    Way("an agent's shell commands", (PLUGIN, APPROVALS), SETUP, is_agent=True),
    Way("an agent's other tools (write, web_fetch, message, browser, MCP)", (PLUGIN,), SETUP, is_agent=True),
    Way("prompts from chat apps, cron jobs and webhooks", (PLUGIN,), SETUP),
    Way("prompts that clients send", (PLUGIN, GUARD), SETUP),
    Way("messages that leave", (PLUGIN,), SETUP),
    Way("tools called over HTTP or by clients (tools.invoke)", (PLUGIN, GUARD), SETUP),
    Way("commands on nodes that clients invoke (node.invoke)", (GUARD,), BEHIND_GUARD),
    Way("configuration, plugins and terminals that clients change or open", (GUARD,), BEHIND_GUARD),
)


def open_ways(active: Collection[str]) -> list[Way]:
    """The ways in which no active gate stands."""
    return [way for way in WAYS if not set(way.gates) & set(active)]


def posture(active: Collection[str]) -> str:
    """`enforcing`: whatever an agent does passes a gate; `partly`: something does; `open`: nothing does."""
    if not any(gate in GATES for gate in active):
        return "open"
    return "partly" if any(way.is_agent for way in open_ways(active)) else "enforcing"
