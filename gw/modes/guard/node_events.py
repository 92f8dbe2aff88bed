"""What a node tells the gateway by `node.event`: what of it an agent will read, and whose words it is taken for.

A table from OpenClaw 2026.9.6 (its `server-node-events`). Knows no frames and no verdicts. Invariant: an event that is
not in the table is judged, and what is judged is the payload that the gateway will read.
"""

from typing import Final

from gw.model.action import Provenance
from gw.ports import Json
from gw.wire import json

METHOD: Final = "node.event"

# The gateway makes no text of these for anybody.
WITHOUT_TEXT: Final = frozenset(
    {"node.host.stats", "node.presence.alive", "node.presence.activity", "node.desktop.availability"}
    | {"push.apns.register", "chat.subscribe", "chat.unsubscribe"}
)
# A person at the node says these; whatever else comes was said by programs: notifications, output of commands.
FROM_PEOPLE: Final = frozenset({"voice.transcript", "agent.request"})


def opened(params: Json) -> Json:
    """The event with its payload as a value; the text wins over the value, as in the gateway."""
    if not isinstance(params, dict) or not isinstance(params.get("payloadJSON"), str):
        return params
    rest = {name: value for name, value in params.items() if name not in ("payload", "payloadJSON")}
    try:
        return {**rest, "payload": json.loads(params["payloadJSON"])}
    except ValueError:
        return {**rest, "payload": params["payloadJSON"]}


def is_judged(params: Json) -> bool:
    return _name(params) not in WITHOUT_TEXT


def provenance_of(params: Json) -> Provenance:
    return Provenance.USER if _name(params) in FROM_PEOPLE else Provenance.TOOL_OUTPUT


def _name(params: Json) -> str:
    name = params.get("event") if isinstance(params, dict) else None
    return name if isinstance(name, str) else ""
