"""Requests, events and tool calls to Actions.

Reads the tables `carriers` and `tool_fields`; never searches for a key. Invariant: total on any JSON value, and every
text below a tool's arguments becomes exactly one part, so what is not understood is still judged as data.
"""

import json
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from gw._native.filehash import sha256
from gw.defender.carriers import EVENTS, EVERYTHING, METHODS, Carrier
from gw.defender.places import escape, find
from gw.defender.tool_fields import kind_of, tool_id
from gw.model.action import Action, Part, PartKind, Provenance
from gw.ports import Json

MAX_PARTS: Final = 512  # of one action; the rest is joined into one part
_CHAT_TYPES: Final = frozenset(("direct", "dm", "group", "channel", "thread"))
_PATCH_PATHS: Final = ("*** Add File:", "*** Update File:", "*** Delete File:", "*** Move to:")
_RUNS_COMMANDS: Final = ("/bash ", "!")  # chat commands whose rest is a shell line


class Origin(NamedTuple):
    """What the connection or caller knows, beside the message itself."""

    id: str = ""
    mode: str = "gateway"
    conn_id: str | None = None
    client_id: str | None = None
    channel: str | None = None
    sender: str | None = None
    provenance: Provenance = Provenance.USER


def from_request(method: str, params: Json, raw: bytes, origin: Origin) -> Action:
    """The action of a gateway request; *raw* are the bytes that will be acted on (of the frame, or of its params)."""
    return _build(method, params, raw, origin, METHODS.get(method, EVERYTHING))


def from_event(event: str, payload: Json, raw: bytes, origin: Origin) -> Action:
    """The action of a gateway event or of a request the gateway makes of a node."""
    if event == "node.invoke.request" and isinstance(payload, dict) and isinstance(payload.get("paramsJSON"), str):
        payload = {**payload, "params": _parsed(payload["paramsJSON"])}
    return _build(event, payload, raw, origin, EVENTS.get(event, EVERYTHING))


def from_tool_call(tool: str, arguments: Json, raw: bytes, origin: Origin, session_key: str | None = None) -> Action:
    """The action of an agent's tool call, as a plugin hook or HTTP entry point reports it."""
    params = {"tool": tool, "args": arguments, "sessionKey": session_key}
    return _build("tool.call", params, raw, origin, METHODS["tool.call"])


def _build(method: str, params: Json, raw: bytes, origin: Origin, carrier: Carrier) -> Action:
    tool = _tool(params, carrier)
    parts = _parts(params, carrier, tool)
    session_key = _first(params, carrier.session)
    channel, chat = _of_session(session_key)
    named = _first(params, carrier.channel)
    return Action(
        id=origin.id,
        method=method,
        parts=tuple(parts if len(parts) <= MAX_PARTS else _bounded(parts)),
        digest=sha256(raw).hexdigest(),
        size=len(raw),
        provenance=Provenance.CHANNEL if named and origin.provenance is Provenance.USER else origin.provenance,
        tool=tool,
        channel=(named or origin.channel or channel or "").lower() or None,
        chat_type=chat,
        session_key=session_key,
        agent_id=_text(_one(params, carrier.agent)),
        sender=origin.sender,
        conn_id=origin.conn_id,
        client_id=origin.client_id,
        mode=origin.mode,
    )


def session_of(method: str, params: Json) -> str | None:
    """The session a request names, where its method names one."""
    return _first(params, METHODS.get(method, EVERYTHING).session)


def _tool(params: Json, carrier: Carrier) -> str | None:
    name = carrier.fixed_tool or _first(params, carrier.tool)
    if not name:
        return None
    return "exec" if name == "system.run" else tool_id(name)


def _parts(params: Json, carrier: Carrier, tool: str | None) -> list[Part]:
    parts: list[Part] = []
    if tool is not None:
        parts.append(Part(PartKind.TOOL, next(iter(carrier.tool), ""), tool))
    for _, kind, where, value in find(carrier.places, params):
        _read(kind, where, value, parts)
    if not carrier.fixed_tool:
        parts.extend(_chat_command(params))
    if carrier.arguments:
        _arguments(tool or "", carrier.arguments, _one(params, carrier.arguments), parts)
    return parts


def _chat_command(params: Json) -> Iterator[Part]:
    """`!ls` and `/bash ls` in a message run a shell line, unless the request says that messages are only text."""
    message = _text(_one(params, "/message"))
    if message is None or _one(params, "/suppressCommandInterpretation") is True:
        return
    message = message.strip()
    for start in _RUNS_COMMANDS:
        if message.startswith(start) and len(message) > len(start):
            yield Part(PartKind.COMMAND, "/message", message[len(start) :].strip())


def _read(kind: PartKind, where: str, value: Json, parts: list[Part]) -> None:
    """One value as a part; a list of words where a command is expected is an argv."""
    if isinstance(value, str):
        if value:
            parts.append(Part(kind, where, value))
    elif isinstance(value, list):
        if kind is PartKind.COMMAND and _is_argv(value):
            parts.append(Part(PartKind.ARGV, where, shlex.join(value)))
        else:
            for index, element in enumerate(value):
                _read(kind, f"{where}/{index}", element, parts)
    elif isinstance(value, dict):
        for name, child in value.items():
            _read(PartKind.DATA, f"{where}/{escape(name)}", child, parts)


def _is_argv(words: list[Json]) -> bool:
    return {type(word) for word in words} == {str}


def _arguments(tool: str, where: str, value: Json, parts: list[Part]) -> None:
    """Every text below a tool's arguments, with the meaning the tool's table gives it."""
    stack: list[tuple[tuple[str, ...], str, Json]] = [((), where, value)]
    while stack:
        path, at, node = stack.pop()
        if isinstance(node, dict):
            stack.extend(
                [((*path, str(name)), f"{at}/{escape(str(name))}", child) for name, child in reversed(node.items())]
            )
        elif isinstance(node, list):
            if path and kind_of(tool, path) is PartKind.COMMAND and _is_argv(node):
                parts.append(Part(PartKind.ARGV, at, shlex.join(node)))
            else:
                stack.extend([((*path, "*"), f"{at}/{index}", child) for index, child in reversed([*enumerate(node)])])
        elif isinstance(node, str) and node:
            if tool == "nodes" and path == ("invokeParamsJson",):
                stack.append((("invokeParams",), at, _parsed(node)))
            else:
                parts.append(Part(kind_of(tool, path), at, node))
            if tool == "apply_patch":
                parts.extend(_patched(at, node))


def _patched(where: str, patch: str) -> Iterator[Part]:
    for line in patch.splitlines():
        for mark in _PATCH_PATHS:
            if line.startswith(mark):
                yield Part(PartKind.PATH, where, line[len(mark) :].strip())


def _bounded(parts: list[Part]) -> list[Part]:
    rest = "\n".join(part.value for part in parts[MAX_PARTS - 1 :])
    return [*parts[: MAX_PARTS - 1], Part(PartKind.DATA, "", rest)]


def _one(params: Json, pointer: str) -> Json:
    node = params
    for name in _names(pointer):
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node


def _first(params: Json, pointers: tuple[str, ...]) -> str | None:
    for pointer in pointers:
        text = _one(params, pointer)
        if text and isinstance(text, str):
            return text
    return None


@cache
def _names(pointer: str) -> tuple[str, ...]:
    """The steps of a pointer of the tables, which are few."""
    return tuple(pointer.split("/")[1:])


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _of_session(key: str | None) -> tuple[str | None, str | None]:
    """(channel, chat type) that a session key `agent:<id>:<channel>:<chat type>:...` names."""
    parts = (key or "").split(":")
    if len(parts) >= 4 and parts[0] == "agent" and parts[3] in _CHAT_TYPES:
        return parts[2], "direct" if parts[3] == "dm" else parts[3]
    return None, None


def _parsed(text: str) -> Json:
    """JSON inside a text; the text itself when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
