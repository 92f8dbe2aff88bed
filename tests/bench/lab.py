"""The real OpenClaw gateway for comparison, run by the reference folder's lab; a row without it is skipped.

The lab keeps its packages in a cache of its own. It is only ever asked to start and stop a gateway of our name.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.processes import NotStartedError, Server
from tests.support.openclaw import find_modules
from tests.support.shared import ROOT

SCRIPT = ROOT / "openclaw/lab/openclaw-lab"
NAME = f"clawgate-bench-{os.getpid()}"
START_TIMEOUT_S = 300


@contextmanager
def openclaw() -> Iterator[Server]:
    """A running gateway. Raises NotStartedError when the lab or its packages are absent, or it does not come up."""
    if not SCRIPT.exists():
        raise NotStartedError(f"OpenClaw's lab is absent (no {SCRIPT}; set CLAWGATE_SHARED)")
    if find_modules() is None:
        raise NotStartedError(f"OpenClaw's npm packages are not installed; run `{SCRIPT} install`")
    try:
        started = subprocess.run([SCRIPT, "start", NAME], capture_output=True, text=True, timeout=START_TIMEOUT_S)
        if started.returncode:
            raise NotStartedError(f"OpenClaw: {started.stderr[-400:].strip()}")
        facts = json.loads(started.stdout)
        pid = int((Path(facts["run"]) / "gateway.pid").read_text())
        yield Server("openclaw", pid, facts["port"], facts["token"])
    finally:
        subprocess.run([SCRIPT, "stop", NAME], capture_output=True, timeout=60, check=False)
