"""Every module can be the first one imported: no hidden order, no cycle that only works by luck."""

import os
import subprocess
import sys

from tests.arch.sources import PYTHON, ROOT

# One process forks for each module. It loads what others wrote itself, so that only our files are read again and again.
SCRIPT = """
import importlib, os, sys, traceback
failed = []
for name in sys.argv[1:]:
    before, (reader, writer) = set(sys.modules), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
            foreign = (m for m in set(sys.modules) - before if m.split(".")[0] != "gw")
            os.write(writer, " ".join(foreign).encode()[:60_000])
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    for foreign in os.read(reader, 60_000).decode().split():
        try:
            importlib.import_module(foreign)
        except ImportError:
            pass
    os.close(reader)
    if os.waitpid(child, 0)[1]:
        failed.append(name)
print(*failed)
"""


def test_each_module_can_be_imported_alone() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PYTHON if path.name != "__main__.py"]
    names = [name.removesuffix(".__init__") for name in names]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names], capture_output=True, text=True, timeout=110, cwd=ROOT, check=True
    )
    assert done.stdout.split() == [], done.stderr[-3000:]


def test_the_front_door_loads_no_heavy_library() -> None:
    """Start-up time and idle memory are measured bars; these come when they are needed."""
    heavy = ("cryptography", "requests", "rich", "prometheus_client", "sqlite3", "yaml")
    script = f"import sys, gw.cli.entry, gw.cli.main; print(*(name for name in {heavy!r} if name in sys.modules))"
    # Without the measuring of coverage, which loads some of them itself.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True, env=environ
    )
    assert done.stdout.split() == []
