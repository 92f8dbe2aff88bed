"""gw/modes/guard/caller: who a client says it is, and whose keys its requests have."""

import json
from typing import Any

import pytest

from gw.modes.guard.caller import Caller, introduced

NOBODY = Caller("conn")


def connect(method: str = "connect", **params: Any) -> bytes:
    return json.dumps({"type": "req", "id": "1", "method": method, "params": params}).encode()


@pytest.mark.parametrize(
    "first, caller, name",
    [
        (connect(client={"id": "cli"}, device={"id": "d"}), Caller("conn", "cli", "d"), "d"),
        (connect(client={"id": "cli"}), Caller("conn", "cli", None), "cli"),
        (connect(client="cli", device=["d"]), NOBODY, "conn"),
        (connect(client={"id": 5}, device={"id": ""}), NOBODY, "conn"),
        (connect("health", client={"id": "cli"}), NOBODY, "conn"),
        (b'{"type":"req","id":"1","method":"connect"}', NOBODY, "conn"),
        (b'{"type":"req","id":"1","method":"connect","params":[1]}', NOBODY, "conn"),
        (b'{"type":"req","id":"1","id":"2","method":"connect"}', NOBODY, "conn"),
        (b"no json", NOBODY, "conn"),
        (b"\xff", NOBODY, "conn"),
    ],
)
def test_who_it_is(first: bytes, caller: Caller, name: str) -> None:
    found = introduced(NOBODY, first)
    assert found == caller and found.name == name
