"""Logging: constant event names with data in `extra`, as logfmt or JSON lines, written by one native thread.

Must not know what is logged: callers keep payload text, tokens, command lines and personal paths out of `extra`.
Invariant: a slow or stuck output never stalls the hub; lines past the queue's bound are dropped and counted. Text of
libraries and of exceptions is never written, since it may quote what they were given: their constant template and the
places of the traceback are.
"""

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gw.observe.history import History

MAX_VALUE_CHARS = 500
MAX_FRAMES = 6
BATCH_LINES = 256
CLOSE_TIMEOUT_S = 2.0
REPEAT_WINDOW_S = 10.0
REPEAT_BURST = 10  # lines of one event and window; the next window's first line says how many were left out
MAX_EVENTS_WATCHED = 1024

RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    yield "ts", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
    yield "level", record.levelname.lower()
    ours = record.name.startswith("gw")
    yield "event", str(record.msg) if ours else "library.message"
    if not ours:
        yield "logger", record.name
        yield "template", str(record.msg)
    for name, value in record.__dict__.items():
        if name not in RECORD_FIELDS:
            yield name, value
    if record.exc_info and record.exc_info[1] is not None:
        yield from _error(record.exc_info[1])


def _error(error: BaseException) -> Iterator[tuple[str, str]]:
    yield "error", type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        yield "errno", str(error.errno)
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{traceback.tb_lineno}:{code.co_name}")
        traceback = traceback.tb_next
    yield "at", " ".join(frames[-MAX_FRAMES:])


def _plain(value: Any) -> Any:
    """What JSON can hold; long text is cut."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "..."


def to_json(record: logging.LogRecord) -> str:
    return json.dumps({name: _plain(value) for name, value in _fields(record)})


def to_logfmt(record: logging.LogRecord) -> str:
    return " ".join(f"{name}={_quote(_plain(value))}" for name, value in _fields(record))


def _quote(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "=\\'):
        return text
    # Nothing that a terminal or a line-oriented reader would act on leaves unescaped.
    return json.dumps(text, ensure_ascii=not text.isprintable())


FORMATS = {"logfmt": to_logfmt, "json": to_json}


class LineWriter:
    """Writes lines to a descriptor from a thread of its own; `put` never blocks."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._limit = limit
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        if self._lines.qsize() >= self._limit:
            self.dropped += 1
        else:
            self._lines.put(line)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what is queued; gives up after `timeout_s`, since the output may be stuck."""
        self._lines.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        stop = False
        while not stop:
            batch = [self._lines.get()]
            while len(batch) < BATCH_LINES and not self._lines.empty():
                batch.append(self._lines.get())  # the only reader, so this does not wait
            stop = None in batch
            lines = [line for line in batch if line is not None]
            if lines:
                self._write("\n".join(lines) + "\n", len(lines))

    def _write(self, text: str, lines: int) -> None:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.dropped += lines  # the journal is gone; there is nowhere to say so but the counter


class _Seen:
    __slots__ = ("count", "since", "suppressed")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.suppressed = 0


class RepeatFilter(logging.Filter):
    """Lets the first lines of an event in a window pass; errors always pass."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        key = (record.name, str(record.msg))
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= MAX_EVENTS_WATCHED:
                self._seen.clear()
            seen = self._seen[key] = _Seen(record.created)
        if not 0 <= record.created - seen.since < REPEAT_WINDOW_S:
            if seen.suppressed:
                record.suppressed = seen.suppressed
            seen.since, seen.count, seen.suppressed = record.created, 0, 0
        seen.count += 1
        if seen.count <= REPEAT_BURST:
            return True
        seen.suppressed += 1
        return False


class LogHandler(logging.Handler):
    def __init__(self, writer: LineWriter, history: History, format_name: str) -> None:
        super().__init__()
        self._writer = writer
        self._history = history
        self._to_line = FORMATS[format_name]
        self.addFilter(RepeatFilter())

    def emit(self, record: logging.LogRecord) -> None:
        line = self._to_line(record)
        self._history.append(line)
        self._writer.put(line)


class Logging(NamedTuple):
    writer: LineWriter
    history: History
    handler: LogHandler

    def set_level(self, level: str) -> None:
        """Applies to our own events; libraries are heard from WARNING on."""
        logging.getLogger("gw").setLevel(LEVELS[level])

    def close(self) -> None:
        logging.getLogger().removeHandler(self.handler)
        self.writer.close()


def setup(
    level: str = "info",
    format_name: str = "logfmt",
    *,
    descriptor: int = 2,
    queue_lines: int = 4096,
    history_lines: int = 1000,
) -> Logging:
    """Route all logging through one writer thread to `descriptor`."""
    writer = LineWriter(descriptor, queue_lines)
    history = History(history_lines)
    handler = LogHandler(writer, history, format_name)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False
    made = Logging(writer, history, handler)
    made.set_level(level)
    return made
