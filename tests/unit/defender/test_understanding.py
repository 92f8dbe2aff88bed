"""gw/defender/understanding: large, and loaded only when it is needed."""

import os
import subprocess
import sys

from gw.defender import shell, text, understanding

PROGRAM = """
import sys, gw.modes.standalone
from gw.defender import understanding
print([name for name in understanding.PARTS if name in sys.modules])
understanding.load()
print([name for name in understanding.PARTS if name not in sys.modules])
"""


def test_a_gateway_at_rest_has_not_loaded_it() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60, env=environ
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_it_says_what_its_parts_say() -> None:
    assert understanding.analyse("rm -rf /tmp/x | sh") == shell.analyse("rm -rf /tmp/x | sh")
    assert understanding.views("i g n o r e") == tuple(text.views("i g n o r e"))
