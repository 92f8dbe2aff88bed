"""The source files of the project, and what each imports; read, never imported."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PYTHON = tuple(sorted((ROOT / "gw").rglob("*.py")))
CYTHON = tuple(sorted((ROOT / "pyx").glob("*.pyx")))


class Import(NamedTuple):
    line: int
    module: str  # absolute, as written
    name: str  # what `from module import` takes, "" for `import module`
    dots: int  # of a relative import


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> list[Import]:
    """Every import of a file that can run, wherever it stands; those under TYPE_CHECKING load nothing."""
    found = []
    for node in _running(tree(path)):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name, "", 0) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [Import(node.lineno, node.module or "", alias.name, node.level) for alias in node.names]
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")):
            yield from _running(child)
