"""One connection to Discord's gateway: identify or resume, heartbeats, dispatches.

Knows no socket: text and times in, frames and orders out. Invariant: a heartbeat that was not acknowledged by the next
ends the connection, which is then resumed; a session is identified anew only when Discord says that the old is gone;
codes that no reconnect can cure stop the channel.

Source: docs.discord.com (gateway; gateway events; opcodes and close codes), version 10, JSON.
"""

import random
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Final

from gw.channels import reading
from gw.channels.base import ChannelStopped, Turn
from gw.channels.reading import Table
from gw.ports import Json
from gw.wire import json


class Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


HELLO_S: Final = 30.0
HEARTBEAT_S: Final = (1.0, 300.0)  # what we believe of an interval
IDENTIFY_PAUSE_S: Final = 5.0  # Discord admits one identify in 5 s
FATAL: Final[Mapping[int, str]] = {
    4004: "the bot token is refused",
    4010: "invalid shard",
    4011: "so many guilds need sharding, which this driver does not do",
    4012: "this version of the gateway is gone",
    4013: "invalid intents",
    4014: "an intent is not enabled for this bot (message content, in the developer portal)",
}
SESSION_GONE: Final = frozenset({4007, 4009})
PROPERTIES: Final = {"os": "linux", "browser": "clawgate", "device": "clawgate"}


class DiscordGateway:
    # Discord forgets a session that is closed with 1000 or 1001.
    leave_code = 4900

    def __init__(
        self,
        token: str,
        intents: int,
        cursor: Json,
        now: float,
        dispatch: Callable[[str, Table], Turn],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._token = token
        self._intents = intents
        self._dispatch = dispatch
        self._jitter = jitter
        told = reading.table(cursor)
        self._session = reading.text(told, "session")
        self._resume_url = reading.text(told, "url")
        self._seq = reading.number(told, "seq") if self._session else 0
        self._interval = 0.0
        self._is_acked = True
        self.due = now + HELLO_S

    @property
    def cursor(self) -> Json:
        return {"session": self._session, "url": self._resume_url, "seq": self._seq} if self._session else {}

    def feed(self, data: bytes, now: float) -> Turn:
        try:
            frame = reading.load(data)
        except ValueError:
            return Turn(is_over=True)
        match frame.get("op"):
            case Op.DISPATCH:
                return self._dispatched(frame)
            case Op.HEARTBEAT:
                return self._beat(now)
            case Op.RECONNECT:
                return Turn(is_over=True)
            case Op.INVALID_SESSION:
                return self._invalid(frame.get("d") is True)
            case Op.HELLO:
                return self._hello(reading.table(frame, "d"), now)
            case Op.HEARTBEAT_ACK:
                self._is_acked = True
        return Turn()

    def tick(self, now: float) -> Turn:
        if now < self.due:
            return Turn()
        if not self._interval or not self._is_acked:
            return Turn(is_over=True)  # no hello, or a connection that is dead without saying so
        return self._beat(now)

    def closed(self, code: int) -> Turn:
        if code in FATAL:
            raise ChannelStopped(f"Discord: {FATAL[code]}")
        if code in SESSION_GONE:
            self._forget()
        return Turn(is_over=True)

    def _hello(self, data: Table, now: float) -> Turn:
        least, most = HEARTBEAT_S
        self._interval = max(least, min(most, reading.number(data, "heartbeat_interval") / 1000))
        self.due = now + self._interval * self._jitter()
        self._is_acked = True
        if self._session:
            resume = {"token": self._token, "session_id": self._session, "seq": self._seq}
            return Turn(send=(_frame(Op.RESUME, resume),))
        identify = {"token": self._token, "intents": self._intents, "properties": PROPERTIES}
        return Turn(send=(_frame(Op.IDENTIFY, identify),))

    def _beat(self, now: float) -> Turn:
        self._is_acked = False
        self.due = now + self._interval
        return Turn(send=(_frame(Op.HEARTBEAT, self._seq or None),))

    def _invalid(self, is_resumable: bool) -> Turn:
        if is_resumable:
            return Turn(is_over=True)
        self._forget()
        return Turn(is_over=True, pause_s=IDENTIFY_PAUSE_S)

    def _forget(self) -> None:
        self._session, self._resume_url, self._seq = "", "", 0

    def _dispatched(self, frame: Table) -> Turn:
        self._seq = max(self._seq, reading.number(frame, "s"))
        event, data = reading.text(frame, "t"), reading.table(frame, "d")
        if event == "READY":
            self._session = reading.text(data, "session_id")
            self._resume_url = reading.text(data, "resume_gateway_url")
        return self._dispatch(event, data)


def _frame(op: Op, data: Json) -> bytes:
    return json.dumps({"op": int(op), "d": data})
