"""`url`: addresses in a tool call or fetched by a command.

`{host: [...], scheme: [...], path: [...], query: true}`, or a list of hosts. `example.com` means that host alone,
`*.example.com` its subdomains. Invariant: what cannot be parsed as a URL matches nothing here and is judged as text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from gw.model.action import PartKind
from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Url:
    """Every given aspect must hold; an empty one holds for all."""

    hosts: tuple[str, ...] = ()
    schemes: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    query: bool | None = None
    userinfo: bool | None = None
    keys: Keys = None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        if subject.part.kind is PartKind.URL:
            return WHOLE if self._accepts(subject.part.value) else None
        return tuple(self._fetched(subject)) or None

    def _fetched(self, subject: Subject) -> Iterator[Span]:
        for node in subject.command.nodes if subject.command is not None else ():
            if any(self._accepts(address) for address in node.fetches):
                yield node.span

    def _accepts(self, address: str) -> bool:
        split = split_url(address)
        if split is None:
            return False
        host = (split.hostname or "").rstrip(".")
        return (
            (not self.hosts or any(fnmatchcase(host, glob) for glob in self.hosts))
            and (not self.schemes or split.scheme in self.schemes)
            and (not self.paths or any(fnmatchcase(split.path, glob) for glob in self.paths))
            and (self.query is None or self.query == bool(split.query))
            and (self.userinfo is None or self.userinfo == (split.username is not None))
        )


def split_url(address: str) -> SplitResult | None:
    """Parse; a bare host name counts as `//host`. None when it is no URL."""
    address = address.strip()
    try:
        split = urlsplit(address if "://" in address or address.startswith(("data:", "file:")) else "//" + address)
        return split if split.hostname or split.scheme else None
    except ValueError:
        return None


def compile_url(node: Node, context: Context) -> Matcher:
    if isinstance(node.value, str | tuple):
        return Url(tuple(host.lower() for host in context.words(node)))
    fields = context.fields(node, ("host", "scheme", "path", "query", "userinfo"))
    if not fields:
        return context.problem(node, "url.empty", "expected `host`, `scheme`, `path`, `query` or `userinfo`")
    words = {name: context.words(fields[name]) if name in fields else () for name in ("host", "scheme", "path")}
    flags = {name: fields[name].value if name in fields else None for name in ("query", "userinfo")}
    for name, value in flags.items():
        if value is not None and not isinstance(value, bool):
            return context.problem(fields[name], "value.type", f"`{name}` is true or false")
    return Url(
        tuple(host.lower() for host in words["host"]),
        frozenset(words["scheme"]),
        words["path"],
        query=flags["query"] if isinstance(flags["query"], bool) else None,
        userinfo=flags["userinfo"] if isinstance(flags["userinfo"], bool) else None,
    )
