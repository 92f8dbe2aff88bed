"""What the arguments of each agent tool mean: field -> kind of part.

A table from OpenClaw 2026.9.6's tool definitions. Knows no verdict. Invariant: it only gives fields a meaning; a
field that is not here is judged as data, never skipped.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gw.model.action import PartKind

COMMAND, PATH, URL, PROMPT, OUTPUT = (
    PartKind.COMMAND, PartKind.PATH, PartKind.URL, PartKind.PROMPT, PartKind.OUTPUT,
)  # fmt: skip

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"bash": "exec", "shell": "exec", "apply-patch": "apply_patch", "cron": "automations"}
)

# Every tool OpenClaw offers, for messages about names that are none of them.
KNOWN: Final = frozenset(
    {
        "agents_list", "apply_patch", "automations", "browser", "canvas", "code_execution", "computer",
        "conversations_send", "conversations_turn", "edit", "exec", "gateway", "image_generate", "ls",
        "memory_get", "memory_search", "message", "mobile_ui", "music_generate", "nodes", "openclaw", "pdf",
        "plugins", "portal", "process", "progress_card", "read", "secrets", "session_status",
        "sessions_history", "sessions_list", "sessions_search", "sessions_send", "sessions_spawn",
        "show_widget", "skills", "terminal", "tts", "video_generate", "view_image", "web_fetch", "web_search",
        "write", "x_search",
    }
)  # fmt: skip

# Keys are paths of names joined by `/`, list positions written `*`.
TOOLS: Final[Mapping[str, Mapping[str, PartKind]]] = MappingProxyType(
    {
        "exec": {"command": COMMAND, "workdir": PATH},
        "process": {"data": COMMAND, "text": COMMAND, "literal": COMMAND},
        "terminal": {"data": COMMAND, "command": COMMAND, "cwd": PATH},
        "read": {"path": PATH},
        "ls": {"path": PATH},
        "write": {"path": PATH},
        "edit": {"path": PATH},
        "web_fetch": {"url": URL},
        "browser": {"url": URL, "targetUrl": URL, "request/url": URL, "path": PATH, "paths/*": PATH},
        "canvas": {"url": URL, "gatewayUrl": URL},
        "portal": {"path": PATH},
        "nodes": {"outPath": PATH, "invokeParams/cwd": PATH},
        "message": {
            "message": OUTPUT, "media": URL, "path": PATH, "filePath": PATH, "attachments/*/media": URL,
            "presentation/buttons/*/url": URL,
        },
        "sessions_send": {"message": PROMPT},
        "sessions_spawn": {"task": PROMPT, "cwd": PATH, "attachments/*/content": PROMPT},
        "conversations_send": {"message": PROMPT},
        "conversations_turn": {"message": PROMPT},
        "automations": {
            "text": PROMPT, "job/payload/command": COMMAND, "job/payload/script": COMMAND,
            "job/payload/message": PROMPT, "job/payload/text": PROMPT, "job/schedule/commands/*": COMMAND,
        },
        "gateway": {"path": PATH, "gatewayUrl": URL},
        "view_image": {"path": PATH, "paths/*": PATH, "prompt": PROMPT},
        "pdf": {"pdf": URL, "pdfs/*": URL, "prompt": PROMPT},
    }
)  # fmt: skip

# Meaning of a last name where the tool's own row says nothing (plugins, MCP servers, aliases models invent).
NAMES: Final[Mapping[str, PartKind]] = MappingProxyType(
    {
        "command": COMMAND, "cmd": COMMAND, "rawCommand": COMMAND, "script": COMMAND,
        "path": PATH, "file_path": PATH, "filePath": PATH, "file": PATH, "cwd": PATH, "workdir": PATH,
        "url": URL, "uri": URL, "href": URL, "targetUrl": URL,
    }
)  # fmt: skip


def tool_id(name: str) -> str:
    """The id upstream uses for a tool name: trimmed, lower case, aliases resolved."""
    name = name.strip().lower()
    return ALIASES.get(name, name)


def kind_of(tool: str, path: tuple[str, ...]) -> PartKind:
    """What the text at *path* of the tool's arguments is; list positions in *path* are `*`."""
    row = TOOLS.get(tool)
    if row is not None and (kind := row.get("/".join(path))) is not None:
        return kind
    last = next((name for name in reversed(path) if name != "*"), "")
    return NAMES.get(last, PartKind.DATA)
