"""Discord's gateway as a state machine: what it sends, when it gives up, and how it goes on."""

import json
from typing import Any

import pytest

from gw.channels.base import ChannelStopped, Turn
from gw.channels.discord_gateway import DiscordGateway
from gw.ports import Json

CURSOR = {"session": "S", "url": "wss://resume", "seq": 41}
HELLO = {"op": 10, "d": {"heartbeat_interval": 40_000}}
READY = {"op": 0, "t": "READY", "s": 1, "d": {"session_id": "S", "resume_gateway_url": "wss://resume"}}


def make(cursor: Json = None) -> tuple[DiscordGateway, list[str]]:
    seen: list[str] = []

    def dispatch(event: str, data: Any) -> Turn:
        seen.append(event)
        return Turn()

    return DiscordGateway("t0ken", 513, cursor, 0.0, dispatch, jitter=lambda: 0.5), seen


def feed(gateway: DiscordGateway, value: Any, now: float = 1.0) -> Turn:
    return gateway.feed(json.dumps(value).encode(), now)


def sent(turn: Turn) -> list[tuple[int, Any]]:
    return [(frame["op"], frame["d"]) for frame in map(json.loads, turn.send)]


def test_a_new_session_is_identified() -> None:
    gateway, seen = make()
    ((op, data),) = sent(feed(gateway, HELLO))
    assert (op, data["token"], data["intents"]) == (2, "t0ken", 513)
    assert gateway.cursor == {}
    feed(gateway, READY)
    assert gateway.cursor == {"session": "S", "url": "wss://resume", "seq": 1}
    feed(gateway, {"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": {}})
    assert gateway.cursor["seq"] == 2
    assert seen == ["READY", "MESSAGE_CREATE"]


def test_an_old_session_is_resumed() -> None:
    gateway, _ = make(CURSOR)
    assert sent(feed(gateway, HELLO)) == [(6, {"token": "t0ken", "session_id": "S", "seq": 41})]
    feed(gateway, {"op": 0, "t": "RESUMED", "s": 42, "d": {}})
    assert gateway.cursor == {**CURSOR, "seq": 42}


def test_heartbeats_come_in_time_and_carry_the_sequence() -> None:
    gateway, _ = make(CURSOR)
    feed(gateway, HELLO, 10.0)
    assert gateway.due == 10.0 + 40.0 * 0.5
    assert gateway.tick(29.0) == Turn()
    assert sent(gateway.tick(30.0)) == [(1, 41)]
    assert gateway.due == 70.0
    feed(gateway, {"op": 11}, 31.0)
    assert sent(gateway.tick(70.0)) == [(1, 41)]


def test_a_heartbeat_without_answer_ends_the_connection() -> None:
    gateway, _ = make(CURSOR)
    feed(gateway, HELLO, 10.0)
    gateway.tick(30.0)
    assert gateway.tick(70.0).is_over
    assert gateway.cursor == CURSOR


def test_discord_may_ask_for_a_heartbeat() -> None:
    gateway, _ = make()
    feed(gateway, HELLO)
    assert sent(feed(gateway, {"op": 1}, 5.0)) == [(1, None)]


def test_no_hello_is_no_connection() -> None:
    gateway, _ = make()
    assert gateway.tick(gateway.due).is_over


def test_reconnect_keeps_the_session() -> None:
    gateway, _ = make(CURSOR)
    assert feed(gateway, {"op": 7}).is_over
    assert gateway.cursor == CURSOR


def test_an_invalid_session_is_kept_or_forgotten_as_told() -> None:
    gateway, _ = make(CURSOR)
    assert feed(gateway, {"op": 9, "d": True}).is_over
    assert gateway.cursor == CURSOR
    turn = feed(gateway, {"op": 9, "d": False})
    assert turn.is_over
    assert turn.pause_s >= 5
    assert gateway.cursor == {}


CLOSED = [(1006, CURSOR), (1000, CURSOR), (4000, CURSOR), (4008, CURSOR), (4007, {}), (4009, {})]


@pytest.mark.parametrize(("code", "cursor"), CLOSED)
def test_closed_by_discord(code: int, cursor: Json) -> None:
    gateway, _ = make(CURSOR)
    assert gateway.closed(code).is_over
    assert gateway.cursor == cursor


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
def test_closed_for_good(code: int) -> None:
    with pytest.raises(ChannelStopped) as stopped:
        make()[0].closed(code)
    assert "t0ken" not in str(stopped.value)


def test_leaving_keeps_the_session_alive() -> None:
    assert make()[0].leave_code not in (1000, 1001)


@pytest.mark.parametrize("data", [b"", b"[]", b'"x"'])
def test_what_is_no_frame_ends_the_connection(data: bytes) -> None:
    assert make()[0].feed(data, 1.0).is_over


@pytest.mark.parametrize("interval", [None, -5, 0, "x", 10**9])
def test_an_odd_interval_is_brought_within_bounds(interval: Any) -> None:
    gateway, _ = make()
    feed(gateway, {"op": 10, "d": {"heartbeat_interval": interval}}, 0.0)
    assert 0.5 <= gateway.due <= 300


def test_unknown_opcodes_are_nothing() -> None:
    assert feed(make()[0], {"op": 31}) == Turn()
