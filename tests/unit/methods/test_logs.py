"""logs.tail over the in-memory history."""

import pytest

from gw.methods.logs import Logs
from gw.observe.history import History
from tests.support import openclaw
from tests.unit.methods.plain import ask


@pytest.fixture
def history() -> History:
    made = History(100)
    for n in range(10):
        made.append(f"line {n}")
    return made


def test_tail_goes_on_from_its_cursor(history: History) -> None:
    logs = Logs(history)
    first = ask(logs, "logs.tail", {"limit": 2})
    assert (first["lines"], first["cursor"], first["truncated"]) == (["line 8", "line 9"], 10, True)
    history.append("line 10")
    second = ask(logs, "logs.tail", {"cursor": first["cursor"]})
    assert (second["lines"], second["truncated"], second["reset"]) == (["line 10"], False, False)


def test_a_cursor_from_before_a_restart_starts_over(history: History) -> None:
    answer = ask(Logs(history), "logs.tail", {"cursor": 5000})
    assert answer["reset"] and len(answer["lines"]) == 10


def test_size_is_bounded(history: History) -> None:
    assert ask(Logs(history), "logs.tail", {"maxBytes": 14})["lines"] == ["line 8", "line 9"]


@pytest.mark.openclaw
def test_the_answer_fits_the_published_schema(history: History) -> None:
    assert openclaw.problems("LogsTailResult", ask(Logs(history), "logs.tail", {"limit": 3})) == []
