"""What surrounds the command being walked: wrappers, rights, input, redirects, the span to report.

A plain record. Invariant: a context is made for one command and its wrappers; nothing outside them changes it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gw.defender.shell.stream import Field, Stream
from gw.model.decision import Span


class Context:
    redirects: Sequence[tuple[str, int, Field]] = ()  # operator, descriptor, target
    env: Mapping[str, Stream] = MappingProxyType({})  # variables set for this command alone

    def __init__(
        self,
        span: Span,
        stdin: Stream | None = None,
        wrappers: tuple[str, ...] = (),
        *,
        privileged: bool = False,
    ) -> None:
        self.span = span
        self.stdin = stdin
        self.wrappers = wrappers
        self.privileged = privileged

    def inside(self, wrapper: str, *, stdin: Stream | None = None, privileged: bool = False) -> "Context":
        """The context of what *wrapper* runs."""
        return Context(self.span, stdin, (*self.wrappers, wrapper), privileged=self.privileged or privileged)
