"""One concept, one file, one test file of the mirrored name."""

from pathlib import Path

from tests.arch.sources import CYTHON, PYTHON, ROOT, relative

# Files that only declare: types, protocols, limits. There is nothing in them to run.
DECLARATIONS = {
    "gw/__main__.py",
    "gw/errors.py",
    "gw/limits.py",
    "gw/ports.py",
    "gw/_native/shapes.py",
    "gw/channels/base.py",
    "gw/defender/guards/base.py",
    "gw/session/config.py",
    *(f"gw/defender/shell/{name}.py" for name in ("ast", "context", "stream")),
    *(f"gw/model/{name}.py" for name in ("action", "decision", "identity", "problem", "shell", "subject")),
}
# Siblings so small and alike that one table tests them all.
GROUPED = {
    "tests/unit/policy/matchers/test_names.py": [
        f"gw/policy/matchers/{name}.py" for name in ("guard", "method", "signal", "tool")
    ],
}
# Files whose tests still stand in a neighbour's file. This list only shrinks.
OWED: set[str] = {
    "gw/policy/compiled.py",
    "gw/policy/matchers/base.py",
    "gw/policy/reader.py",
    "gw/policy/schema.py",
}

SOURCES = {relative(path) for path in PYTHON if path.name != "__init__.py"}
PACKAGES = {relative(path.parent) for path in PYTHON if path.name == "__init__.py"}
TESTS = {relative(path) for path in (ROOT / "tests/unit").rglob("test_*.py")}
COMPILED = [path.stem for path in CYTHON]


def test_file_of(source: str) -> str:
    path = Path(source.replace("gw/_native/", "gw/native/")).relative_to("gw")
    return f"tests/unit/{path.with_name('test_' + path.name)}"


def source_of(test: str) -> str:
    path = Path(test).relative_to("tests/unit")
    source = f"gw/{path.with_name(path.name.removeprefix('test_'))}"
    return source.replace("gw/native/", "gw/_native/")


def test_every_file_has_its_test_file() -> None:
    grouped = {source for test, sources in GROUPED.items() if test in TESTS for source in sources}
    missing = {source for source in SOURCES - grouped if test_file_of(source) not in TESTS}
    assert sorted(missing - DECLARATIONS - OWED) == [], "these have no test file"
    assert sorted(OWED - missing) == [], "these have their test file now, or are gone: take them off OWED"
    assert sorted(DECLARATIONS - SOURCES) == [], "these are gone: take them off DECLARATIONS"


def test_every_test_file_has_its_source() -> None:
    """A compiled module is tested by the file in native/, a package by one that has its name, inside or beside it."""
    known = SOURCES | {f"gw/_native/{name}.py" for name in COMPILED}
    known |= {f"{package}.py" for package in PACKAGES} | {f"{package}/{Path(package).name}.py" for package in PACKAGES}
    assert sorted(test for test in TESTS - GROUPED.keys() if source_of(test) not in known) == []


def test_every_compiled_module_has_types_a_twin_and_tests() -> None:
    wanted = [
        path
        for name in COMPILED
        for path in (
            f"gw/_native/{name}.pyi",
            f"tests/oracle/{name}.py",
            f"tests/property/test_{name}.py",
            f"tests/unit/native/test_{name}.py",
        )
    ]
    assert [path for path in wanted if not (ROOT / path).is_file()] == []


test_file_of.__test__ = False  # type: ignore[attr-defined]  # rightly named, but not a test
