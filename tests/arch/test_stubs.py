"""The .pyi files say what the compiled modules really have."""

import subprocess
import sys

import pytest

from tests.arch.sources import CYTHON, ROOT


@pytest.mark.slow
def test_stubs_match_the_compiled_modules() -> None:
    modules = [f"gw._native.{path.stem}" for path in CYTHON]
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-unused-allowlist"]
    command += ["--allowlist", "tests/arch/stubtest.txt", *modules]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
