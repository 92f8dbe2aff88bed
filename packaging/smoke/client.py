"""A client that runs in a machine's network but outside its file system: what it prints is one JSON value.

It runs in the interpreter of an unpacked package and imports what lies beside it.

client.py TOKEN call METHOD [PARAMS]      print the answer, or {"refused": error}
client.py TOKEN load SECONDS              send acknowledged chat messages all the while; print the acknowledged keys
client.py TOKEN stored                    print the idempotency keys of the messages the gateway has
"""

import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(sys.executable).parents[2] / "site"))

from gw.cli.rpc import GatewayClient, RefusedError
from gw.config.settings import Address
from gw.errors import GwError
from gw.wire import json

ADDRESS = Address("127.0.0.1", 18789)
SCOPES = ("operator.read", "operator.write", "operator.admin")
# So many that none gets its messages faster than its queue takes them: what overflows is a dead letter, by design.
SESSIONS = [f"agent:main:smoke-{number}" for number in range(50)]


def connect(token: str) -> GatewayClient:
    return GatewayClient(ADDRESS, token, scopes=SCOPES, timeout_s=5)


def call(token: str, method: str, params: str = "{}") -> Any:
    with connect(token) as client:
        try:
            return client.call(method, json.loads(params))
        except RefusedError as error:
            return {"refused": error.shape}


def load(token: str, seconds: str) -> list[str]:
    """Keys whose chat.send was acknowledged. While the gateway is away it dials again, as clients do."""
    acknowledged: list[str] = []
    ends = time.monotonic() + float(seconds)
    while time.monotonic() < ends:
        try:
            with connect(token) as client:
                while time.monotonic() < ends:
                    key, sent = str(uuid4()), len(acknowledged)
                    session = SESSIONS[sent % len(SESSIONS)]
                    params = {"sessionKey": session, "message": f"note {sent}", "idempotencyKey": key}
                    client.call("chat.send", params)
                    acknowledged.append(key)
                    time.sleep(0.02)
        except (GwError, OSError):
            time.sleep(0.05)
    return acknowledged


def stored(token: str) -> list[str]:
    with connect(token) as client:
        histories = [client.call("chat.history", {"sessionKey": session, "limit": 1000}) for session in SESSIONS]
    rows = [row for history in histories for row in history["messages"] if row["role"] == "user"]
    return [key.removesuffix(":user") for row in rows if (key := row.get("idempotencyKey", ""))]


if __name__ == "__main__":
    command = {"call": call, "load": load, "stored": stored}[sys.argv[2]]
    sys.stdout.buffer.write(json.dumps(command(sys.argv[1], *sys.argv[3:])) + b"\n")
