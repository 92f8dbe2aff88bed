"""A real gateway killed in the middle of turns: what was acknowledged is there afterwards, and nothing runs twice."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import Serving, serving
from tests.support.waiting import until

pytestmark = pytest.mark.slow

KEY = "agent:main:main"
MODULE = "tests.support.scripted_serve"


def history(gateway: Serving) -> list[dict[str, Any]]:
    with gateway.client() as client:
        messages: list[dict[str, Any]] = client.call("chat.history", {"sessionKey": KEY})["messages"]
    return messages


def send(client: Any, text: str, **params: Any) -> Any:
    return client.call("chat.send", {"sessionKey": KEY, "message": text, "idempotencyKey": text, **params})


@pytest.mark.parametrize("name", ["sessions.json", "sessions.sqlite"])
def test_killed_in_the_middle_of_a_turn(tmp_path: Path, name: str) -> None:
    config = f"sessions:\n  store: {tmp_path / name}\n"
    with serving(tmp_path / "one", config=config, module=MODULE) as gateway, gateway.client() as client:
        send(client, "m2")
        until(lambda: not client.call("sessions.describe", {"key": KEY})["session"]["hasActiveRun"], "the turn to end")
        assert send(client, "no end")["status"] == "started"
        assert send(client, "m3", queueMode="followup")["status"] == "started"
        gateway.stop(signal.SIGKILL)
    with serving(tmp_path / "two", config=config, module=MODULE) as gateway:
        rows = history(gateway)
        assert [row["content"] if row["role"] == "user" else "reply" for row in rows] == ["m2", "reply", "no end", "m3"]
        assert rows[-1]["__openclaw"]["interrupted"] is True
        with gateway.client() as client:
            session = client.call("sessions.describe", {"key": KEY})["session"]
            assert (session["status"], session["lastRunError"]) == ("failed", "restart")
            assert send(client, "m2")["status"] == "ok"
            for text, params in (("no end", {}), ("m3", {"queueMode": "followup"})):
                assert send(client, text, **params)["summary"] == "interrupted by a restart of the gateway"
            recovered = client.call("sessions.recover", {"key": KEY})
            assert recovered["continuation"]["status"] == "started"
