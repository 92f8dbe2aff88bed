"""gw._native.wsstream: the queue's edges, and a stream's turns with a recording owner."""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from gw._native.wsframe import Decoder, encode
from gw._native.wsstream import Flusher, Outbox, Stream


def test_a_gone_peer_is_an_oserror() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        outbox = Outbox()
        outbox.push(b"x")
        with pytest.raises(OSError):
            outbox.flush(ours.fileno())


def test_a_clients_frames_are_made_by_its_encoder() -> None:
    outbox = Outbox(lambda opcode, payload: b"<%d %b>" % (opcode, payload))
    outbox.push_message(1, b"a")
    outbox.push_message(2, bytes(20_000))
    assert outbox.peek(1 << 20) == b"<1 a><2 " + bytes(20_000) + b">"


@pytest.mark.parametrize(
    "call",
    [
        lambda: Outbox().push(None),  # type: ignore[arg-type]
        lambda: Outbox().push_message(1, None),  # type: ignore[arg-type]
        lambda: Outbox().push(bytearray(b"x")),  # type: ignore[arg-type]
    ],
)
def test_compiled_functions_refuse_what_is_no_bytes(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()


class Rig:
    """A stream over a socket pair; it is its own owner and notes what it hears."""

    def __init__(
        self, budget: int = 1000, flusher: Flusher | None = None, flush_with: Callable[[], int] | None = None
    ) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.soon: list[Callable[[], None]] = []
        decoder = Decoder(max_message_bytes=1 << 20)
        receive = partial(decoder.receive, self.ours.fileno())
        flusher = flusher or Flusher(self.soon.append)
        self.stream = Stream(self.ours.fileno(), decoder, Outbox(), flusher, budget, receive, flush_with)
        self.stream.owner = self
        self.stream.message = self.message
        self.stream.is_open = self.stream.is_calm = True
        self.notes: list[Any] = []
        self.answer: Callable[[bytes], bool] = lambda payload: True

    def message(self, payload: bytes) -> bool:
        self.notes.append(payload)
        return self.answer(payload)

    def control(self, opcode: int, payload: bytes) -> None:
        self.notes.append((opcode, payload))

    def paused(self, events: list[tuple[int, bytes]]) -> None:
        self.notes.append(("paused", [payload for _, payload in events]))

    def crashed(self, error: Exception) -> None:
        self.notes.append(type(error))

    def lost(self) -> None:
        self.notes.append("lost")

    def overflowed(self) -> None:
        self.notes.append("overflowed")

    def settle(self) -> None:
        self.notes.append("settle")

    def settle_writing(self, left: int) -> None:
        self.notes.append(("settle_writing", left > 0))

    def say(self, *payloads: bytes, opcode: int = 1) -> None:
        self.theirs.sendall(b"".join(encode(opcode, payload, masked=True) for payload in payloads))

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def test_a_calm_turn_bothers_nobody(rig: Rig) -> None:
    rig.answer = lambda payload: rig.stream.send(b"re: " + payload) is None
    rig.say(b"a", b"b")
    rig.stream.turn()
    assert rig.notes == [b"a", b"b"]
    assert rig.theirs.recv(100) == encode(1, b"re: a") + encode(1, b"re: b")
    assert rig.stream.heard
    assert rig.soon == []


def test_a_pause_hands_the_rest_to_the_owner(rig: Rig) -> None:
    rig.answer = lambda payload: payload != b"b"
    rig.say(b"a", b"b", b"c", b"d")
    rig.stream.turn()
    assert rig.notes == [b"a", b"b", ("paused", [b"c", b"d"])]


def test_control_frames_and_faults_go_to_the_owner(rig: Rig) -> None:
    rig.answer = lambda payload: 1 // 0 > 0
    rig.say(b"ping", opcode=9)
    rig.say(b"a")
    rig.stream.turn()
    assert rig.notes == [(9, b"ping"), b"a", ZeroDivisionError]


def test_violations_and_ends_are_told(rig: Rig) -> None:
    rig.say(b"a")
    rig.theirs.sendall(b"\xff")
    rig.stream.turn()
    assert rig.notes == [b"a", "settle"]
    rig.theirs.close()
    rig.stream.turn()
    assert rig.notes[-1] == "lost"


def test_outside_a_turn_sending_asks_the_loop_once(rig: Rig) -> None:
    rig.stream.send(b"a")
    rig.stream.send_frame(encode(1, b"b"))
    rig.stream.send_event(b'{"x":1')
    rig.stream.send_event(b'{"x":2')
    assert len(rig.soon) == 1
    rig.soon.pop()()
    assert rig.theirs.recv(100) == b"".join(
        encode(1, text) for text in (b"a", b"b", b'{"x":1,"seq":1}', b'{"x":2,"seq":2}')
    )
    rig.stream.send(b"again")
    assert len(rig.soon) == 1


def test_what_cannot_wait_is_written_at_once(rig: Rig) -> None:
    rig.stream.outbox.push_message(1, b"a")
    rig.stream.flush_now()
    assert rig.theirs.recv(100) == encode(1, b"a")
    assert (rig.stream.outbox.size, rig.soon, rig.notes) == (0, [], [])


@pytest.mark.parametrize("why", ["behind others", "not calm", "its own writer"])
def test_what_cannot_be_written_at_once_waits_its_turn(why: str) -> None:
    made = Rig(flush_with=(lambda: made.stream.outbox.flush(made.ours.fileno())) if why == "its own writer" else None)
    made.stream.is_calm = why != "not calm"
    if why == "behind others":
        made.stream.send(b"a")
    made.stream.outbox.push_message(1, b"b")
    made.stream.flush_now()
    assert made.stream.outbox.size and len(made.soon) == 1
    made.soon.pop()()
    assert made.theirs.recv(100) == (encode(1, b"a") if why == "behind others" else b"") + encode(1, b"b")
    made.close()


def test_a_write_at_once_never_calls_its_owner() -> None:
    made = Rig()
    made.theirs.close()
    made.stream.outbox.push_message(1, b"a")
    made.stream.flush_now()
    assert made.notes == [] and len(made.soon) == 1, "the one who writes may be in the middle of something"
    made.soon.pop()()
    assert made.notes == ["lost"]
    made.close()


@pytest.fixture
def far() -> Iterator[Rig]:
    far = Rig()
    yield far
    far.close()


def test_what_a_turn_sends_beside_leaves_at_its_end(rig: Rig, far: Rig) -> None:
    rig.stream.beside = far.stream
    rig.answer = lambda payload: far.stream.send(payload) is None
    rig.say(b"a", b"b")
    rig.stream.turn()
    assert far.theirs.recv(100) == encode(1, b"a") + encode(1, b"b")
    assert far.soon == [] and not far.stream.in_turn
    far.stream.send(b"c")
    assert len(far.soon) == 1, "outside a turn the loop is asked"


def test_only_the_first_of_a_turn_leaves_at_once(rig: Rig, far: Rig) -> None:
    left: list[int] = []

    def pass_on(payload: bytes) -> bool:
        far.stream.outbox.push_message(1, payload)
        far.stream.flush_now()
        left.append(far.stream.outbox.size)
        return True

    rig.stream.beside, rig.answer = far.stream, pass_on
    for _ in range(2):
        rig.say(b"a", b"b", b"c")
        rig.stream.turn()
        assert far.theirs.recv(100) == encode(1, b"a") + encode(1, b"b") + encode(1, b"c")
    assert left == [0, 3, 6] * 2
    pass_on(b"outside a turn")
    assert left[-1] == 0 and far.soon == []


def test_a_turn_goes_on_when_what_is_beside_it_is_lost(rig: Rig, far: Rig) -> None:
    rig.stream.beside = far.stream
    rig.answer = lambda payload: far.stream.send(payload) is None
    far.theirs.close()
    rig.say(b"a")
    rig.stream.turn()
    assert far.notes == ["lost"] and rig.notes == [b"a"]
    rig.say(b"b")
    rig.stream.turn()
    assert rig.notes == [b"a", b"b"]


def test_past_the_budget_the_owner_is_asked(rig: Rig) -> None:
    rig.stream.send(bytes(990))
    assert rig.notes == []
    rig.stream.send(b"xxxxxxxxxx")
    assert rig.notes == ["overflowed"]


def test_a_closed_stream_takes_and_gives_nothing(rig: Rig) -> None:
    rig.stream.is_open = False
    rig.stream.send(b"a")
    rig.stream.send_frame(b"b")
    rig.stream.send_event(b"{")
    assert rig.stream.outbox.size == 0
    rig.say(b"a")
    rig.stream.turn()
    assert rig.notes == []


@pytest.mark.parametrize("wrong", [None, "text", bytearray(b"x")])
def test_a_stream_refuses_what_is_no_bytes(rig: Rig, wrong: Any) -> None:
    for send in (rig.stream.send, rig.stream.send_frame, rig.stream.send_event):
        with pytest.raises(TypeError):
            send(wrong)


def test_what_the_kernel_does_not_take_is_told() -> None:
    rig = Rig(budget=1 << 24)
    rig.stream.send(bytes(8_000_000))
    rig.stream.flush()
    assert rig.notes == [("settle_writing", True)]
    assert 0 < rig.stream.outbox.size < 8_000_000
    rig.theirs.close()
    rig.stream.flush()
    assert rig.notes[-1] == "lost"
    rig.close()


def test_a_fault_in_one_flush_does_not_keep_the_others() -> None:
    soon: list[Callable[[], None]] = []
    flusher = Flusher(soon.append)
    rigs = [Rig(flusher=flusher), Rig(flusher=flusher)]
    rigs[0].stream.is_calm = False
    rigs[0].settle_writing = lambda left: [][1]  # type: ignore[method-assign]
    for rig in rigs:
        rig.stream.send(b"a")
    soon.pop()()
    assert rigs[0].notes == [IndexError]
    assert [rig.theirs.recv(10) for rig in rigs] == [encode(1, b"a")] * 2
    for rig in rigs:
        rig.close()
