"""From starting the process to the first answered `health`, and the CPU spent until then."""

import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.lab import openclaw
from tests.bench.load import Connection
from tests.bench.processes import NotStartedError, Server, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded, summary


class Start(NamedTuple):
    seconds: float
    cpu_s: float


def first_answer(server: Server) -> Start:
    """The caller returned as soon as the server said it listens; log in, ask, look at the clock."""
    connection = Connection(server.port, server.token)
    assert connection.call("health", {})["ok"]
    start = Start(server.age_s(), server.cpu_ns() / 1e9)
    connection.close()
    return start


def start_product() -> Start:
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        started.append(clawgate(Path(folder) / "state"))
        return first_answer(started[0])


def start_upstream() -> Start:
    with openclaw() as server:
        return first_answer(server)


def measure(settings: Settings) -> Measured:
    rounds = max(1, settings.rounds // 2)  # one start of OpenClaw takes half a minute
    try:
        start_product()  # so that both find their files in the page cache
        pairs = [(start_product(), start_upstream()) for _ in range(rounds)]
    except NotStartedError as error:
        return Measured({}, skipped=str(error))
    ours, theirs = zip(*pairs, strict=True)
    return Measured(
        {
            "time vs openclaw": rounded(median(a.seconds / b.seconds for a, b in pairs)),
            "CPU vs openclaw": rounded(median(a.cpu_s / b.cpu_s for a, b in pairs)),
        },
        {
            "clawgate, s": summary([start.seconds for start in ours]),
            "openclaw, s": summary([start.seconds for start in theirs]),
            "clawgate, CPU s": summary([start.cpu_s for start in ours]),
            "openclaw, CPU s": summary([start.cpu_s for start in theirs]),
        },
    )


ROW = Row(
    8,
    "start to the first answered health",
    (Bar("time vs openclaw", "<=", 1 / 40), Bar("CPU vs openclaw", "<=", 1 / 40)),
    measure,
)
