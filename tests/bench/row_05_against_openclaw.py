"""The product against the real gateway it stands in for: answered requests per second of server CPU.

`sessions.list` is asked with a score of sessions in the store; the detail also has it with none. The cheapest RPC is
found in the run: of the methods that both answer, the one OpenClaw answers fastest.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.lab import openclaw
from tests.bench.load import Connection, drive
from tests.bench.processes import NotStartedError, Server, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, rounded, summary

CONNECTIONS = 64
SCOPES = ("operator.read",)
SESSIONS = 20
CANDIDATES = ("health", "last-heartbeat", "models.list", "system-presence", "question.list", "voicewake.get")


class Asked:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections = [Connection(server.port, server.token, SCOPES) for _ in range(CONNECTIONS)]

    def answers(self, method: str) -> bool:
        return bool(self.connections[0].call(method, {}).get("ok"))

    def run(self, method: str, seconds: float) -> float:
        """Answers per second of server CPU."""
        for connection in self.connections:
            connection.prepare(method, {})
        before = self.server.cpu_ns()
        done = drive(self.connections, 1, seconds)
        return done.messages / ((self.server.cpu_ns() - before) / 1e9)


def add_sessions(server: Server) -> None:
    connection = Connection(server.port, server.token, ("operator.admin",))
    for i in range(SESSIONS):
        answer = connection.call("sessions.patch", {"key": f"agent:main:bench-{i}", "label": f"bench {i}"})
        assert answer["ok"], answer
    connection.close()


def runner(method: str, seconds: float) -> Callable[[Asked], float]:
    return lambda asked: asked.run(method, seconds)


def measure(settings: Settings) -> Measured:
    figures: dict[str, float] = {}
    detail: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        try:
            started.append(clawgate(Path(folder) / "state"))
            with openclaw() as upstream:
                sides = {"clawgate": Asked(started[0]), "openclaw": Asked(upstream)}
                served = [name for name in CANDIDATES if all(side.answers(name) for side in sides.values())]
                speed = {name: sides["openclaw"].run(name, settings.seconds) for name in served}
                cheapest = max(speed, key=lambda name: speed[name])
                detail["cheapest RPC"] = cheapest
                empty = interleave(sides, runner("sessions.list", settings.seconds), settings.rounds)
                detail["sessions.list without sessions, spread"] = summary(ratios(empty, "clawgate", "openclaw"))
                for side in sides.values():
                    add_sessions(side.server)
                for figure, method in (("health",) * 2, ("sessions.list",) * 2, ("cheapest RPC", cheapest)):
                    results = interleave(sides, runner(method, settings.seconds), settings.rounds)
                    figures[figure] = rounded(median(ratios(results, "clawgate", "openclaw")))
                    detail[f"{method}, spread"] = summary(ratios(results, "clawgate", "openclaw"))
                    detail |= {f"{method}, {side} per CPU second": summary(results[side]) for side in sides}
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
    return Measured(figures, detail)


ROW = Row(
    5,
    "requests per server-CPU-second against the real OpenClaw, 64 connections",
    (Bar("health", ">=", 100), Bar("sessions.list", ">=", 60), Bar("cheapest RPC", ">=", 6)),
    measure,
)
