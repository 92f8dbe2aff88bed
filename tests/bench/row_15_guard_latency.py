"""What the guard proxy adds to a relayed frame on loopback: the same frames straight and through it.

Latency, not throughput: one request at a time, with a pause before each, as a person or an agent would send them.

The gateway behind is our bare pump, so that as little as possible besides the guard is in the figure. It says when a
request came, so a request and its answer are two samples: of requests that have to be judged first (tool calls for a
node), and of requests that nobody judges. The detail has the answers and the round trips as well.
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
PAYLOAD = '{"at":<now>,"text":"%s"}' % ("x" * 512)
WAYS = ("request", "answer", "round trip")
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
        self.medians_us: dict[str, list[float]] = {way: [] for way in WAYS}  # of each round
        self.p99s_us: dict[str, list[float]] = {way: [] for way in WAYS}

    def run(self, seconds: float) -> float:
        """Median of the round trips, in us."""
        samples: list[tuple[float, ...]] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            time.sleep(PAUSE_S)
            samples.append(self._ask())
        for way, values in zip(WAYS, zip(*samples, strict=True), strict=True):
            self.medians_us[way].append(median(values))
            self.p99s_us[way].append(quantiles(values, n=100)[98])
        return self.medians_us[WAYS[-1]][-1]

    def _ask(self) -> tuple[float, ...]:
        """Microseconds of each way."""
        connection, answers = self.connection, []
        frame = connection.frames[connection.at]
        connection.at = (connection.at + 1) % len(connection.frames)
        began_ns = time.perf_counter_ns()
        connection.sock.sendall(frame)
        while not answers:
            events = connection.decoder.feed(connection.sock.recv(65536))
            answers = [payload for opcode, payload in events if opcode == TEXT]
        ended_ns = time.perf_counter_ns()
        came_ns = json.loads(answers[0])["payload"]["at"]
        return tuple(ns / 1e3 for ns in (came_ns - began_ns, ended_ns - came_ns, ended_ns - began_ns))


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
            straight, guarded = (Timed(server, method, params) for server in started)
            for side in (straight, guarded):
                side.run(settings.seconds / 2)
                for way in WAYS:
                    side.medians_us[way].clear()
                    side.p99s_us[way].clear()
            sides = {"straight": straight, "guard": guarded}
            interleave(sides, lambda side: side.run(settings.seconds), settings.rounds)
            figures[f"{kind}: median us"] = added(guarded.medians_us["request"], straight.medians_us["request"])
            figures[f"{kind}: p99 us"] = added(guarded.p99s_us["request"], straight.p99s_us["request"])
            for way in WAYS:
                detail[f"{kind}, {way}: added median us"] = added(guarded.medians_us[way], straight.medians_us[way])
                detail[f"{kind}, {way}: added p99 us"] = added(guarded.p99s_us[way], straight.p99s_us[way])
            for name, side in sides.items():
                detail[f"{kind}, {name}, round trip, median us"] = summary(side.medians_us["round trip"])
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
    "latency the guard proxy adds to a relayed request on loopback",
    tuple(
        Bar(f"{kind}: {figure}", "<=", limit)
        for kind in REQUESTS
        for figure, limit in (("median us", 150), ("p99 us", 1000))
    ),
    measure,
)
