"""What clients feel while 1,000 rules are exchanged: p99 of judged requests during the reload against the usual."""

import random
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median, quantiles

from tests.bench.load import Connection, drive
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded, summary
from tests.support.serving import Serving, serving

CONNECTIONS = 64
RULES = 1000
SLICE_S = 0.1


def rules(seed: int) -> str:
    """A thousand rules on top of the default ones, half of them patterns; other words for every seed."""
    letters = random.Random(seed)

    def word() -> str:
        return "".join(letters.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(letters.randint(4, 9)))

    lines = ["version: 1", "kind: policy", "id: bench.policy", "include: [clawgate.default]", "score:"]
    for number in range(RULES // 2):
        pattern = rf"(?i)\b{word()}\b[^.]{{0,40}}\b(?:{word()}|{word()})s?\b"
        lines.append(f"  - {{id: bench.p{number}, target: [prompt, tool_output], pattern: '{pattern}'}}")
        lines.append(f"  - {{id: bench.c{number}, target: command, prefix: [{word()}, [{word()}, {word()}]]}}")
    return "\n".join(lines) + "\n"


def measure(settings: Settings) -> Measured:
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as place:
        folder = Path(place)
        policies = folder / "policies"
        policies.mkdir()
        (policies / "bench.yaml").write_text(rules(0))
        with serving(folder / "gw", "--policy", str(policies)) as gateway:
            return exchange(gateway, policies / "bench.yaml", settings)


def exchange(gateway: Serving, file: Path, settings: Settings) -> Measured:
    connections = [Connection(gateway.address.port, gateway.token, ("operator.admin",)) for _ in range(CONNECTIONS)]
    for number, connection in enumerate(connections):
        texts = (f"Please sum up report {number}-{turn}; it is about gardens and weather." for turn in range(64))
        connection.prepare("security.evaluate", *({"prompt": text, "dryRun": True} for text in texts))
    drive(connections, 1, settings.seconds)
    ratios, usual_ms, during_ms, refused = [], [], [], 0
    for turn in range(1, settings.rounds + 1):
        usual = p99_ms(connections, lambda: drive(connections, 1, 2 * settings.seconds))
        file.write_text(rules(turn))
        reload = Reload(gateway)

        def until_done(reload: "Reload" = reload) -> None:
            reload.start()
            while reload.is_alive():
                drive(connections, 1, SLICE_S)

        during = p99_ms(connections, until_done)
        reload.join()
        refused += reload.generation != turn + 1
        ratios.append(during / usual)
        usual_ms.append(usual)
        during_ms.append(during)
    detail = {"usual, p99 ms": summary(usual_ms), "during, p99 ms": summary(during_ms), "spread": summary(ratios)}
    return Measured({"p99 vs usual": rounded(median(ratios)), "refused reloads": refused}, detail)


class Reload(threading.Thread):
    """Asks for the reload on a connection of its own; a request that fails ends the run."""

    def __init__(self, gateway: Serving) -> None:
        super().__init__()
        self.gateway = gateway
        self.generation = 0

    def run(self) -> None:
        with self.gateway.client() as client:
            self.generation = client.call("security.policy.reload")["generation"]


def p99_ms(connections: Sequence[Connection], run: Callable[[], object]) -> float:
    for connection in connections:
        connection.latencies_ns = []
    run()
    everything = [ns for connection in connections for ns in connection.latencies_ns or ()]
    return quantiles(everything, n=100)[98] / 1e6


ROW = Row(
    17,
    f"p99 at {CONNECTIONS} connections while {RULES} rules are exchanged",
    (Bar("p99 vs usual", "<=", 3), Bar("refused reloads", "<=", 0)),
    measure,
)
