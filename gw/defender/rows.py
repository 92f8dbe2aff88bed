"""An action described flatly, as people and tests write it: `{command: ls, tool: exec, channel: discord}`.

The one reader of that form, for `clawgate judge`, `security.evaluate`, policy tests and replay. Knows no verdict.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gw._native.filehash import sha256
from gw.defender.extract import Origin, from_tool_call
from gw.defender.tool_fields import tool_id
from gw.model.action import Action, Part, PartKind, Provenance

KINDS: Final[Mapping[str, PartKind]] = MappingProxyType(
    {
        "prompt": PartKind.PROMPT,
        "command": PartKind.COMMAND,
        "url": PartKind.URL,
        "path": PartKind.PATH,
        "output": PartKind.OUTPUT,
        "data": PartKind.DATA,
    }
)
NAMES: Final = ("tool", "channel", "chat", "session", "agent", "sender", "client", "method", "provenance")
_TEXTS: Final = frozenset((*KINDS, *NAMES))


def to_action(
    row: Mapping[str, Any], *, mode: str, action_id: str = "", conn_id: str | None = None, client_id: str | None = None
) -> Action:
    """Raises ValueError saying what is wrong; keys that are neither parts nor names are ignored.

    What is known of the asker stands above what the row says.
    """
    for name, value in row.items():
        if name in _TEXTS and value is not None and not isinstance(value, str):
            raise ValueError(f"`{name}` must be text")
    parts = [Part(kind, "/" + name, row[name]) for name, kind in KINDS.items() if row.get(name)]
    raw = "\0".join(part.value for part in parts).encode("utf-8", "surrogatepass")
    tool = tool_id(row["tool"]) if row.get("tool") else None
    if (arguments := row.get("args")) is not None:
        parts.extend(from_tool_call(tool or "", arguments, raw, Origin()).parts)
        raw += json.dumps(arguments, sort_keys=True).encode("utf-8", "surrogatepass")
    elif tool and not parts:
        parts.append(Part(PartKind.TOOL, "/tool", tool))
    if not parts and not row.get("method"):
        raise ValueError(f"nothing to judge: expected one of {', '.join(KINDS)}, or a tool or method")
    return Action(
        id=action_id or str(row.get("id") or ""),
        method=row.get("method") or "judge",
        parts=tuple(parts),
        digest=sha256(raw).hexdigest(),
        size=len(raw),
        provenance=_provenance(row.get("provenance")),
        tool=tool,
        channel=row.get("channel"),
        chat_type=row.get("chat"),
        session_key=row.get("session"),
        agent_id=row.get("agent"),
        sender=row.get("sender"),
        conn_id=conn_id,
        client_id=client_id or row.get("client"),
        mode=mode,
    )


def _provenance(word: str | None) -> Provenance:
    try:
        return Provenance(word) if word else Provenance.USER
    except ValueError:
        raise ValueError(f"unknown provenance {word!r}: expected one of {', '.join(Provenance)}") from None
