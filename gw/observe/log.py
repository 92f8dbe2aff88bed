"""Logging: one native thread writes the lines; repeats are limited, and the last ones are kept for `logs.tail`.

Must not know what is logged. Invariant: a slow or stuck output never stalls the hub; lines past the queue's bound are
dropped and counted.
"""

import logging
import os
import queue
import threading
from typing import NamedTuple

from gw.observe.history import History
from gw.observe.lines import FORMATS, fields_of, to_tail

BATCH_LINES = 256
CLOSE_TIMEOUT_S = 2.0
REPEAT_WINDOW_S = 10.0
REPEAT_BURST = 10  # lines of one event and window; the next window's first line says how many were left out
MAX_EVENTS_WATCHED = 1024

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


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
        fields = fields_of(record)
        self._history.append(to_tail(fields, record.name))
        self._writer.put(self._to_line(fields))


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
