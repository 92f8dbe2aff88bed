"""`path`: paths named by a tool call or touched by a command.

`{under: [...]}`, `{glob: [...]}`, `{name: [...]}` and, for commands, `access: [reads, writes, deletes]`. Paths are
compared as text after normalising; no file system is asked. Invariant: `..`, `//` and `/./` cannot hide a path.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import Final

from gw.model.action import PartKind
from gw.model.decision import Span
from gw.model.shell import NodeRole
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node

ACCESS: Final = ("reads", "writes", "deletes")


@dataclass(frozen=True, slots=True)
class Paths:
    """A set of paths; any of the three ways suffices."""

    under: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    def __contains__(self, path: str) -> bool:
        path = normalise(path)
        return (
            any(path == root or path.startswith(root if root.endswith("/") else root + "/") for root in self.under)
            or any(fnmatchcase(path, glob) for glob in self.globs)
            or path.rsplit("/", 1)[-1] in self.names
        )


@dataclass(frozen=True, slots=True)
class Path:
    paths: Paths
    access: tuple[str, ...]
    keys: Keys = None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        if subject.part.kind is PartKind.PATH:
            return WHOLE if subject.part.value in self.paths else None
        return tuple(self._touching(subject)) or None

    def _touching(self, subject: Subject) -> Iterator[Span]:
        for node in subject.command.nodes if subject.command is not None else ():
            if node.role is NodeRole.RUNS and any(
                path in self.paths for access in self.access for path in getattr(node, access)
            ):
                yield node.span


def normalise(path: str) -> str:
    """`$HOME`, `${HOME}`, `/root` and `/home/x` become `~`; dots and doubled slashes are resolved as text."""
    for home in ("$HOME", "${HOME}"):
        if path == home or path.startswith(home + "/"):
            path = "~" + path[len(home) :]
    path = normpath(path) if path else path
    if path.startswith("//"):
        path = path[1:]
    if path == "/root" or path.startswith("/root/"):
        return "~" + path[5:]
    if path.startswith("/home/") and (rest := path[6:]):
        return "~" + rest[rest.find("/") :] if "/" in rest else "~"
    return path


def read_paths(node: Node, context: Context, extra: tuple[str, ...] = ()) -> Paths | None:
    """The paths of a mapping, or of a text or list (then globs); None after a problem. *extra* names foreign keys."""
    if not isinstance(node.value, str | tuple):
        fields = context.fields(node, ("under", "glob", "name", *extra))
        if not fields.keys() & {"under", "glob", "name"}:
            context.problem(node, "path.empty", "expected `under`, `glob` or `name`")
            return None
        under = tuple(normalise(path) for path in context.words(fields["under"])) if "under" in fields else ()
        globs = context.words(fields["glob"]) if "glob" in fields else ()
        names = frozenset(context.words(fields["name"])) if "name" in fields else frozenset()
    else:
        under, globs, names = (), context.words(node), frozenset()
    return Paths(under, tuple(one for glob in globs for one in expand(glob)), names)


def expand(glob: str) -> Iterator[str]:
    """Braces expanded (`{a,b}.md`), the home folder normalised; `**` and `*` both cross slashes."""
    start, end = glob.find("{"), glob.find("}")
    if 0 <= start < end:
        for choice in glob[start + 1 : end].split(","):
            yield from expand(glob[:start] + choice + glob[end + 1 :])
    else:
        yield normalise(glob)


def compile_path(node: Node, context: Context) -> Matcher:
    paths = read_paths(node, context, ("access",))
    access: tuple[str, ...] = ACCESS
    if (wanted := node.get("access")) is not None:
        access = context.words(wanted)
        for word in access:
            if word not in ACCESS:
                return context.problem(wanted, "value.choice", f"unknown access {word!r}", hint=", ".join(ACCESS))
    return context.problem(node, "path.empty", "no path") if paths is None else Path(paths, access)
