"""pyx/wsstream against its slow twin: any order of pushing, writing and dropping keeps the same bytes."""

import socket

from hypothesis import given
from hypothesis import strategies as st

from gw._native.wsstream import Outbox
from tests.oracle import wsstream as oracle

SIZES = st.sampled_from([1, 2, 100, 16_383, 16_384, 50_000])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), SIZES),
        st.tuples(st.just("message"), st.one_of(st.just(0), SIZES)),
        st.tuples(st.just("event"), SIZES),
        st.tuples(st.just("drop"), st.integers(1, 60_000)),
        st.tuples(st.just("drop_unsent"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS)
def test_an_outbox_holds_what_its_twin_holds(steps: list[tuple[str, int]]) -> None:
    ours, twin = Outbox(), oracle.Outbox()
    for i, (step, count) in enumerate(steps):
        for box in (ours, twin):
            if step == "push":
                box.push(bytes([i]) * count)
            elif step == "message":
                box.push_message(2, bytes([i]) * count)
            elif step == "event":
                box.push_event(bytes([i]) * count, 3**i)
            elif step == "drop":
                box.drop(min(count, box.size))
            elif step == "drop_unsent":
                box.drop_unsent()
            else:
                box.clear()
        assert ours.size == twin.size
        assert ours.peek(1 << 20) == twin.waiting
        assert twin.waiting.startswith(ours.peek(count))
        assert len(ours.peek(count)) >= min(count, twin.size)


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=40_000)), max_size=100), st.booleans())
def test_a_flush_writes_all_of_it_in_order(items: list[tuple[bool, bytes]], small: bool) -> None:
    ours, twin = Outbox(), oracle.Outbox()
    for i, (is_event, payload) in enumerate(items):
        for box in (ours, twin):
            if is_event:
                box.push_event(payload, i)
            else:
                box.push_message(2, payload)
    left, right = socket.socketpair()
    if small:  # so that a first write takes only a part
        left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    written = b""
    with left, right:
        while ours.size:
            assert ours.flush(left.fileno()) == ours.size
            written += right.recv(1 << 20)
        left.close()
        while got := right.recv(1 << 20):
            written += got
    assert written == twin.waiting
