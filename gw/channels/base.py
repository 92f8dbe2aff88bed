"""What a chat channel is to the rest: the values that pass, and the contract of a driver.

Knows no provider, no socket and no session. Invariant: a driver does no I/O. It turns bytes and values into values:
what arrived into `Inbound`, what is to be said into a `Call`, a provider's answer into a message id or an error.
`account.Account` carries the calls out, in order, within bounds, and durably.

Field names and rules: openclaw/CHANNELS.md sections 1, 3 and 10.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, Protocol

from gw.errors import GwError
from gw.ports import Json

# --- what a channel can do ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Capabilities:
    """Flags say what the driver here does, not what the provider could."""

    channel: str
    label: str
    chat_types: tuple[str, ...]  # of direct, group, channel, thread
    transports: tuple[str, ...]  # of poll, socket, webhook, internal; the first is the default
    threads: bool = False
    reactions: bool = False
    media: bool = False
    edit: bool = False
    unsend: bool = False
    poll_options: int = 0  # answers of one poll at most; 0: sends no polls
    native_commands: bool = False
    streaming: bool = False  # a reply may be shown while it is written, by editing it
    pairing: bool = True
    text_limit: int = 4000  # UTF-16 code units of one message
    caption_limit: int = 1024
    detects_mentions: bool = True  # the provider tells mentions; where it does not, only patterns in the text can


# --- what comes in --------------------------------------------------------------------------------------------------


class Peer(NamedTuple):
    kind: str  # direct | group | channel
    id: str


class Sender(NamedTuple):
    """Everything but `id` and the flags is the sender's own word."""

    id: str
    name: str = ""
    username: str = ""
    e164: str = ""
    is_bot: bool = False
    roles: tuple[str, ...] = ()


class Mentions(NamedTuple):
    bot: bool = False
    any: bool = False
    implicit: tuple[str, ...] = ()  # of reply_to_bot, quoted_bot, bot_thread_participant
    users: tuple[str, ...] = ()


class Command(NamedTuple):
    name: str
    args: str = ""


class Quote(NamedTuple):
    """The message that this one answers. Its text is data: never a command, never a mention."""

    id: str
    sender_id: str = ""
    is_bot: bool = False
    text: str = ""


class Media(NamedTuple):
    """A file by reference: the provider's id, or a URL. Nothing is downloaded here."""

    kind: str  # image | video | audio | document | sticker
    id: str = ""
    url: str = ""
    mime: str = ""
    size_bytes: int = 0
    name: str = ""


class Inbound(NamedTuple):
    """One message as every channel tells it. `text` is what its reader sees, with the provider's markup resolved."""

    channel: str
    account: str
    message_id: str
    timestamp_ms: int  # 0: the provider did not say
    chat_type: str  # direct | group | channel
    chat_id: str  # where a reply goes
    peer: Peer  # what routing and session keys go by
    sender: Sender
    text: str
    kind: str = "message"  # message | edit | reaction | command | callback
    edit_of: str = ""
    thread_id: str = ""
    parent_peer: Peer | None = None
    topic: str = ""  # title of the group, channel or topic: the members' word
    guild_id: str = ""
    team_id: str = ""
    commands: tuple[Command, ...] = ()
    mentions: Mentions = Mentions()
    quote: Quote | None = None
    is_forwarded: bool = False
    media: tuple[Media, ...] = ()
    reply_token: str = ""  # what a provider wants back in the answer to this very message (Discord interactions)
    album: str = ""  # files that were sent together come one by one, and share this
    parts: int = 1  # messages that were joined into this one; it has the id of the newest

    @property
    def dedupe_key(self) -> str:
        """The same for every copy of this event. Message ids are unique per chat only, on some providers."""
        parts = (self.channel, self.account, self.kind, self.team_id, self.chat_id, self.message_id)
        return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)

    @property
    def own_text(self) -> str:
        """`text`, unless that only stands for a file."""
        return "" if self.media and self.text == MEDIA_TEXT.get(self.media[0].kind) else self.text


MEDIA_TEXT: Final[Mapping[str, str]] = {
    kind: f"<media:{kind}>" for kind in ("image", "video", "audio", "document", "sticker")
}

# --- what goes out --------------------------------------------------------------------------------------------------


class Poll(NamedTuple):
    """Answers to choose from. What is empty is as the provider has it."""

    options: tuple[str, ...]
    is_multiple: bool = False
    open_s: int = 0
    is_anonymous: bool | None = None
    is_silent: bool = False


class Outbound(NamedTuple):
    """A reply. Text of any length; it is cut by the channel's limit, and media follow it one by one.

    An edit holds what fits into one message; the rest of its text is left out.

    `key` makes it one: the same key is sent once, also over a restart. Empty: no such promise.
    """

    chat_id: str
    text: str  # of `react`: the emoji
    thread_id: str = ""
    reply_to: str = ""
    media: tuple[Media, ...] = ()
    key: str = ""
    reply_token: str = ""  # of the Inbound that is answered
    action: str = "say"  # say | edit | unsend | react | poll: but for the first only where the capability says so
    message_id: str = ""  # what edit, unsend and react are about
    part_index: int = 0  # which of the messages it was cut into; counted by the outbox
    poll: Poll | None = None  # of `poll`, whose text is the question


class Receipt(NamedTuple):
    """What became of an Outbound: one id for each message it was cut into."""

    chat_id: str
    message_ids: tuple[str, ...] = ()
    error: str = ""  # why the rest was given up; empty: all of it was taken by the provider

    @property
    def is_confirmed(self) -> bool:
        return not self.error and all(self.message_ids)


class SendRefused(GwError):
    """The provider will never take this: bad request, unknown chat, no permission. `reason` is the provider's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"refused by the provider: {reason}")
        self.reason = reason


class SendLater(GwError):
    """Try again: overloaded, rate limited, or broken for now. `after_s` is the provider's word, None its silence."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(f"try again: {reason}")
        self.reason = reason
        self.after_s = after_s


class ChannelStopped(GwError):
    """No use in connecting again before people changed something: revoked token, forbidden intents, wrong options."""


# --- the wire, as values --------------------------------------------------------------------------------------------


class Call(NamedTuple):
    """An HTTP request to a provider. `url` and `headers` may hold secrets: neither is ever logged or put in errors."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    timeout_s: float = 20.0


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes


class Http(Protocol):
    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers with lower-case names, body. Raises UpstreamError; follows no redirect, repeats nothing."""


class Socket(Protocol):
    """A WebSocket that we opened."""

    def send(self, data: bytes) -> None:
        """Send one text message. Raises UpstreamError when the connection is gone or takes too long to take it."""

    def receive(self, timeout_s: float) -> bytes:
        """Return the next message. Raises Expired when none came, SocketClosed when none will."""

    def close(self, code: int = 1000) -> None: ...


class Dial(Protocol):
    def __call__(self, url: str, timeout_s: float) -> Socket:
        """Open a WebSocket. Raises UpstreamError."""


class HookRequest(Protocol):
    """An HTTP request to us; `gw.net.http.Request` is one."""

    @property
    def method(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Hooked(NamedTuple):
    """What a webhook is answered, once `inbound` is on disk. Fields 1-3 are those of `gw.net.http.Response`."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    inbound: tuple[Inbound, ...] = ()
    reason: str = ""  # why it was refused, for the log: one word of ours, nothing the sender wrote
    calls: tuple[Call, ...] = ()


class Polled(NamedTuple):
    inbound: tuple[Inbound, ...]
    cursor: Json  # durable before the next poll, and after `inbound` is
    calls: tuple[Call, ...] = ()


class Turn(NamedTuple):
    """What a socket's state machine wants: store `inbound`, then send, then end.

    `calls`, here and in Hooked and Polled, are courtesies (an interaction is seen): made once `inbound` is stored, not
    waited for, and nothing depends on their answers.
    """

    inbound: tuple[Inbound, ...] = ()
    send: tuple[bytes, ...] = ()
    calls: tuple[Call, ...] = ()
    is_over: bool = False  # close and connect again
    pause_s: float = 0.0  # before connecting again, at least


class Conversation(Protocol):
    """One WebSocket connection's state machine. Times are monotonic seconds. Raises ChannelStopped."""

    due: float  # when `tick` wants to be called, at the latest
    leave_code: int  # to close with, whatever the reason
    cursor: Json  # where the next connection goes on; durable after what `feed` returned

    def feed(self, data: bytes, now: float) -> Turn: ...

    def tick(self, now: float) -> Turn: ...

    def closed(self, code: int) -> Turn: ...


# --- a driver -------------------------------------------------------------------------------------------------------


class AccountConfig(NamedTuple):
    """One account of one channel. `options` are checked against the driver's table; `secrets` come from files."""

    channel: str
    account: str = "default"
    transport: str = ""  # empty: the first of the driver's
    options: Mapping[str, Json] = {}
    secrets: Mapping[str, str] = {}


class Driver(Protocol):
    """One account of a provider, without I/O."""

    capabilities: ClassVar[Capabilities]
    OPTIONS: ClassVar[Mapping[str, type]]  # what `options` may hold
    NEEDS: ClassVar[Mapping[str, Sequence[str]]]  # transport -> the options it cannot do without
    SECRETS: ClassVar[Mapping[str, Sequence[str]]]  # transport -> the secrets it needs

    def __init__(self, config: AccountConfig) -> None:
        """`config` has the secrets of its transport, and options of the right types (`settings.check`)."""

    def hello(self) -> Call | None:
        """A question to ask before anything else (who am I?); None: none."""

    def met(self, answer: Answer) -> Call | None:
        """Take its answer; the next question, if any. Raises SendLater or ChannelStopped."""

    def send(self, part: Outbound, now_ms: int) -> Call:
        """Ask for one thing: a text within the limit, or one file with a caption. Raises SendRefused.

        Asked again for every attempt."""

    def sent(self, part: Outbound, answer: Answer) -> str:
        """Read the id of the message that now stands there. Raises SendRefused, SendLater."""

    def pause_s(self, answer: Answer) -> float:
        """How long to leave a chat alone after this good answer, so that the next is not refused."""

    def typing(self, chat_id: str, thread_id: str) -> Call | None: ...


class Hooks(Driver, Protocol):
    """A driver with transport webhook."""

    def hook(self, request: HookRequest, now_ms: int) -> Hooked: ...


class Polls(Driver, Protocol):
    """A driver with transport poll."""

    def poll(self, cursor: Json) -> Call: ...

    def polled(self, answer: Answer, cursor: Json) -> Polled:
        """Raises SendLater, ChannelStopped."""


class Sockets(Driver, Protocol):
    """A driver with transport socket."""

    def locate(self, cursor: Json) -> Call | str:
        """Say where the socket is: its URL, or the call whose answer `located` reads."""

    def located(self, answer: Answer) -> str:
        """Raises SendLater, ChannelStopped."""

    def converse(self, cursor: Json, now: float) -> Conversation: ...


class ChannelAccount(Protocol):
    """What `modes/channels.py` runs and answers through; `account.Account` is it.

    It is given `handle(Inbound)`, which it calls in a greenlet for every new message, in order within a chat and once:
    the message was on disk before its provider was told, and is off it when `handle` returns. `handle` may wait (judge,
    submit a turn). An `Overloaded` or `Unavailable` it raises means again, later; anything else is logged and final.
    """

    @property
    def config(self) -> AccountConfig: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def load(self) -> None:
        """Take over what the last process left and go on with it: `handle` may be called from now on.

        Before `run`. Raises StoreError."""

    def stop(self, seconds: float) -> None:
        """Begin nothing new; wait, at most so long, for calls that are out. What is left is on disk.

        When its `run` has ended, and before the pools of its wires are closed."""

    def run(self) -> None:
        """Receive until killed; for a Supervisor (Restart.ON_ERROR). Returns when the channel has to stop."""

    def hook(self, request: HookRequest) -> Hooked:
        """Answer a webhook: a route's work. Never raises."""

    def send(self, out: Outbound, done: Callable[[Receipt], object] | None = None) -> None:
        """Take a reply durably; it is sent behind what its chat waits for. `done` hears what became of it, unless the
        process ends before. Raises Overloaded, StoreError."""

    def typing(self, chat_id: str, thread_id: str = "") -> None:
        """Show that an answer is on its way, if the channel can and has time."""

    def status(self) -> Mapping[str, Json]:
        """Facts for channels.status: no text, no secret."""
