"""Where each gateway method and event carries what must be judged: exact JSON pointers, one row per name.

A table from the protocol as served by OpenClaw 2026.9.6. Knows no verdict. Invariant: a pointer names one place; a name
without a row has every text in it judged as data (`EVERYTHING`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gw.defender.places import Place, planted
from gw.model.action import PartKind

PROMPT, COMMAND, URL, PATH, OUTPUT, DATA = (
    PartKind.PROMPT, PartKind.COMMAND, PartKind.URL, PartKind.PATH, PartKind.OUTPUT, PartKind.DATA,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Carrier:
    """`*` in a pointer stands for every element of a list or mapping, a last `**` for every text below.

    `tool` points at a tool's name and `arguments` at its arguments; `fixed_tool` is the tool a method always means.
    """

    parts: tuple[tuple[PartKind, str], ...] = ()
    session: tuple[str, ...] = ("/sessionKey",)
    agent: str = "/agentId"
    channel: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    arguments: str = ""
    fixed_tool: str = ""
    places: Place = field(init=False, repr=False, compare=False)  # of `parts`

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", planted(self.parts))


_MESSAGE: Final = ((PROMPT, "/message"), (DATA, "/attachments/**"))
_PROMPTED: Final = ((PROMPT, "/message"), (PROMPT, "/quote"), (PROMPT, "/history/*"), (PROMPT, "/name"))
_EXEC: Final = (
    (COMMAND, "/command"), (COMMAND, "/commandArgv"), (COMMAND, "/systemRunPlan/argv"),
    (COMMAND, "/systemRunPlan/rawCommand"), (PATH, "/systemRunPlan/cwd"), (PATH, "/cwd"), (PATH, "/resolvedPath"),
    (DATA, "/env/**"), (DATA, "/warningText"), (DATA, "/host"), (DATA, "/security"), (DATA, "/ask"),
)  # fmt: skip
_CRON: Final = (
    (PROMPT, "/payload/message"), (PROMPT, "/payload/text"), (COMMAND, "/payload/command"),
    (COMMAND, "/payload/argv"), (COMMAND, "/payload/script"), (COMMAND, "/schedule/commands/*"),
    (PROMPT, "/patch/payload/message"), (PROMPT, "/patch/payload/text"), (COMMAND, "/patch/payload/command"),
    (COMMAND, "/patch/payload/argv"), (COMMAND, "/patch/payload/script"), (COMMAND, "/patch/schedule/commands/*"),
    (URL, "/delivery/to"), (DATA, "/**"),
)  # fmt: skip
_CONFIG: Final = Carrier(parts=((DATA, "/raw"),))
EVERYTHING: Final = Carrier(parts=((DATA, "/**"),), session=("/sessionKey", "/key"))

METHODS: Final[Mapping[str, Carrier]] = MappingProxyType(
    {
        "chat.send": Carrier(_MESSAGE, channel=("/originatingChannel",)),
        "agent": Carrier(
            (*_MESSAGE, (PROMPT, "/extraSystemPrompt"), (DATA, "/internalEvents/**"), (PATH, "/cwd")),
            channel=("/channel", "/replyChannel"),
        ),
        "sessions.send": Carrier(_MESSAGE, session=("/key",)),
        "sessions.steer": Carrier(_MESSAGE, session=("/key",)),
        "sessions.create": Carrier(
            (*_MESSAGE, (PROMPT, "/task"), (PATH, "/cwd"), (URL, "/projectGitUrl"),
             (DATA, "/toolOverrides/**"), (DATA, "/permissionMode")),
            session=("/key", "/parentSessionKey"),
        ),
        "sessions.patch": Carrier(((DATA, "/**"),), session=("/key",)),
        "sessions.patchMany": Carrier(((DATA, "/**"),), session=("/key",)),
        "chat.inject": Carrier(((PROMPT, "/message"), (DATA, "/label"))),
        "wake": Carrier(((PROMPT, "/text"),)),
        "send": Carrier(
            ((OUTPUT, "/message"), (URL, "/mediaUrl"), (URL, "/mediaUrls/*"), (PATH, "/filename"), (DATA, "/to")),
            channel=("/channel",),
        ),
        "poll": Carrier(((OUTPUT, "/question"), (OUTPUT, "/options/*"), (DATA, "/to")), channel=("/channel",)),
        "message.action": Carrier(
            channel=("/channel", "/params/channel"), arguments="/params", fixed_tool="message",
        ),
        "tools.invoke": Carrier(tool=("/name",), arguments="/args"),
        "tool.call": Carrier(tool=("/tool",), arguments="/args", channel=("/channel",)),
        # What the plugin inside a gateway reports besides tool calls.
        "hook.prompt": Carrier(((PROMPT, "/text"),), channel=("/channel",)),
        "hook.message": Carrier(((PROMPT, "/text"),), channel=("/channel",)),
        "hook.result": Carrier(((PROMPT, "/text"),), channel=("/channel",), tool=("/tool",)),
        "hook.outbound": Carrier(((OUTPUT, "/text"),), channel=("/channel",)),
        # What a chat channel, a webhook or a timer brings to an agent, and what the agent says back to a chat.
        "channel.message": Carrier(
            (*_PROMPTED, (DATA, "/media/**")), channel=("/channel",),
        ),
        "channel.reply": Carrier(((OUTPUT, "/text"),), channel=("/channel",)),
        # The gateway's HTTP surface (PROTOCOL.md section 7): what comes behind the known places is data.
        "http.chat": Carrier(
            ((PROMPT, "/messages/*/content/*/text"), (PROMPT, "/messages/*/content"), (DATA, "/**")),
        ),
        "http.responses": Carrier(
            ((PROMPT, "/input/*/content/*/text"), (PROMPT, "/input/*/content"), (PROMPT, "/input/*/output"),
             (PROMPT, "/instructions"), (PROMPT, "/input"), (DATA, "/**")),
        ),
        "http.tools": Carrier(tool=("/tool",), arguments="/args"),
        "http.hook": Carrier(((PROMPT, "/message"), (PROMPT, "/text"), (DATA, "/**")), channel=("/channel",)),
        "node.invoke": Carrier(
            ((COMMAND, "/params/command"), (COMMAND, "/params/rawCommand"), (COMMAND, "/params/systemRunPlan/argv"),
             (PATH, "/params/cwd"), (PATH, "/params/path"), (URL, "/params/url"), (DATA, "/params/**")),
            tool=("/command",),
        ),
        # The payload read from its text; `command` is what a node says it has run (gw/modes/guard/node_events).
        "node.event": Carrier(
            ((PROMPT, "/payload/text"), (PROMPT, "/payload/message"), (PROMPT, "/payload/title"),
             (PROMPT, "/payload/output"), (PROMPT, "/payload/command"), (OUTPUT, "/payload/receiptText"),
             (DATA, "/**")),
            session=("/payload/sessionKey",),
        ),
        "exec.approval.request": Carrier(_EXEC, channel=("/turnSourceChannel",), fixed_tool="exec"),
        "cron.add": Carrier(_CRON, channel=("/delivery/channel",)),
        "cron.update": Carrier(_CRON, channel=("/delivery/channel", "/patch/delivery/channel")),
        "config.set": _CONFIG,
        "config.patch": _CONFIG,
        "config.apply": _CONFIG,
        "agents.files.set": Carrier(((PATH, "/name"), (DATA, "/content"))),
        "terminal.input": Carrier(((COMMAND, "/data"),), fixed_tool="terminal"),
        "terminal.open": Carrier(((COMMAND, "/command"), (PATH, "/cwd")), fixed_tool="terminal"),
    }
)  # fmt: skip

EVENTS: Final[Mapping[str, Carrier]] = MappingProxyType(
    {
        "exec.approval.requested": Carrier(
            tuple((kind, "/request" + pointer) for kind, pointer in _EXEC),
            session=("/request/sessionKey",), agent="/request/agentId",
            channel=("/request/turnSourceChannel",), fixed_tool="exec",
        ),
        "plugin.approval.requested": Carrier(
            session=("/request/sessionKey",), agent="/request/agentId",
            tool=("/request/toolName",), arguments="/request",
        ),
        "node.invoke.request": Carrier(
            ((COMMAND, "/params/command"), (COMMAND, "/params/rawCommand"), (COMMAND, "/params/systemRunPlan/argv"),
             (PATH, "/params/cwd"), (PATH, "/params/path"), (URL, "/params/url"), (DATA, "/params/**")),
            tool=("/command",), session=("/params/sessionKey", "/sessionKey"),
        ),
        # Both what upstream emits (stream `tool`, `data.name`, `data.args`) and the flat shape older guards recorded.
        "agent": Carrier(
            ((COMMAND, "/command"), (PROMPT, "/message"), (URL, "/url"), (PATH, "/path")),
            session=("/sessionKey", "/sessionId"), channel=("/channel",),
            tool=("/tool", "/data/name"), arguments="/data/args",
        ),
        "session.tool": Carrier(tool=("/data/name",), arguments="/data/args"),
        "chat": Carrier(((OUTPUT, "/message/content/*/text"),)),
        "session.message": Carrier(((OUTPUT, "/message/content/*/text"),)),
    }
)  # fmt: skip
