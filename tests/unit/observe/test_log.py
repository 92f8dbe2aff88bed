"""Log lines: their form, what never gets in, the bound of the queue and the limit on repeats."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.observe import log as module
from gw.observe.history import History
from gw.observe.log import LineWriter, RepeatFilter, setup, to_json, to_logfmt


def record(message: str = "peer.closed", name: str = "gw.net.pump", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, (), None)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    vars(made).update(extra)
    return made


LINES = [
    ({}, ""),
    ({"code": 1008, "ok": True, "who": None}, " code=1008 ok=true who=null"),
    ({"reason": "too slow"}, ' reason="too slow"'),
    ({"a": "", "b": 'x"y', "c": "k=v"}, ' a="" b="x\\"y" c="k=v"'),
    ({"a": "one\ntwo\x1b[31m", "b": "a\u202eb"}, ' a="one\\ntwo\\u001b[31m" b="a\\u202eb"'),
    ({"a": "x" * 600}, " a=" + "x" * 500 + "..."),
    ({"a": Path("/etc/x"), "b": "größe"}, " a=/etc/x b=größe"),
]


@pytest.mark.parametrize("extra, tail", LINES)
def test_logfmt_lines(extra: dict[str, Any], tail: str) -> None:
    assert to_logfmt(record(**extra)) == "ts=2023-11-14T22:13:20.250Z level=info event=peer.closed" + tail


def test_json_lines() -> None:
    line = to_json(record(code=1008, reason="a\nb", path=Path("/x")))
    assert json.loads(line) == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "event": "peer.closed",
        "code": 1008,
        "reason": "a\nb",
        "path": "/x",
    }
    assert "\n" not in line


def test_libraries_are_quoted_by_template_only() -> None:
    made = record("Retrying %s", "urllib3.connectionpool")
    made.args = ("https://x/?apikey=hunter2",)
    assert to_logfmt(made).endswith('event=library.message logger=urllib3.connectionpool template="Retrying %s"')


def test_an_exception_shows_its_class_and_places_but_not_its_text() -> None:
    def read() -> None:
        raise OSError(28, "no space for hunter2")

    made = record("ledger.failed")
    try:
        read()
    except OSError as error:
        made.exc_info = (OSError, error, error.__traceback__)
    line = to_logfmt(made)
    assert "error=OSError errno=28" in line and ":read" in line and "test_log.py:" in line
    assert "hunter2" not in line


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


@pytest.fixture
def clean_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("gw").level, logging.raiseExceptions)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.getLogger("gw").setLevel(before[2])
    logging.raiseExceptions = before[3]


@pytest.mark.usefixtures("clean_logging")
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
    assert len(made.history.tail(None, 100, 100_000).lines) == 3


def test_history_is_what_the_handler_fills() -> None:
    history = History(2)
    for line in ("a", "b", "c"):
        history.append(line)
    assert history.tail(None, 10, 100).lines == ("b", "c")
