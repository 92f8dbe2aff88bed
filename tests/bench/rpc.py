"""Rows about requests and answers: the same frames to the product and to three WebSocket libraries."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.load import Connection, drive
from tests.bench.processes import ROOT, NotStartedError, Server, clawgate, running, start
from tests.bench.registry import Measured, Settings
from tests.bench.rounds import interleave, ratios, rounded, summary
from tests.support.openclaw import find_modules

PRODUCT = "clawgate"
FLOOR = "pump alone"
PEERS_FOLDER = ROOT / "tests/bench/peers"


def health_payload(port: int, token: str | None) -> str:
    """What the product answers to `health`, so that every peer answers the same."""
    connection = Connection(port, token)
    answer = connection.call("health", {})
    connection.close()
    return json.dumps(answer["payload"], separators=(",", ":"), ensure_ascii=False)


def node_command(payload: str) -> list[str | Path]:
    modules = find_modules()
    if modules is None:
        raise NotStartedError("node ws: OpenClaw's npm packages (which hold ws and node) are not installed")
    [node] = modules.glob("node-linux-*/bin/node")
    return [node, PEERS_FOLDER / "ws_server.mjs", modules, payload]


PEERS: dict[str, Callable[[str], list[str | Path]]] = {
    FLOOR: lambda payload: [sys.executable, "-m", "tests.bench.peers.minimal", payload],
    "gevent-websocket": lambda payload: [sys.executable, PEERS_FOLDER / "gevent_websocket.py", payload],
    "picows": lambda payload: [sys.executable, PEERS_FOLDER / "picows_server.py", payload],
    "picows+uvloop": lambda payload: [sys.executable, PEERS_FOLDER / "picows_server.py", payload, "uvloop"],
    "ws": node_command,
}


@contextmanager
def servers(names: tuple[str, ...]) -> Iterator[tuple[dict[str, Server], dict[str, str]]]:
    """The product and the named peers, all running, and why others are not. NotStartedError: the product does not."""
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        product = clawgate(Path(folder) / "state")
        started.append(product)
        payload = health_payload(product.port, product.token)
        for name in names:
            try:
                started.append(start(name, PEERS[name](payload))[0])
            except NotStartedError as error:
                absent[name] = str(error)
        yield {server.name: server for server in started}, absent


def measure_requests(
    peers: tuple[str, ...],
    connections: int,
    outstanding: int,
    params: dict[str, Any],
    settings: Settings,
) -> Measured:
    """Answered `health` requests per second of server CPU; figures are product over peer."""
    try:
        with servers((FLOOR, *peers)) as (present, absent):
            asked = {name: Asked(server, connections, params) for name, server in present.items()}
            for subject in asked.values():
                subject.run(outstanding, settings.seconds / 4)
            results = interleave(asked, lambda subject: subject.run(outstanding, settings.seconds), settings.rounds)
            for subject in asked.values():
                subject.close()
    except NotStartedError as error:
        return Measured({}, skipped=str(error))
    return compare(results, tuple(peer for peer in peers if peer in results), absent)


def compare(results: dict[str, list[float]], peers: tuple[str, ...], absent: dict[str, str]) -> Measured:
    """Ratios of the product to each peer, and to the floor below it."""
    figures = {f"vs {peer}": rounded(median(ratios(results, PRODUCT, peer))) for peer in peers}
    detail: dict[str, Any] = {f"{name} per CPU second": summary(values) for name, values in results.items()}
    detail |= {f"vs {peer}, spread": summary(ratios(results, PRODUCT, peer)) for peer in peers}
    detail |= {f"{name} did not run": why for name, why in absent.items()}
    return Measured(figures, detail)


class Asked:
    """Open connections to one server, ready to be driven again and again."""

    def __init__(self, server: Server, connections: int, params: dict[str, Any]) -> None:
        self.server = server
        self.connections = [Connection(server.port, server.token) for _ in range(connections)]
        for connection in self.connections:
            connection.prepare("health", params)

    def run(self, outstanding: int, seconds: float) -> float:
        """Messages per second of the server's CPU."""
        before = self.server.cpu_ns()
        done = drive(self.connections, outstanding, seconds)
        return done.messages / ((self.server.cpu_ns() - before) / 1e9)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
