"""Who may import whom: the level table of docs/architecture.md, and the few libraries that have one home each."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.arch.sources import PYTHON, ROOT, imports, relative

# Library -> where it may be imported.
HOMES = {
    "gevent": ("gw/hub.py", "gw/net/"),
    "geventwebsocket": ("gw/hub.py", "gw/net/"),
    "sqlite3": ("gw/session/store_sqlite.py",),
    "yaml": ("gw/policy/source.py", "gw/config/load.py"),
    "threading": ("gw/observe/log.py",),
    "subprocess": ("gw/cli/",),  # the service starts no programs
    "tests": (),
}
CLOCK = re.compile(r"\btime\.(?:time|time_ns|monotonic|monotonic_ns)\b|from time import")
CLOCK_HOMES = ("gw/hub.py", "gw/cli/")  # a command reads the wall clock once; everything that runs gets a ports.Clock
# What judges must not reach beyond the policy: guards, the shell parser and the fold.
JUDGING = ("gw/defender/guards/", "gw/defender/shell/", "gw/defender/scoring.py")
FRONT_DOORS = {"__init__", "__main__"}


def read_levels() -> dict[str, int]:
    """`{package: level}` from the block in docs/architecture.md."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    block = text.split("## Who may import whom", 1)[1].split("```", 2)[1]
    rows = re.findall(r"^ ?(\d) +(.+)$", block, re.MULTILINE)
    return {name: int(level) for level, names in rows for name in names.split()}


LEVELS = read_levels()


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "gw").parts[0].removesuffix(".py")


def layers_imported(path: Path) -> Iterator[tuple[str, str]]:
    """("file:line", layer) for every import of our own."""
    for item in imports(path):
        parts = item.module.split(".")
        layer = parts[1] if len(parts) > 1 else item.name
        if parts[0] == "gw" and layer in LEVELS:  # not `from gw import __version__`
            yield f"{relative(path)}:{item.line}", layer


def test_the_table_names_every_package_and_nothing_else() -> None:
    assert {layer_of(path) for path in PYTHON} - FRONT_DOORS == set(LEVELS)


def test_imports_point_downwards() -> None:
    wrong = [
        f"{place}: {layer_of(path)} imports {layer}"
        for path in PYTHON
        if layer_of(path) in LEVELS
        for place, layer in layers_imported(path)
        if layer != layer_of(path) and 0 != LEVELS[layer] >= LEVELS[layer_of(path)]
    ]
    assert wrong == []


def test_the_lowest_level_imports_itself_only() -> None:
    wrong = [
        f"{place}: imports {layer}"
        for path in PYTHON
        if LEVELS.get(layer_of(path)) == 0
        for place, layer in layers_imported(path)
        if LEVELS[layer] > 0 or (layer_of(path) == "_native" != layer)
    ]
    assert wrong == []


def test_judging_knows_policies_only() -> None:
    wrong = [
        f"{place}: imports {layer}"
        for path in PYTHON
        if relative(path).startswith(JUDGING)
        for place, layer in layers_imported(path)
        if layer not in ("defender", "policy") and LEVELS[layer] > 0
    ]
    assert wrong == []


def test_libraries_stay_at_home() -> None:
    wrong = [
        f"{relative(path)}:{item.line}: {item.module} belongs in {', '.join(HOMES[item.module.split('.')[0]])}"
        for path in PYTHON
        for item in imports(path)
        if not relative(path).startswith(HOMES.get(item.module.split(".")[0], "gw"))
    ]
    assert wrong == []


def test_imports_are_absolute() -> None:
    assert [f"{relative(path)}:{item.line}" for path in PYTHON for item in imports(path) if item.dots] == []


def test_clocks_are_read_in_one_place() -> None:
    wrong = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in PYTHON
        if not relative(path).startswith(CLOCK_HOMES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if CLOCK.search(line)
    ]
    assert wrong == []
