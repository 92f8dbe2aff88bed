"""Resident memory with the default policies: idle, and with 512 logged-in connections."""

import tempfile
import time
from pathlib import Path

from tests.bench.lab import openclaw
from tests.bench.load import Connection, discard
from tests.bench.processes import NotStartedError, Server, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded

CONNECTIONS = 512
SETTLE_S = 5.0


def weigh(server: Server) -> tuple[int, int]:
    """RSS idle and with all connections, each after a while of quiet."""
    time.sleep(SETTLE_S)
    idle = server.rss_bytes()
    connections = [Connection(server.port, server.token) for _ in range(CONNECTIONS)]
    for connection in connections:
        assert connection.call("health", {})["ok"]
    time.sleep(SETTLE_S)
    discard(connections)
    full = server.rss_bytes()
    for connection in connections:
        connection.close()
    return idle, full


def measure(settings: Settings) -> Measured:
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        try:
            started.append(clawgate(Path(folder) / "state"))
            idle, full = weigh(started[0])
            with openclaw() as upstream:
                their_idle, their_full = weigh(upstream)
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
    return Measured(
        {
            "idle vs openclaw": rounded(idle / their_idle),
            "512 connections vs openclaw": rounded(full / their_full),
            "bytes per connection": rounded((full - idle) / CONNECTIONS),
        },
        {
            "clawgate, MB idle and with 512": (round(idle / 1e6, 1), round(full / 1e6, 1)),
            "openclaw, MB idle and with 512": (round(their_idle / 1e6, 1), round(their_full / 1e6, 1)),
        },
    )


ROW = Row(
    7,
    "resident memory, default policies loaded",
    (
        Bar("idle vs openclaw", "<=", 1 / 20),
        Bar("512 connections vs openclaw", "<=", 1 / 16),
        Bar("bytes per connection", "<=", 25 * 1024),
    ),
    measure,
)
