"""What a guard lets through when it, or the gateway behind it, dies: docs/failures.md, the guard's rows.

The gateway behind it is one of ours that enforces nothing, so that only the guard stands in the way; what reached it is
in its decision log.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gw.cli.main import run
from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.websocket import UnreachableError
from gw.config.settings import Address
from gw.ledger.decisions import read_latest
from tests.support.serving import Serving, serving
from tests.support.waiting import until

pytestmark = pytest.mark.slow

POLICY = """version: 1
kind: policy
id: test.guard-failures
score:
  - {id: test.hold, target: prompt, pattern: 'hold me', severity: high, say: Held., hit: [hold me], miss: [hello]}
"""
PORT = 0  # a free one


class Guarded:
    """A guard and the gateway behind it; either may be killed and started again where it was."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.policy = folder / "p.yaml"
        self.policy.write_text(POLICY)
        self.upstream = self.start_upstream(PORT)
        self.token = folder / "upstream-token"
        self.token.write_text(self.upstream.token)
        self.token.chmod(0o600)
        self.guard = self.start_guard()

    def start_upstream(self, port: int) -> Serving:
        flags = ["--audit-only", "--listen", f"127.0.0.1:{port}"]
        self.upstream = self.stack.enter_context(serving(self.folder / "upstream", *flags))
        return self.upstream

    def start_guard(self) -> Serving:
        flags = ["--upstream", self.upstream.url, "--control", "127.0.0.1:0", "--policy", str(self.policy)]
        self.guard = self.stack.enter_context(serving(self.folder / "guard", *flags, mode="guard"))
        return self.guard

    def client(self) -> GatewayClient:
        return GatewayClient(self.guard.address, self.upstream.token, scopes=("operator.admin",))

    def say(self, client: GatewayClient, text: str, key: str) -> str:
        """Send without waiting; the request's id."""
        return client.request("chat.send", {"sessionKey": "main", "message": text, "idempotencyKey": key})

    def held(self) -> list[dict[str, Any]]:
        host, _, port = self.guard.control.rpartition(":")
        control = GatewayClient(Address(host, int(port)), self.guard.token, scopes=("operator.admin",))
        with control as client:
            rows: list[dict[str, Any]] = client.call("security.review.list")["held"]
            return rows

    @property
    def reviews(self) -> Path:
        return self.guard.state / "reviews" / "reviews.jsonl"

    def approve(self) -> None:
        [row] = until(self.held)
        assert (
            run(["review", "approve", row["id"], "--listen", self.guard.control, "--state", str(self.guard.state)]) == 0
        )

    def arrived(self) -> int:
        """Messages that reached the gateway behind."""
        with self.upstream.client() as client:
            client.call("security.decisions")  # writes what waits for the disk
        rows = read_latest(self.upstream.state / "decisions", 1000)
        return sum(row["method"] == "chat.send" for row in rows)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with ExitStack() as stack:
        yield Guarded(tmp_path, stack)


def test_the_guard_is_killed_while_a_request_is_held(guarded: Guarded) -> None:
    with guarded.client() as client:
        guarded.say(client, "hold me", "a")
        until(lambda: "held" in guarded.reviews.read_text(), "the hold on disk")
        guarded.guard.stop(signal.SIGKILL)
    assert guarded.arrived() == 0
    guarded.start_guard()
    guarded.approve()  # the hold outlived the guard, the request did not
    assert guarded.arrived() == 0
    with guarded.client() as client:
        client.answer(guarded.say(client, "hold me", "b"))
    assert guarded.arrived() == 1


def test_the_gateway_is_killed_while_a_request_is_held(guarded: Guarded) -> None:
    port = guarded.upstream.address.port
    with guarded.client() as client:
        request = guarded.say(client, "hold me", "a")
        until(guarded.held)
        guarded.upstream.stop(signal.SIGKILL)
        with pytest.raises((RefusedError, UnreachableError)) as told:
            client.answer(request, "chat.send")
        if isinstance(told.value, RefusedError):
            assert told.value.shape["code"] == "UNAVAILABLE"
    guarded.start_upstream(port)
    guarded.approve()
    assert guarded.arrived() == 0  # leave sends nothing by itself
    with guarded.client() as client:
        client.answer(guarded.say(client, "hold me", "b"))
    assert guarded.arrived() == 1


def test_without_the_guard_there_is_no_way(guarded: Guarded) -> None:
    guarded.guard.stop(signal.SIGKILL)
    with pytest.raises(UnreachableError), guarded.client() as client:
        guarded.say(client, "hello", "a")
    assert guarded.arrived() == 0
