"""What a kind of action may do at worst, which decides what happens while it cannot be judged.

Reads go on, writes wait for a person, what can destroy or reach outside is refused. Knows no verdict. Invariant: what
is not listed waits for a person; tools of MCP servers count as destructive, because nobody knows them.
"""

from enum import StrEnum
from typing import Final

from gw.model.action import Action


class ActionClass(StrEnum):
    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


# The plugin keeps the same two lists for when the daemon is away (plugin/classes.js).
READ_TOOLS: Final = frozenset(
    {
        "agents_list", "get_goal", "ls", "memory_get", "memory_search", "pdf", "progress_card", "read",
        "session_status", "sessions_history", "sessions_list", "sessions_search", "view_image",
    }
)  # fmt: skip
DESTRUCTIVE_TOOLS: Final = frozenset(
    {
        "automations", "browser", "canvas", "code_execution", "computer", "exec", "gateway", "message", "mobile_ui",
        "nodes", "openclaw", "plugins", "portal", "process", "secrets", "sessions_send", "sessions_spawn", "terminal",
        "web_fetch",
    }
)  # fmt: skip
DESTRUCTIVE_METHODS: Final = frozenset(
    {
        "config.apply", "config.patch", "config.set", "exec.approval.resolve", "exec.approvals.node.set",
        "exec.approvals.set", "node.invoke", "plugins.install", "skills.install", "skills.update",
        "skills.upload.commit", "terminal.input", "terminal.open",
    }
)  # fmt: skip


def class_of(action: Action) -> ActionClass:
    if action.tool is not None:
        if action.tool in READ_TOOLS:
            return ActionClass.READ
        return ActionClass.DESTRUCTIVE if action.tool in DESTRUCTIVE_TOOLS or "__" in action.tool else ActionClass.WRITE
    return ActionClass.DESTRUCTIVE if action.method in DESTRUCTIVE_METHODS else ActionClass.WRITE
