"""gw/net/dialogue: reading a dialled WebSocket by waiting, against our own listener."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gw import hub
from gw.errors import Expired, SocketClosed, UpstreamError
from gw.net.dialogue import MOST_WAITING, Dialogue, open_dialogue
from tests.unit.net.ring import Ring, Script, ring


@contextmanager
def talk(r: Ring) -> Iterator[Dialogue]:
    dialogue = open_dialogue(f"ws://127.0.0.1:{r.port}/", 4)
    yield dialogue
    dialogue.close()
    r.settle(lambda: not len(r.server))


def test_what_is_sent_is_answered() -> None:
    with ring() as r, talk(r) as dialogue:
        for text in (b"one", b"two"):
            dialogue.send(text)
        assert [dialogue.receive(15), dialogue.receive(15)] == [b"one", b"two"]


def test_nothing_came_in_time() -> None:
    with ring() as r, talk(r) as dialogue, pytest.raises(Expired):
        dialogue.receive(0.02)


def test_a_slow_reader_loses_nothing() -> None:
    many = MOST_WAITING * 5

    def flood(peer: Script) -> None:
        for number in range(many):
            peer.link.send(b"%d" % number)

    with ring(on_open=flood) as r, talk(r) as dialogue:
        hub.sleep(0.1)
        assert [int(dialogue.receive(15)) for _ in range(many)] == list(range(many))


def test_a_close_is_told_behind_what_had_arrived() -> None:
    def say_and_close(peer: Script) -> None:
        peer.link.send(b"last")
        peer.link.close(4004, "no")

    with ring(on_open=say_and_close) as r, talk(r) as dialogue:
        assert dialogue.receive(15) == b"last"
        for _ in range(2):
            with pytest.raises(SocketClosed) as closed:
                dialogue.receive(15)
            assert closed.value.code == 4004
        dialogue.send(b"into the void")


def test_our_close_code_reaches_the_other_side() -> None:
    with ring() as r:
        dialogue = open_dialogue(f"ws://127.0.0.1:{r.port}/", 4)
        dialogue.close(4900)
        r.settle(lambda: bool(r.peers[0].ends))
        assert r.peers[0].ends[0][0] == 4900


@pytest.mark.parametrize("url", ["ftp://x", "ws://", "ws://127.0.0.1:1/secret?ticket=t0ken"])
def test_an_address_that_leads_nowhere(url: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        open_dialogue(url, 2)
    assert "t0ken" not in str(raised.value)
