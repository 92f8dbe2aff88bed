from types import TracebackType
from typing import Any

import pytest

from gw.cli.policy import reloading
from gw.cli.policy.reloading import tell_service
from gw.cli.rpc import RefusedError
from gw.cli.websocket import UnreachableError
from gw.config.settings import Settings


class Client:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def call(self, method: str) -> Any:
        assert method == "security.policy.reload"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def say(monkeypatch: pytest.MonkeyPatch, answer: Any) -> str:
    def open_client(settings: Settings, scopes: tuple[str, ...]) -> Client:
        if isinstance(answer, UnreachableError):
            raise answer
        return Client(answer)

    monkeypatch.setattr(reloading, "open_client", open_client)
    return tell_service(Settings())


def test_what_the_gateway_uses_now(monkeypatch: pytest.MonkeyPatch) -> None:
    assert say(monkeypatch, {"generation": 3, "digest": "abcdef0123456789"}).endswith(
        "generation 3, digest abcdef012345"
    )


def test_no_gateway_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "from the next start on" in say(monkeypatch, UnreachableError("nobody"))


def test_a_refusal_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RefusedError, match="policy refused"):
        say(monkeypatch, RefusedError("security.policy.reload", {"message": "policy refused"}))
