"""Pages, byte budgets, places around a message, cursors of many rows."""

from pathlib import Path
from typing import Any

import pytest

from gw.methods import chat_history
from tests.support import openclaw
from tests.support.scripted_runner import ScriptedRunner
from tests.support.sessions import FakeClient, house

KEY = "agent:main:main"


@pytest.fixture
def client(tmp_path: Path) -> Any:
    with house(tmp_path / "s.json", ScriptedRunner()) as home:
        client = home.client()
        for number in range(4):
            client.call("chat.send", sessionKey=KEY, message=f"m{number}", idempotencyKey=f"k{number}")
            home.idle()
        yield client


def seqs(page: dict[str, Any]) -> list[int]:
    return [message["__openclaw"]["seq"] for message in page["messages"]]


def test_the_newest_that_fit_a_byte_budget(client: FakeClient) -> None:
    whole = client.call("chat.history", sessionKey=KEY)
    page = client.call("chat.history", sessionKey=KEY, maxBytes=1024)
    assert 1 <= len(page["messages"]) < len(whole["messages"])
    assert seqs(page) == seqs(whole)[-len(page["messages"]) :]
    assert page["hasMore"]
    assert page["nextOffset"] == len(page["messages"])


@pytest.mark.parametrize(
    "sizes, budget, kept",
    [([10, 10, 10], 100, 3), ([10, 10, 10], 25, 2), ([10, 10, 10], 1, 1), ([], 5, 0), ([10, 90, 10], 50, 1)],
)
def test_at_least_one_fits(sizes: list[int], budget: int, kept: int) -> None:
    messages = [{"n": "x" * (size - 8)} for size in sizes]
    assert chat_history._within(messages, budget) == messages[len(messages) - kept :]
    assert chat_history._within(messages, None) == messages


def test_a_page_around_a_message(client: FakeClient) -> None:
    whole = client.call("chat.history", sessionKey=KEY)
    middle = whole["messages"][3]["__openclaw"]["id"]
    page = client.call("chat.history", sessionKey=KEY, messageId=middle, limit=3)
    assert seqs(page) == [3, 4, 5]
    assert seqs(client.call("chat.history", sessionKey=KEY, messageId="gone", limit=2)) == [7, 8]


def test_too_many_new_rows_are_a_reset(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = client.call("chat.history", sessionKey=KEY)["deltaCursor"]
    client.call("chat.send", sessionKey=KEY, message="more", idempotencyKey="k9")
    client._house.idle()
    assert client.call("chat.history", sessionKey=KEY, cursor=cursor)["kind"] == "delta"
    monkeypatch.setattr(chat_history, "DELTA_RECORDS", 1)
    assert client.call("chat.history", sessionKey=KEY, cursor=cursor) == {"kind": "reset"}
    assert client.call("chat.history", sessionKey=KEY, cursor="garbage") == {"kind": "reset"}


@pytest.mark.openclaw
def test_cursor_answers_fit_the_published_schema(client: FakeClient) -> None:
    cursor = client.call("chat.history", sessionKey=KEY)["deltaCursor"]
    for answer in (
        client.call("chat.history", sessionKey=KEY, cursor=cursor, inputRunIds=["k1"]),
        client.call("chat.history", sessionKey=KEY, cursor="garbage"),
    ):
        assert openclaw.problems("ChatHistoryCursorResult", answer) == []
