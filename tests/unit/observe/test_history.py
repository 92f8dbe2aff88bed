"""Cursors of the in-memory log history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.observe.history import History


def filled(limit: int, count: int) -> History:
    history = History(limit)
    for n in range(count):
        history.append(f"{n:03d}")
    return history


# kept lines, seen lines, cursor, limit, bytes -> first and last line, cursor, truncated, reset
CASES = [
    (5, 0, None, 10, 1000, (), 0, False, False),
    (5, 3, None, 10, 1000, ("000", "002"), 3, False, False),
    (5, 8, None, 10, 1000, ("003", "007"), 8, False, False),
    (5, 8, None, 2, 1000, ("006", "007"), 8, True, False),
    (5, 8, 6, 10, 1000, ("006", "007"), 8, False, False),
    (5, 8, 8, 10, 1000, (), 8, False, False),
    (5, 8, 1, 10, 1000, ("003", "007"), 8, True, False),
    (5, 8, 99, 10, 1000, ("003", "007"), 8, False, True),
    (5, 8, None, 10, 8, ("006", "007"), 8, True, False),
    (5, 8, None, 10, 3, (), 8, True, False),
    (0, 8, None, 10, 1000, (), 8, False, False),
]


@pytest.mark.parametrize("keep, seen, cursor, limit, room, ends, next_cursor, truncated, reset", CASES)
def test_tail(
    keep: int,
    seen: int,
    cursor: int | None,
    limit: int,
    room: int,
    ends: tuple[str, ...],
    next_cursor: int,
    truncated: bool,
    reset: bool,
) -> None:
    tail = filled(keep, seen).tail(cursor, limit, room)
    assert (tail.lines[:1] + tail.lines[-1:]) == (ends[:1] + ends[-1:])
    assert (tail.cursor, tail.truncated, tail.reset) == (next_cursor, truncated, reset)


@given(st.lists(st.integers(0, 6), max_size=20))
def test_a_reader_that_keeps_up_sees_every_line_once(batches: list[int]) -> None:
    history = History(6)
    seen: list[str] = []
    cursor, written = 0, 0
    for batch in batches:
        for _ in range(batch):
            history.append(str(written))
            written += 1
        tail = history.tail(cursor, 100, 10_000)
        assert not tail.truncated
        seen += tail.lines
        cursor = tail.cursor
    assert seen == [str(n) for n in range(written)]
