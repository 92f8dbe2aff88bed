"""The writer thread, the bound of its queue, the limit on repeats, and who is heard."""

import json
import logging
import os
from collections.abc import Iterator

import pytest

from gw.observe import log as module
from gw.observe.log import LineWriter, RepeatFilter, setup


def record(message: str = "peer.closed", name: str = "gw.net.pump") -> logging.LogRecord:
    return logging.LogRecord(name, logging.INFO, __file__, 1, message, (), None)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_the_writer_keeps_order_and_writes_what_is_queued_before_it_ends(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1], 10_000)
    lines = [f"line {n}" for n in range(1000)]
    for line in lines:
        writer.put(line)
    writer.close()
    assert os.read(pipe[0], 65536).decode().splitlines() == lines
    assert writer.dropped == 0


def test_a_stuck_output_drops_lines_past_the_bound_and_never_blocks(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1], 4)
    big = "x" * 70_000  # fills the pipe, so the thread hangs in write()
    for _ in range(20):
        writer.put(big)
    assert 20 - 4 - 2 <= writer.dropped <= 20 - 4
    writer.close(timeout_s=0.05)
    assert writer._thread.is_alive(), "close gives up on a stuck output"
    os.set_blocking(pipe[0], False)
    while writer._thread.is_alive():
        try:
            os.read(pipe[0], 1 << 20)
        except BlockingIOError:
            writer._thread.join(0.01)


def test_a_broken_output_is_counted() -> None:
    reader, output = os.pipe()
    os.close(reader)
    writer = LineWriter(output, 4)
    writer.put("a")
    writer.close()
    os.close(output)
    assert writer.dropped == 1


def test_repeats_are_limited_per_event_and_counted() -> None:
    limit = RepeatFilter()

    def passes(at: float, message: str = "peer.bad-frame", level: int = logging.INFO) -> logging.LogRecord | None:
        made = record(message)
        made.created, made.levelno = at, level
        return made if limit.filter(made) else None

    burst = [passes(100.0 + n / 100) for n in range(module.REPEAT_BURST + 7)]
    assert [line is not None for line in burst] == [True] * module.REPEAT_BURST + [False] * 7
    assert passes(100.0, "another.event") is not None
    assert passes(100.0, level=logging.ERROR) is not None
    later = passes(100.0 + module.REPEAT_WINDOW_S)
    assert later is not None and vars(later)["suppressed"] == 7
    again = passes(100.0 + 2 * module.REPEAT_WINDOW_S)
    assert again is not None and "suppressed" not in vars(again)


def test_the_filter_forgets_rather_than_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EVENTS_WATCHED", 3)
    limit = RepeatFilter()
    assert all(limit.filter(record(f"event.{n}")) for n in range(50))
    assert len(limit._seen) <= 3


def test_setup_routes_our_events_and_the_warnings_of_libraries(pipe: tuple[int, int]) -> None:
    made = setup("info", "json", descriptor=pipe[1], history_lines=10)
    ours, theirs = logging.getLogger("gw.modes.standalone"), logging.getLogger("urllib3")
    ours.debug("not.shown")
    ours.info("gateway.ready", extra={"port": 18789})
    theirs.info("chatter")
    theirs.warning("trouble")
    made.set_level("debug")
    ours.debug("shown.now")
    made.close()
    events = [json.loads(line) for line in os.read(pipe[0], 65536).decode().splitlines()]
    assert [(e["event"], e["level"]) for e in events] == [
        ("gateway.ready", "info"),
        ("library.message", "warning"),
        ("shown.now", "debug"),
    ]
    tail = [json.loads(line) for line in made.history.tail(None, 100, 100_000).lines]
    assert [(line["level"], line["message"]) for line in tail] == [
        ("info", "gateway.ready port=18789"),
        ("warn", "library.message logger=urllib3 template=trouble"),
        ("debug", "shown.now"),
    ]
