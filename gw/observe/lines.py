"""From a log record to the line that is written: constant event name, then data, as logfmt or JSON.

Must not know where lines go; callers keep payload text, tokens, command lines and personal paths out of `extra`.
Invariant: text of libraries and of exceptions is never in a line, since it may quote what they were given: their
constant template and the places of the traceback are. Nothing a terminal would act on leaves unescaped.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MAX_VALUE_CHARS = 500
MAX_FRAMES = 6
RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
TAIL_LEVELS = {"warning": "warn", "critical": "fatal"}  # as clients of `logs.tail` call them

Fields = dict[str, Any]


def fields_of(record: logging.LogRecord) -> Fields:
    """`ts`, `level`, `event`, then the record's own data; values are what JSON can hold."""
    return {name: _plain(value) for name, value in _fields(record)}


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    yield "ts", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
    yield "level", record.levelname.lower()
    ours = record.name == "gw" or record.name.startswith("gw.")
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


def to_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields)


def to_logfmt(fields: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_quote(value)}" for name, value in fields.items())


def to_tail(fields: Mapping[str, Any], logger: str) -> str:
    """The line as clients of `logs.tail` read it: JSON with time, level, subsystem and message."""
    data = {name: value for name, value in fields.items() if name not in ("ts", "level", "event")}
    level = fields["level"]
    line = {
        "time": fields["ts"],
        "level": TAIL_LEVELS.get(level, level),
        "subsystem": logger.removeprefix("gw."),
        "message": f"{fields['event']} {to_logfmt(data)}".rstrip(),
    }
    return json.dumps(line)


def _quote(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = str(value)
    if text and text.isprintable() and not any(c in text for c in ' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


FORMATS = {"logfmt": to_logfmt, "json": to_json}
