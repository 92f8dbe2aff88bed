"""Reading JSON of any shape: the answer has the type that was asked for."""

from typing import Any

import pytest

from gw.channels import reading
from gw.channels.base import Answer, SendLater


@pytest.mark.parametrize("data", [b"", b"[1]", b"null", b"{", b"\xff{}", b'"x"'])
def test_only_objects_are_loaded(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        reading.load(data)


def test_an_object_is_loaded() -> None:
    assert reading.load(b'{"a": 1}') == {"a": 1}


NUMBERS: list[tuple[Any, int]] = [(5, 5), ("5", 5), ("x", 0), (None, 0), (True, 0), (-5, -5), ("9" * 20, 0), (1.5, 0)]


@pytest.mark.parametrize(("value", "number"), NUMBERS)
def test_numbers(value: Any, number: int) -> None:
    assert reading.number({"n": value}, "n") == number


@pytest.mark.parametrize(("value", "ident"), [(5, "5"), ("x", "x"), (None, ""), (True, ""), (1.5, ""), ([], "")])
def test_ids(value: Any, ident: str) -> None:
    assert reading.ident({"n": value}, "n") == ident


def test_nesting() -> None:
    assert reading.table({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    odd: list[Any] = [{"a": []}, {"a": None}, None, 5, {"a": {"b": "x"}}]
    for value in odd:
        assert reading.table(value, "a", "b") == {}
    assert reading.rows({"a": [1, {"b": 2}, None]}, "a") == [{"b": 2}]
    assert reading.rows({"a": {"b": 2}}, "a") == []
    assert reading.text({"a": 5}, "a") == ""


SECONDS: list[Any] = [
    ("5", 5.0),
    (0.25, 0.25),
    ("-1", None),
    ("soon", None),
    (None, None),
    ("1e9", 3600.0),
    ("nan", None),
    ("inf", 3600.0),
    pytest.param(10**400, None, id="more-than-a-float-holds"),
]


@pytest.mark.parametrize(("value", "seconds"), SECONDS)
def test_pauses(value: Any, seconds: float | None) -> None:
    assert reading.seconds(value) == seconds


URLS = [
    ("wss://x", "https://api", True),
    ("ws://x", "https://api", False),
    ("ws://x", "http://127.0.0.1", True),
    ("https://x", "http://127.0.0.1", False),
    ("", "http://127.0.0.1", False),
]


@pytest.mark.parametrize(("url", "api_root", "is_taken"), URLS)
def test_a_socket_is_protected_as_the_api_is(url: str, api_root: str, is_taken: bool) -> None:
    if is_taken:
        assert reading.socket_url(url, api_root) == url
        return
    with pytest.raises(SendLater):
        reading.socket_url(url, api_root)


def test_a_server_that_fails_is_asked_again() -> None:
    with pytest.raises(SendLater) as later:
        reading.answer(Answer(503, {"retry-after": "9"}, b"{}"))
    assert later.value.after_s == 9.0
    with pytest.raises(SendLater):
        reading.answer(Answer(200, {}, b"<html>"))
    assert reading.answer(Answer(404, {}, b"<html>")) == {}
    assert reading.answer(Answer(200, {}, b'{"a":1}')) == {"a": 1}
