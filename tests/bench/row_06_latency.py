"""Latency of `health` at 64 connections, and whether any one of them waits longer than the others."""

import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tests.bench.lab import openclaw
from tests.bench.load import Connection, drive
from tests.bench.processes import NotStartedError, Server, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, rounded, summary

CONNECTIONS = 64
LEAST_SAMPLES = 100  # of one connection, for its p99 to mean something


class Timed:
    def __init__(self, server: Server) -> None:
        self.connections = [Connection(server.port, server.token) for _ in range(CONNECTIONS)]
        self.by_connection: list[list[int]] = [[] for _ in self.connections]
        for connection in self.connections:
            connection.prepare("health", {})

    def run(self, seconds: float) -> float:
        """p99 over all connections, in ms."""
        for connection in self.connections:
            connection.latencies_ns = []
        drive(self.connections, 1, seconds)
        everything: list[int] = []
        for connection, kept in zip(self.connections, self.by_connection, strict=True):
            assert connection.latencies_ns is not None
            kept += connection.latencies_ns
            everything += connection.latencies_ns
        return quantiles(everything, n=100)[98] / 1e6

    def unfairness(self) -> list[float]:
        """p99 over p50 of each connection."""
        return [
            quantiles(samples, n=100)[98] / median(samples)
            for samples in self.by_connection
            if len(samples) >= LEAST_SAMPLES
        ]


def measure(settings: Settings) -> Measured:
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        try:
            started.append(clawgate(Path(folder) / "state"))
            with openclaw() as upstream:
                sides = {"clawgate": Timed(started[0]), "openclaw": Timed(upstream)}
                for side in sides.values():
                    side.run(settings.seconds / 2)
                    side.by_connection = [[] for _ in side.connections]
                results = interleave(sides, lambda side: side.run(settings.seconds), settings.rounds)
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
    unfair = sides["clawgate"].unfairness()
    figures = {"p99 vs openclaw": rounded(median(ratios(results, "clawgate", "openclaw")))}
    if len(unfair) == CONNECTIONS:
        figures["worst connection's p99 / p50"] = rounded(max(unfair))
    detail: dict[str, Any] = {f"{side}, p99 ms": summary(values) for side, values in results.items()}
    detail["p99 vs openclaw, spread"] = summary(ratios(results, "clawgate", "openclaw"))
    detail["clawgate, p99 / p50 by connection"] = summary(unfair)
    return Measured(figures, detail)


ROW = Row(
    6,
    "latency of health at 64 connections, one request under way on each",
    (Bar("p99 vs openclaw", "<=", 1 / 15), Bar("worst connection's p99 / p50", "<=", 20)),
    measure,
)
