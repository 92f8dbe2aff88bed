"""What the defender judges: an action and its parts, as extracted from one request, event or hook call.

Knows nothing of policies or verdicts. Invariant: `digest` is the SHA-256 of exactly the bytes that are forwarded,
stored or executed, so a verdict can never be reused for other content.
"""

from enum import StrEnum
from typing import NamedTuple


class PartKind(StrEnum):
    PROMPT = "prompt"  # text somebody says to the agent
    COMMAND = "command"  # a shell command line
    ARGV = "argv"  # a command already split; value is shell-quoted text
    URL = "url"
    PATH = "path"
    TOOL = "tool"  # name of a tool or node command
    OUTPUT = "output"  # text the agent or a tool sends out
    DATA = "data"  # anything else a request carries: configuration, file content, script of a browser action


class Provenance(StrEnum):
    """Where a text came from; the same sentence weighs more from a web page than from the owner."""

    USER = "user"
    CHANNEL = "channel"
    TOOL_OUTPUT = "tool_output"
    WEB = "web"
    FILE = "file"


class Part(NamedTuple):
    kind: PartKind
    where: str  # JSON pointer into params or payload, "" for a bare value
    value: str
    provenance: Provenance | None = None  # where it differs from the action's: the text of an attached file


class Action(NamedTuple):
    """`method` is an RPC method, an event name, or a tool hook; all identifiers are as received."""

    id: str
    method: str
    parts: tuple[Part, ...]
    digest: str  # hex SHA-256 of the judged bytes
    size: int  # of those bytes
    provenance: Provenance = Provenance.USER
    tool: str | None = None  # normalised tool id (bash -> exec)
    channel: str | None = None
    chat_type: str | None = None  # direct | group | channel
    session_key: str | None = None
    agent_id: str | None = None
    sender: str | None = None
    conn_id: str | None = None
    client_id: str | None = None
    mode: str = "gateway"  # gateway | guard | sidecar | plugin | cli
