"""The read-only reference folder (vectors, traces, corpora), which a checkout may lack."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("CLAWGATE_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def shared_path(name: str) -> Path:
    """Return the path of a reference file; skip the test, saying why, when it is absent."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"reference data {name} is absent (set CLAWGATE_SHARED)", allow_module_level=True)
    return path


def shared_json(name: str) -> Any:
    return json.loads(shared_path(name).read_text(encoding="utf-8"))
