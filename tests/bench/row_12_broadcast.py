"""One event of 1 KB to 512 connections: what a delivery costs the server.

Every connection gets its own `seq`, so the frames differ. The bar is on single events; the detail also has two events
sent together, which is what one step of a streamed answer is (`agent` and `chat`).
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from gw._native.wsframe import TEXT, encode
from tests.bench.load import Connection, discard, receive_all
from tests.bench.processes import Child, NotStartedError, Server, running, start, take_facts
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, rounded, summary
from tests.bench.rpc import PEERS, PRODUCT

CONNECTIONS = 512
EVENT_TEXT = "x" * 960
EVENT_START = b'{"type":"event"'
TIMES = 30  # broadcasts per round
OTHERS = ("gevent-websocket", "picows", "picows+uvloop", "ws")
# What makes the product broadcast one event, or two together.
SIGNALS = {1: signal.SIGUSR1, 2: signal.SIGUSR2}


class Audience:
    """All connections to one server, and how to make it broadcast."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections = [Connection(server.port, server.token, ("operator.read",)) for _ in range(CONNECTIONS)]
        discard(self.connections)

    def trigger(self, count: int) -> None:
        if self.server.name == PRODUCT:
            os.kill(self.server.pid, SIGNALS[count])
            return
        request = {"type": "req", "id": "b", "method": "broadcast", "params": {"count": count, "text": EVENT_TEXT}}
        asking = self.connections[0]
        asking.stream.outbox.push(encode(TEXT, json.dumps(request).encode(), masked=True))
        asking.stream.flush()

    def run(self, count: int) -> float:
        """Microseconds of server CPU per delivery."""
        before = self.server.cpu_ns()
        for _ in range(TIMES):
            self.trigger(count)
            receive_all(self.connections, count, EVENT_START)
        return (self.server.cpu_ns() - before) / 1000 / (TIMES * count * CONNECTIONS)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def product(folder: Path) -> Child:
    command = [sys.executable, "-m", "tests.bench.peers.announcer", folder, EVENT_TEXT]
    return take_facts(*start(PRODUCT, command))


def measure(settings: Settings) -> Measured:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clawgate-bench-")))
        servers = stack.enter_context(running([]))
        absent: dict[str, str] = {}
        try:
            servers.append(product(folder))
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
        for name in OTHERS:
            try:
                servers.append(start(name, PEERS[name]("{}"))[0])
            except NotStartedError as error:
                absent[name] = str(error)
        audiences = {server.name: Audience(server) for server in servers}
        time.sleep(0.5)  # presence of the last arrivals
        for audience in audiences.values():
            discard(audience.connections)
            audience.run(1)
        results = {count: interleave(audiences, runner(count), settings.rounds) for count in SIGNALS}
        for audience in audiences.values():
            audience.close()
    others = [name for name in OTHERS if name in audiences]
    figures = {f"cost vs {name}": rounded(median(ratios(results[1], PRODUCT, name))) for name in others}
    detail: dict[str, Any] = {f"{name}, us per delivery": summary(values) for name, values in results[1].items()}
    detail |= {f"cost vs {name}, spread": summary(ratios(results[1], PRODUCT, name)) for name in others}
    detail |= {f"two events together, cost vs {name}": summary(ratios(results[2], PRODUCT, name)) for name in others}
    detail |= {f"{name} did not run": why for name, why in absent.items()}
    return Measured(figures, detail)


def runner(count: int) -> Callable[[Audience], float]:
    return lambda audience: audience.run(count)


ROW = Row(
    12,
    "broadcast of 1 KB to 512 connections, server CPU per delivery",
    (
        Bar("cost vs gevent-websocket", "<=", 0.5),
        Bar("cost vs ws", "<=", 0.5),
        Bar("cost vs picows", "<=", 0.9),
    ),
    measure,
)
