"""What the guard proxy adds to a request and its answer on loopback: the same frames straight and through it.

Latency, not throughput: one request at a time, with a pause before each, as a person or an agent would send them.

The gateway behind is our bare pump, so that as little as possible besides the guard is in the figure. Each sample is a
round trip, so two relayed frames: one that has to be judged first (a tool call for a node, a message to be sent), and
one that nobody judges.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from gw._native.wsframe import TEXT
from tests.bench.load import Connection
from tests.bench.processes import Child, NotStartedError, Server, running, start
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, rounded, summary

PAUSE_S = 0.001
PAYLOAD = '{"ok":true,"text":"%s"}' % ("x" * 512)
REQUESTS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "passed": ("sessions.list", [{"limit": 50}]),
    "judged": (
        "node.invoke",
        [
            {"nodeId": "n", "command": "system.run", "params": {"command": ["git", "log", "-n", str(i)]}}
            for i in range(32)
        ]
        + [{"nodeId": "n", "command": "system.which", "params": {"bins": [f"tool{i}"]}} for i in range(32)],
    ),
}


class Timed:
    """One connection that asks, waits for the answer, and pauses."""

    def __init__(self, server: Server, method: str, params: list[dict[str, Any]]) -> None:
        self.connection = Connection(server.port)
        self.connection.call("health", {})  # the first success opens the way
        self.connection.prepare(method, *params)
        self.connection.sock.setblocking(True)
        self.p99_us: list[float] = []

    def run(self, seconds: float) -> float:
        """Median of the round trips, in us."""
        connection, samples = self.connection, []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            time.sleep(PAUSE_S)
            frame = connection.frames[connection.at]
            connection.at = (connection.at + 1) % len(connection.frames)
            began_ns = time.perf_counter_ns()
            connection.sock.sendall(frame)
            while not any(opcode == TEXT for opcode, _ in connection.decoder.feed(connection.sock.recv(65536))):
                pass
            samples.append((time.perf_counter_ns() - began_ns) / 1e3)
        self.p99_us.append(quantiles(samples, n=100)[98])
        return median(samples)


def measure(settings: Settings) -> Measured:
    figures: dict[str, float] = {}
    detail: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        try:
            started.append(start("gateway", [sys.executable, "-m", "tests.bench.peers.minimal", PAYLOAD])[0])
            started.append(guard(started[0].port, Path(folder) / "state"))
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
        for kind, (method, params) in REQUESTS.items():
            sides = {"straight": Timed(started[0], method, params), "guard": Timed(started[1], method, params)}
            for side in sides.values():
                side.run(settings.seconds / 2)
                side.p99_us.clear()
            results = interleave(sides, lambda side: side.run(settings.seconds), settings.rounds)
            figures[f"{kind}: median us"] = added(results["guard"], results["straight"])
            figures[f"{kind}: p99 us"] = added(sides["guard"].p99_us, sides["straight"].p99_us)
            for name, side in sides.items():
                detail[f"{kind}, {name}, median us"] = summary(results[name])
                detail[f"{kind}, {name}, p99 us"] = summary(side.p99_us)
                side.connection.close()
    return Measured(figures, detail)


def guard(upstream_port: int, state: Path) -> Child:
    upstream = f"ws://127.0.0.1:{upstream_port}"
    command = [sys.executable, "-m", "gw", "guard", "--upstream", upstream, "--listen", "127.0.0.1:0"]
    child, line = start("guard", [*command, "--control", "127.0.0.1:0", "--state", state, "--json"])
    child.port = int(json.loads(line)["url"].rpartition(":")[2])
    return child


def added(guarded: list[float], straight: list[float]) -> float:
    """The median over the rounds of what one round's figure is above the other's."""
    return rounded(median(ours - theirs for ours, theirs in zip(guarded, straight, strict=True)))


ROW = Row(
    15,
    "latency the guard proxy adds to a request and its answer on loopback",
    tuple(
        Bar(f"{kind}: {figure}", "<=", limit)
        for kind in REQUESTS
        for figure, limit in (("median us", 150), ("p99 us", 1000))
    ),
    measure,
)
