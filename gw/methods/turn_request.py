"""A message for a session on its way into a turn: who says it, where, and what its sender wants back.

Values only. Every way in (chat.send, agent, channels, hooks, cron) makes one of these; turns know nothing else of it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gw.methods.run_end import RunEnd
from gw.model.identity import ConnInfo
from gw.ports import Json
from gw.session.scheduler import Item
from gw.session.state_log import dump

# What must be the same for two messages to be joined into one turn.
CONTEXT = (
    *("originatingChannel", "originatingTo", "originatingAccountId", "originatingThreadId", "replyToId"),
    "tools",
)


class Sender(NamedTuple):
    """`owner` may abort what was sent; `caller` owns its idempotency keys and stays the same over a reconnect."""

    owner: str
    caller: str
    label: str  # shown in joined prompts
    client_id: str  # a participant of the session
    transport: Mapping[str, Json]  # how the message came in, as transcripts note it
    conn_id: str | None = None  # the connection that sees its tool events


def sender_of(info: ConnInfo) -> Sender:
    """The sender behind a connection: its device, or the connection itself when it has none."""
    client = {"id": info.client_id, "mode": info.client_mode}
    if info.display_name:
        client["displayName"] = info.display_name
    return Sender(
        info.device_id or info.conn_id,
        info.device_id or f"{info.client_id}/{info.client_mode}",
        info.display_name or info.client_id,
        info.client_id,
        {"clients": [client]},
        info.conn_id,
    )


class Request(NamedTuple):
    """`text` is clean (gw.wire.text); `run_id` is its idempotency key.

    `params` are the method's own: guards (expected*), originating* for the delivery context, and facts for the runner.
    `delivery` becomes the session's delivery context, `about` goes into its entry (chatType, subject); `reply` is
    called with the end of the run that answers.
    """

    method: str
    key: str
    run_id: str
    text: str
    sender: Sender
    params: Mapping[str, Json]
    plain: bool = False  # method agent: no preparation states, a second answer
    mode: str | None = None  # queue mode asked for
    reason: str = "send"  # of sessions.changed
    heartbeat: bool = False
    delivery: Mapping[str, Json] | None = None
    first: Callable[[], str] | None = None  # a command: done before the text is run; without a text its answer is all
    reply: Callable[[RunEnd], object] | None = None
    about: Mapping[str, Json] = {}
    via: str = "operator"  # createdVia of a session that this message makes

    def item(self, now_ms: int) -> Item:
        """What the scheduler needs to know of it."""
        return Item(
            self.run_id,
            self.text,
            sender=self.sender.label,
            context=dump([self.params.get(name) for name in CONTEXT]).decode(),
            owner=self.sender.owner,
            heartbeat=self.heartbeat,
            joins=not self.params.get("attachments"),
            at_ms=now_ms,
        )
