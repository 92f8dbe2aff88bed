"""Log lines: their form, and what never gets in."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from gw.observe.lines import fields_of, to_json, to_logfmt, to_tail


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
    assert to_logfmt(fields_of(record(**extra))) == "ts=2023-11-14T22:13:20.250Z level=info event=peer.closed" + tail


def test_json_lines() -> None:
    line = to_json(fields_of(record(code=1008, reason="a\nb", path=Path("/x"))))
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
    assert to_logfmt(fields_of(made)).endswith(
        'event=library.message logger=urllib3.connectionpool template="Retrying %s"'
    )


def test_an_exception_shows_its_class_and_places_but_not_its_text() -> None:
    def read() -> None:
        raise OSError(28, "no space for hunter2")

    made = record("ledger.failed")
    try:
        read()
    except OSError as error:
        made.exc_info = (OSError, error, error.__traceback__)
    line = to_logfmt(fields_of(made))
    assert "error=OSError errno=28" in line and ":read" in line and "test_lines.py:" in line
    assert "hunter2" not in line


def test_only_our_own_loggers_are_quoted_with_their_message() -> None:
    assert fields_of(record("event", "gw"))["event"] == "event"
    assert fields_of(record("some text", "gwfoo"))["event"] == "library.message"


def test_the_form_clients_tail() -> None:
    made = record(code=1008, reason="too slow")
    made.levelno, made.levelname = logging.WARNING, "WARNING"
    assert json.loads(to_tail(fields_of(made), made.name)) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warn",
        "subsystem": "net.pump",
        "message": 'peer.closed code=1008 reason="too slow"',
    }
    plain = record("gateway.stopped", "gw.modes.standalone")
    assert json.loads(to_tail(fields_of(plain), plain.name))["message"] == "gateway.stopped"
