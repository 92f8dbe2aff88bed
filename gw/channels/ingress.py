"""Messages on their way in: on disk before the provider is told, handled once and in order per chat.

Knows no provider and no session. Invariant: a message is taken once by its dedupe key, also over a restart; one that
was taken is handled to its end, or is logged as given up after PATIENCE_S of being refused for want of room. What was
joined is on disk as one message before it is handled, so whoever handles it never sees its parts again.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from gw.channels.base import Command, Inbound, Media, Mentions, Peer, Quote, Sender
from gw.channels.batches import Batch, Batches, chat_of, join
from gw.channels.journal import Journal
from gw.channels.lanes import Lanes
from gw.errors import Overloaded, StoreError, Unavailable
from gw.ports import Clock, Json, Tasks

logger = logging.getLogger(__name__)

WHERE: Final = "channels.ingress"
MOST_WAITING: Final = 1000  # of one account
SIDE_BY_SIDE: Final = 32  # chats
PAUSE_FIRST_S: Final = 0.5
PAUSE_MOST_S: Final = 30.0
PATIENCE_S: Final = 900.0


class Ingress:
    def __init__(
        self,
        journal: Journal,
        handle: Callable[[Inbound], object],
        wait_s: Callable[[Inbound], float],
        clock: Clock,
        tasks: Tasks,
        sleep: Callable[[float], object],
    ) -> None:
        """`wait_s`: for how much silence of its sender a message waits, to be joined with what comes before it."""
        self._journal = journal
        self._handle = handle
        self._wait_s = wait_s
        self._clock = clock
        self._tasks = tasks
        self._sleep = sleep
        self._batches = Batches()
        self._arriving = 0  # on its way to the disk
        self._lanes: Lanes[Batch] = Lanes(self._work, tasks, where=WHERE, most=MOST_WAITING, side_by_side=SIDE_BY_SIDE)

    def __len__(self) -> int:
        return len(self._lanes) + len(self._batches) + self._arriving

    def resume(self) -> None:
        """Go on with what the last process had taken and not finished.

        Message by message: one that was being handled must not become part of another.
        """
        for value in list(self._journal.open.values()):
            self._queue([(decode(value),)])

    def stop(self) -> None:
        """Hand over no more; it is on disk."""
        self._lanes.stop()

    def take(self, inbound: Sequence[Inbound]) -> int:
        """Make them durable and queue those that are new. Raises Overloaded or StoreError; then none was taken."""
        fresh: dict[str, Inbound] = {}
        for message in inbound:
            if not self._journal.knows(message.dedupe_key):
                fresh.setdefault(message.dedupe_key, message)
        if len(fresh) > MOST_WAITING - len(self):
            raise Overloaded(WHERE)
        self._arriving += len(fresh)
        try:
            taken = self._journal.put([(key, encode(message)) for key, message in fresh.items()])
        finally:
            self._arriving -= len(fresh)
        for key in taken:
            self._gather(fresh[key])
        return len(taken)

    # --- waiting for more -------------------------------------------------------------------------------------

    def _gather(self, message: Inbound) -> None:
        now = self._clock.monotonic()
        gone, due = self._batches.add(message, self._wait_s(message), now)
        self._queue(gone)
        if due is not None:
            self._tasks.after(max(0.0, due - now), self._ripen, chat_of(message), due)

    def _ripen(self, chat: str, due: float) -> None:
        self._queue(self._batches.ripe(chat, due))

    def _queue(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._lanes.put(chat_of(batch[0]), batch)

    # --- handling ---------------------------------------------------------------------------------------------

    def _work(self, batch: Batch) -> None:
        message = join(batch)
        facts = {"channel": message.channel, "account": message.account}
        until = self._clock.monotonic() + PATIENCE_S
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                if len(batch) > 1:
                    self._journal.join(message.dedupe_key, encode(message), [one.dedupe_key for one in batch[:-1]])
                self._handle(message)
                break
            except (Overloaded, Unavailable, StoreError) as error:
                if self._clock.monotonic() + pause_s > until:
                    logger.error("channels.inbound_lost", extra={**facts, "kind": type(error).__name__})
                    break
            except Exception:  # boundary: one message must not stop those behind it
                logger.exception("channels.inbound_lost", extra=facts)
                break
            self._sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
        try:
            self._journal.close(*(one.dedupe_key for one in batch))
        except (Overloaded, StoreError):  # it will be seen again after a restart, where its own key stops it
            logger.error("channels.journal_failed", extra=facts)


def encode(message: Inbound) -> Json:
    """Without what is empty anyway."""
    defaults = Inbound._field_defaults
    return {name: value for name, value in message._asdict().items() if defaults.get(name, ...) != value}


def decode(value: dict[str, Any]) -> Inbound:
    """The inverse of `encode`, also after JSON."""
    found = dict(value)
    found["peer"] = Peer(*found["peer"])
    sender = Sender(*found["sender"])
    found["sender"] = sender._replace(roles=tuple(sender.roles))
    if found.get("parent_peer"):
        found["parent_peer"] = Peer(*found["parent_peer"])
    if found.get("quote"):
        found["quote"] = Quote(*found["quote"])
    if "mentions" in found:
        is_bot, is_any, implicit, users = found["mentions"]
        found["mentions"] = Mentions(is_bot, is_any, tuple(implicit), tuple(users))
    found["commands"] = tuple(Command(*command) for command in found.get("commands", ()))
    found["media"] = tuple(Media(*file) for file in found.get("media", ()))
    return Inbound(**found)
