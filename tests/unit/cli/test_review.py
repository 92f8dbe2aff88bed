from types import TracebackType
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli import review
from gw.cli.review import command

HELD = {
    "id": "dec_1", "state": "pending", "method": "chat.send", "rules": ["a", "b"], "score": 40, "asked": 2,
    "createdAtMs": 1_700_000_000_000, "expiresAtMs": 1_700_086_400_000,
}  # fmt: skip
GRANT = {
    "id": "dec_0", "kind": "like", "usesLeft": 3, "untilMs": 1_700_000_000_000, "tool": "exec", "method": "m",
    "rules": ["a"],
}  # fmt: skip


class Client:
    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self.asked = asked

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def call(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        return {"held": [HELD], "grants": [GRANT], "grant": GRANT, "entry": {"parts": []}}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    monkeypatch.setattr(review, "open_client", lambda settings, scopes: Client(seen))
    return seen


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_list(asked: list[tuple[str, Any]]) -> None:
    held, leave = run("list").splitlines()
    assert held.split("\t") == [
        "dec_1", "pending", "chat.send", "a,b", "40", "2023-11-14 22:13:20", "2023-11-15 22:13:20", "2",
    ]  # fmt: skip
    assert leave == "leave dec_0: like exec (a), 3 uses until 2023-11-14 22:13:20"
    assert run("list", "--all", "--json").startswith('{"held"')
    assert asked == [("security.review.list", {"all": False}), ("security.review.list", {"all": True})]


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (["show", "dec_1"], ("security.review.get", {"id": "dec_1"})),
        (["approve", "dec_1", "--note", "ok"], ("security.review.approve", {"id": "dec_1", "note": "ok"})),
        (
            ["approve", "dec_1", "--like", "--uses", "5"],
            ("security.review.approve", {"id": "dec_1", "note": "", "for": "30m", "uses": 5}),
        ),
        (
            ["approve", "dec_1", "--for", "2h", "--like"],
            ("security.review.approve", {"id": "dec_1", "note": "", "for": "2h"}),
        ),
        (["deny", "dec_1"], ("security.review.deny", {"id": "dec_1", "note": ""})),
        (["revoke", "dec_0"], ("security.review.revoke", {"id": "dec_0"})),
    ],
)
def test_what_is_asked(asked: list[tuple[str, Any]], arguments: list[str], question: tuple[str, Any]) -> None:
    assert run(*arguments)
    assert asked == [question]


def test_a_time_without_a_kind_is_wrong_usage(asked: list[tuple[str, Any]]) -> None:
    result = CliRunner().invoke(command, ["approve", "dec_1", "--for", "2h"])
    assert result.exit_code == 2 and "--for belongs to --like" in result.output and asked == []


def test_uses_are_for_the_like_of_it(asked: list[tuple[str, Any]]) -> None:
    result = CliRunner().invoke(command, ["approve", "dec_1", "--uses", "3"])
    assert result.exit_code == 2 and "--uses belongs to --like" in result.output
    assert not asked
