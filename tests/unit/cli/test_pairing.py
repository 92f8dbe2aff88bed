from types import TracebackType
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli import pairing
from gw.cli.pairing import command
from gw.cli.rpc import RefusedError

REQUEST = {
    "requestId": "r1", "channel": "telegram", "accountId": "default", "senderId": "17", "senderLabel": "Ann",
    "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T01:00:00.000Z",
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
        notification = "sent" if params.get("notify") else "not-requested"
        return {"requests": [REQUEST], "senderId": "17", "notification": notification}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    monkeypatch.setattr(pairing, "open_client", lambda settings, scopes: Client(seen))
    return seen


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_list(asked: list[tuple[str, Any]]) -> None:
    (line,) = run("list").splitlines()
    assert line.split("\t") == [
        "telegram", "default", "17", "Ann", "2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z", "r1",
    ]  # fmt: skip
    assert run("list", "telegram", "--json").startswith('{"requests"')
    assert asked == [("channels.pairing.list", {}), ("channels.pairing.list", {"channel": "telegram"})]


@pytest.mark.parametrize(
    ("arguments", "method", "params", "said"),
    [
        (
            ["approve", "telegram", "ABCD2345"],
            "channels.pairing.approve",
            {"requestId": "ABCD2345", "accountId": "default", "notify": True},
            "17 may write on telegram now (they were told)\n",
        ),
        (
            ["approve", "telegram", "r1", "--account", "work", "--quiet"],
            "channels.pairing.approve",
            {"requestId": "r1", "accountId": "work", "notify": False},
            "17 may write on telegram now (quietly)\n",
        ),
        (
            ["dismiss", "telegram", "r1"],
            "channels.pairing.dismiss",
            {"requestId": "r1", "accountId": "default"},
            "forgot the request of 17\n",
        ),
    ],
)
def test_answers(
    asked: list[tuple[str, Any]], arguments: list[str], method: str, params: dict[str, Any], said: str
) -> None:
    assert run(*arguments) == said
    assert asked == [(method, {"channel": "telegram", **params})]


@pytest.mark.parametrize(
    ("code", "words"), [("METHOD_NOT_SERVED", "start it with a channels file"), ("OTHER", "no such thing")]
)
def test_a_gateway_without_channels_is_told_apart(monkeypatch: pytest.MonkeyPatch, code: str, words: str) -> None:
    class Without(Client):
        def call(self, method: str, params: Any) -> Any:
            raise RefusedError(method, {"message": "no such thing", "details": {"code": code}})

    monkeypatch.setattr(pairing, "open_client", lambda settings, scopes: Without([]))
    result = CliRunner().invoke(command, ["list"], standalone_mode=False)
    assert words in str(result.exception)
