"""Memory after a million judged frames against memory after ten thousand: nothing may be kept per frame.

CLAWGATE_BENCH_FRAMES shortens the run (the detail says how many were judged).
"""

import itertools
import os
import tempfile
import time
from pathlib import Path

from tests.bench.load import Connection, drive
from tests.bench.processes import NotStartedError, Server, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded

FIRST_FRAMES = 10_000
ALL_FRAMES = int(os.environ.get("CLAWGATE_BENCH_FRAMES", "1000000"))
CONNECTIONS = 8
OUTSTANDING = 4
SLICE_S = 2.0
SETTLE_S = 3.0

SUBJECTS = ("the invoice", "our meeting notes", "the holiday plan", "a bug in the parser", "the quarterly figures")
REQUESTS = ("Please summarise", "Could you translate", "Write a short reply about", "Make a list of points in")
COMMANDS = ("git status", "ls -la src", "grep -rn name docs", "python3 -m pytest -q tests", "cat README.md | head -20")


def texts() -> list[dict[str, str]]:
    """Ordinary prompts and commands of different lengths, 250 of them."""
    prompts = [
        {"prompt": f"{request} {subject}, number {i}. " + "It should be friendly. " * i}
        for request, subject, i in itertools.product(REQUESTS, SUBJECTS, range(10))
    ]
    commands = [
        {"command": f"{command} # {i}", "tool": "exec"} for command, i in itertools.product(COMMANDS, range(10))
    ]
    return [action for pair in itertools.zip_longest(prompts, commands) for action in pair if action is not None]


def judge(server: Server, connections: list[Connection], until: int, done: int) -> int:
    while done < until:
        done += drive(connections, OUTSTANDING, SLICE_S).messages
    return done


def measure(settings: Settings) -> Measured:
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        try:
            started.append(clawgate(Path(folder) / "state"))
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
        [server] = started
        connections = [Connection(server.port, server.token, ("operator.admin",)) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.prepare("security.evaluate", *texts())
        assert connections[0].call("security.evaluate", texts()[0])["ok"]
        done = judge(server, connections, FIRST_FRAMES, 0)
        time.sleep(SETTLE_S)
        first, first_done = server.rss_bytes(), done
        began = time.monotonic()
        done = judge(server, connections, ALL_FRAMES, done)
        elapsed = time.monotonic() - began
        time.sleep(SETTLE_S)
        last = server.rss_bytes()
    return Measured(
        {"memory, last vs first": rounded(last / first)},
        {
            "frames judged at the first and the last look": (first_done, done),
            "MB": (round(first / 1e6, 1), round(last / 1e6, 1)),
            "frames per second": round((done - first_done) / elapsed),
        },
    )


ROW = Row(
    16,
    "memory after 1,000,000 judged frames against after 10,000",
    (Bar("memory, last vs first", "<=", 1.05),),
    measure,
)
