"""A chat frame of 4 KB judged against 200 patterns, vs gevent-websocket, which only receives a frame of that size.

Every frame holds another text, more of them than the product remembers answers for, so that each is read and searched.
"""

import tempfile
from pathlib import Path

from tests.bench.load import Connection, drive
from tests.bench.processes import Child, NotStartedError, clawgate, running, start
from tests.bench.prompt_patterns import PATTERNS, ordinary
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave
from tests.bench.rpc import PEERS, PRODUCT, compare, health_payload

CONNECTIONS = 16
TEXTS = 1024
SIZE = 4096
PEER = "gevent-websocket"


def write_policy(folder: Path) -> Path:
    """The patterns as a policy: one rule each, that asks for no more than to be counted."""
    rules = [
        f"  - id: bench.p{i:03}\n    title: Pattern {i}\n    severity: low\n    target: prompt\n"
        f"    pattern: '{pattern.replace(chr(39), chr(39) * 2)}'\n"
        for i, pattern in enumerate(PATTERNS)
    ]
    path = folder / "patterns.yaml"
    head = "version: 1\nkind: policy\nid: bench.patterns\ntitle: Two hundred patterns\nscore:\n"
    path.write_text(head + "".join(rules), encoding="utf-8")
    return path


class Judged:
    """Open connections that send one text after the other to be judged, or to be received only."""

    def __init__(self, server: Child, method: str, field: str) -> None:
        self.server = server
        self.connections = [Connection(server.port, server.token, ("operator.admin",)) for _ in range(CONNECTIONS)]
        for number, connection in enumerate(self.connections):
            seeds = range(number, TEXTS, CONNECTIONS)
            connection.prepare(method, *({field: ordinary(SIZE, seed)} for seed in seeds))

    def run(self, seconds: float) -> float:
        """Frames per second of the server's CPU."""
        before = self.server.cpu_ns()
        done = drive(self.connections, 1, seconds)
        return done.messages / ((self.server.cpu_ns() - before) / 1e9)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def measure(settings: Settings) -> Measured:
    try:
        with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
            product = clawgate(Path(folder) / "state", "--policy", str(write_policy(Path(folder))))
            started.append(product)
            payload = health_payload(product.port, product.token)
            started.append(start(PEER, PEERS[PEER](payload))[0])
            asked = {
                PRODUCT: Judged(product, "security.evaluate", "prompt"),
                PEER: Judged(started[1], "health", "text"),
            }
            first = asked[PRODUCT].connections[0].call("security.evaluate", {"prompt": ordinary(SIZE, 0)})
            assert first["ok"], first
            for subject in asked.values():
                subject.run(settings.seconds / 4)
            results = interleave(asked, lambda subject: subject.run(settings.seconds), settings.rounds)
            for subject in asked.values():
                subject.close()
    except NotStartedError as error:
        return Measured({}, skipped=str(error))
    return compare(results, (PEER,), {})


ROW = Row(
    3,
    "4 KB chat frame judged against 200 patterns, per server-CPU-second, 16 connections",
    (Bar(f"vs {PEER}", ">=", 30),),
    measure,
)
