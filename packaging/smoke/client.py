"""A client that runs in a machine's network but outside its file system: what it prints is one JSON value.

client.py TOKEN call METHOD [PARAMS]      print the answer, or {"refused": error}
client.py TOKEN load SECONDS              send acknowledged chat messages all the while; print the acknowledged keys
client.py TOKEN stored                    print the idempotency keys of the messages the gateway has
"""

import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gw.cli.rpc import GatewayClient, RefusedError
from gw.config.settings import Address
from gw.errors import GwError
from gw.wire import json

ADDRESS = Address("127.0.0.1", 18789)
SCOPES = ("operator.read", "operator.write", "operator.admin")
SESSION = "agent:main:main"


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
                    key = str(uuid4())
                    params = {"sessionKey": SESSION, "message": f"note {len(acknowledged)}", "idempotencyKey": key}
                    client.call("chat.send", params)
                    acknowledged.append(key)
                    time.sleep(0.02)
        except (GwError, OSError):
            time.sleep(0.05)
    return acknowledged


def stored(token: str) -> list[str]:
    with connect(token) as client:
        rows = client.call("chat.history", {"sessionKey": SESSION, "limit": 1000})["messages"]
    return [
        key.removesuffix(":user") for row in rows if row["role"] == "user" and (key := row.get("idempotencyKey", ""))
    ]


if __name__ == "__main__":
    command = {"call": call, "load": load, "stored": stored}[sys.argv[2]]
    sys.stdout.buffer.write(json.dumps(command(sys.argv[1], *sys.argv[3:])) + b"\n")
