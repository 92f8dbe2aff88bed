"""What asking the daemon adds to one tool call inside a real OpenClaw: our plugin's hook, awaited before each call.

A node process drives the plugin's own code against a running `clawgate serve`, one call after the other, over ordinary
commands of which no two are alike, so that no remembered answer helps.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from tests.bench.processes import NotStartedError, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.support.openclaw import find_modules

SCRIPT: Final = Path(__file__).parent / "peers" / "plugin_hooks.mjs"
CALLS_PER_SECOND: Final = 400  # of `--seconds`, in each round
TIMEOUT_S: Final = 300
COMMANDS: Final = (
    "ls -la src/NUMBER",
    "git log --oneline -n 20 -- src/module_NUMBER.py",
    "grep -rn 'function_NUMBER' src --include='*.ts' | head -50",
    "cat package.json && npm test -- --grep 'case NUMBER'",
    "python3 -m pytest tests/test_NUMBER.py -x -q 2>&1 | tail -40",
    "find . -name '*.NUMBER.json' -newer Makefile",
    "for f in a b c; do wc -l $f.NUMBER.txt; done",
    "cd packages/app-NUMBER && make build && ls dist",
)


def measure(settings: Settings) -> Measured:
    modules = find_modules()
    node = next(iter(sorted(modules.glob("node-linux-*/bin/node"))), None) if modules is not None else None
    if node is None:
        return Measured({}, skipped="no node to run the plugin with: OpenClaw's packages are not installed")
    calls = max(100, int(CALLS_PER_SECOND * settings.seconds))
    took: list[float] = []
    refused = 0
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as folder, running([]) as started:
        state = Path(folder) / "state"
        try:
            started.append(clawgate(state))
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
        for _ in range(settings.rounds):
            ran = subprocess.run(
                [node, SCRIPT, str(state / "plugin.sock"), str(calls)],
                input=json.dumps(COMMANDS),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=True,
            )
            found = json.loads(ran.stdout)
            took += found["took"]
            refused += found["refused"]
    figures = {"added per call, median ms": median(took), "added per call, p99 ms": quantiles(took, n=100)[98]}
    detail = {"calls": len(took), "refused": refused, "max": round(max(took), 3)}
    return Measured({name: round(value, 3) for name, value in figures.items()}, detail)


ROW = Row(
    18,
    "a tool call through the plugin",
    (Bar("added per call, median ms", "<=", 2), Bar("added per call, p99 ms", "<=", 10)),
    measure,
)
