"""The Autobahn suite's server cases against our codec behind our listener; compression (12.*, 13.*) is never spoken."""

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("autobahn")
CACHE = Path(os.environ.get("CLAWGATE_CACHE") or Path.home() / ".cache/clawgate") / "autobahn"
PASSED = {"OK", "INFORMATIONAL"}
LEAST_CASES = 300  # of 0.8.2, with compression left out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_server_case_passes(tmp_path: Path) -> None:
    if os.environ.get("CLAWGATE_AUTOBAHN") == "1":
        subprocess.run([SCRIPT, "setup"], check=True, timeout=600)
    elif not (CACHE / ".ready").exists():
        pytest.skip(f"no Autobahn under {CACHE}; CLAWGATE_AUTOBAHN=1 sets it up (Debian 11 root, about a minute)")
    results = tmp_path / "results.json"
    done = subprocess.run([SCRIPT, "run", results], capture_output=True, text=True, timeout=600, check=False)
    assert results.exists(), done.stderr
    cases = json.loads(results.read_text())["clawgate"]
    bad = {
        name: (case["behavior"], case["behaviorClose"])
        for name, case in cases.items()
        if case["behavior"] not in PASSED or case["behaviorClose"] not in PASSED
    }
    assert bad == {}
    assert len(cases) >= LEAST_CASES
