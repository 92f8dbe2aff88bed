"""Replies on their way out: on disk first, cut to the channel's size, in order per chat, tried again within bounds.

Knows no provider beyond its driver. Invariant: a key is sent once, also over a restart, and a part that the provider
took is not sent again; a provider's Retry-After is honoured, up to what patience is left; what is given up says why.
A part whose answer was lost (a timeout, a crash between answer and note) is sent again: at least once, and exactly once
where the provider knows our key (Discord's nonce).
"""

import logging
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from gw.channels import chunking
from gw.channels.base import Answer, Driver, Http, Media, Outbound, Poll, Receipt, SendLater, SendRefused
from gw.channels.journal import Journal
from gw.channels.lanes import Lanes
from gw.errors import Overloaded, StoreError, UpstreamError
from gw.ports import Clock, Json, Tasks

logger = logging.getLogger(__name__)

WHERE: Final = "channels.outbox"
MOST_WAITING: Final = 1000
SIDE_BY_SIDE: Final = 16
PAUSE_FIRST_S: Final = 0.4
PAUSE_MOST_S: Final = 30.0
JITTER: Final = 0.1
PATIENCE_MS: Final = 900_000  # from when the reply was handed over
LEAST_TRIES: Final = 3

Done = Callable[[Receipt], object]


class _Stopping(Exception):
    """The process ends: what is left is on disk for the next one."""


class Outbox:
    def __init__(
        self,
        driver: Driver,
        http: Http,
        journal: Journal,
        clock: Clock,
        tasks: Tasks,
        sleep: Callable[[float], object],
        text_limit: int | None = None,
    ) -> None:
        self._driver = driver
        self._channel = driver.capabilities.channel
        self._http = http
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._limit = text_limit or driver.capabilities.text_limit
        self._done: dict[str, Done] = {}
        self._is_stopping = False
        self.asking = 0  # calls whose answer is not noted yet: what a stop should wait for
        self._lanes: Lanes[str] = Lanes(self._work, tasks, where=WHERE, most=MOST_WAITING, side_by_side=SIDE_BY_SIDE)

    def __len__(self) -> int:
        return len(self._lanes)

    def resume(self) -> None:
        """Go on with what the last process had not sent."""
        for key, value in list(self._journal.open.items()):
            self._lanes.put(value["out"]["chat_id"], key)

    def stop(self) -> None:
        """Ask for nothing more; what is left is on disk."""
        self._is_stopping = True
        self._lanes.stop()

    def send(self, out: Outbound, done: Done | None = None) -> bool:
        """Take it durably; False when its key is known. Raises Overloaded, StoreError."""
        if self._lanes.room() < 1:
            raise Overloaded(WHERE)
        key = out.key or uuid.uuid4().hex
        if not self._journal.put([(key, {"out": encode(out), "at": self._clock.now_ms(), "ids": []})]):
            return False
        if done is not None:
            self._done[key] = done
        self._lanes.put(out.chat_id, key)
        return True

    def _work(self, key: str) -> None:
        item = self._journal.open[key]
        out, ids = decode(item["out"]), list(item["ids"])
        error, rest_s = "", 0.0
        try:
            for index, part in enumerate(self.cut(out)):
                if index >= len(ids):
                    self._rest(rest_s)
                    message_id, rest_s = self._deliver(key, item, part._replace(part_index=index), ids)
                    ids.append(message_id)
        except _Stopping:
            return
        except (SendRefused, SendLater, UpstreamError) as failed:
            error = getattr(failed, "reason", "") or str(failed)
        except Exception as failed:  # boundary: one reply must not stop those behind it
            logger.exception("channels.send_crashed", extra={"channel": self._channel})
            error = type(failed).__name__
        self._finish(key, Receipt(out.chat_id, tuple(ids), error))
        self._rest(rest_s)

    def _rest(self, seconds: float) -> None:
        """Leave the chat alone, so that the provider need not say so."""
        if seconds > 0:
            self._sleep(min(seconds, PAUSE_MOST_S))

    def _finish(self, key: str, receipt: Receipt) -> None:
        if receipt.error:
            logger.warning("channels.send_failed", extra={"channel": self._channel, "reason": receipt.error})
        with self._despite_the_disk():
            self._journal.close(key)
        done = self._done.pop(key, None)
        if done is not None:
            done(receipt)

    @contextmanager
    def _despite_the_disk(self) -> Iterator[None]:
        """What was sent was sent: a note that cannot be written is no reason to send it again."""
        try:
            yield
        except (Overloaded, StoreError):
            logger.error("channels.journal_failed", extra={"channel": self._channel})

    def cut(self, out: Outbound) -> Iterator[Outbound]:
        """The messages a reply becomes: its text in pieces, then its files; a short text is the first one's caption."""
        bare = out._replace(media=())
        if out.action != "say":
            yield bare if out.action != "edit" else bare._replace(text=self._pieces(out.text)[0])
            return
        files = list(out.media)
        is_caption = bool(files) and chunking.units(out.text) <= self._driver.capabilities.caption_limit
        pieces = [] if is_caption else self._pieces(out.text)
        for index, piece in enumerate(pieces):
            yield bare._replace(text=piece, reply_to=out.reply_to if index == 0 else "")
        for index, file in enumerate(files):
            is_first = index == 0 and not pieces
            caption = out.text if is_caption and index == 0 else ""
            yield out._replace(media=(file,), text=caption, reply_to=out.reply_to if is_first else "")

    def _pieces(self, text: str) -> list[str]:
        return chunking.by_markdown(text, self._limit)

    def _deliver(self, key: str, item: dict[str, Json], part: Outbound, ids: list[str]) -> tuple[str, float]:
        """Ask until the provider takes it, and note that; its message id, and how long to leave the chat alone then.

        Raises SendRefused, the last failure once patience has run out, or _Stopping.
        """
        tries, pause_s = 0, PAUSE_FIRST_S
        while True:
            if self._is_stopping:
                raise _Stopping
            tries += 1
            self.asking += 1
            try:
                call = self._driver.send(part, self._clock.now_ms())
                answer = Answer(*self._http.exchange(*call))
                message_id = self._driver.sent(part, answer)
                with self._despite_the_disk():
                    self._journal.note(key, {**item, "ids": [*ids, message_id]})
                return message_id, self._driver.pause_s(answer)
            except (SendLater, UpstreamError) as failed:
                wait_s = self._wait(getattr(failed, "after_s", None), pause_s)
                gone_ms = self._clock.now_ms() - item["at"] + wait_s * 1000
                if gone_ms > PATIENCE_MS and (tries >= LEAST_TRIES or wait_s > PAUSE_MOST_S):
                    raise
            finally:
                self.asking -= 1
            self._sleep(wait_s)
            pause_s = min(pause_s * 2, PAUSE_MOST_S)

    @staticmethod
    def _wait(asked_s: float | None, pause_s: float) -> float:
        if asked_s is not None:
            return asked_s
        return pause_s * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311  (spreads load, hides nothing)


def encode(out: Outbound) -> Json:
    defaults = Outbound._field_defaults
    return {name: value for name, value in out._asdict().items() if defaults.get(name, ...) != value}


def decode(value: dict[str, Any]) -> Outbound:
    found = {**value, "media": tuple(Media(*file) for file in value.get("media", ()))}
    if value.get("poll"):
        options, *rest = value["poll"]
        found["poll"] = Poll(tuple(options), *rest)
    return Outbound(**found)
