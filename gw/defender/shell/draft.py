"""One command under construction: what the walker collects before it becomes a `model.shell.Node`.

Holds no rules. Invariant: `argv` and `marks` have the same length, and `facts` only grows.
"""

from collections.abc import Callable, Sequence

from gw.defender.shell.paths import normalise
from gw.defender.shell.stream import Stream, UNKNOWN
from gw.model.decision import Span
from gw.model.shell import Node, NodeRole


class Draft:
    __slots__ = (
        "argv", "background", "cwd", "deletes", "env", "facts", "fetches", "flags", "inline_code", "language",
        "marks", "operands", "output", "overwrites", "piped_from", "pipes_into", "privileged", "program", "reads", "recursive",
        "redirected", "redirects", "role", "span", "stdin", "wired", "wrappers", "writes",
    )  # fmt: skip

    def __init__(
        self,
        program: str | None,
        argv: Sequence[str],
        marks: Sequence[int],
        span: Span,
        wrappers: tuple[str, ...] = (),
        *,
        privileged: bool = False,
        stdin: Stream | None = None,
    ) -> None:
        self.role = NodeRole.RUNS
        self.program = program
        self.argv = argv
        self.marks = marks
        self.span = span
        self.wrappers = wrappers
        self.privileged = privileged
        self.stdin = stdin  # None: the terminal, or whatever the caller has
        self.output = UNKNOWN  # what it prints, as far as its effect knows
        self.env: dict[str, Stream] = {}
        self.cwd: str | None = None
        self.background = False
        self.recursive = False
        self.wired = False  # joined to another descriptor than the standard ones
        self.redirected = False  # standard output goes to a file
        self.pipes_into: str | None = None
        self.piped_from: str | None = None
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.deletes: list[str] = []
        self.redirects: list[str] = []
        self.overwrites: list[str] = []  # redirects that empty the file first
        self.fetches: list[str] = []
        self.inline_code: str | None = None
        self.language: str | None = None
        self.facts: set[str] = set()
        self.flags: set[str] = set()
        self.operands: list[str] = []
        self._split()

    def _split(self) -> None:
        flags, operands = self.flags, self.operands
        arguments = iter(self.argv)
        next(arguments, None)
        for argument in arguments:
            if argument[:1] != "-" or len(argument) == 1:
                operands.append(argument)
            elif argument[1] == "-":
                if len(argument) == 2:
                    operands.extend(arguments)
                    return
                flags.add(argument.partition("=")[0])
            else:
                flags.add(argument)
                if len(argument) > 2:
                    flags.update(["-" + letter for letter in argument[1:]])

    def has(self, *flags: str) -> bool:
        return not self.flags.isdisjoint(flags)

    def value(self, *options: str) -> str | None:
        """The value of the first of *options* that is given: `-o x`, `-ox`, `--out x`, `--out=x`."""
        argv = self.argv
        for i, argument in enumerate(argv):
            if argument[:1] != "-":
                continue
            for option in options:
                if argument == option:
                    return argv[i + 1] if i + 1 < len(argv) else None
                if argument.startswith(option):
                    if option[1] == "-":
                        if argument[len(option)] == "=":
                            return argument[len(option) + 1 :]
                    elif len(option) == 2:
                        return argument[2:]
        return None

    def after(self, option: str) -> list[str]:
        """The word behind the first *option*, as a list of one or none."""
        at = list(self.argv).index(option) if option in self.argv else len(self.argv)
        return list(self.argv[at + 1 : at + 2])

    def paths(self, words: Sequence[str] | None = None) -> list[str]:
        """*words*, by default the operands, as normalised paths."""
        return [normalise(word, self.cwd) for word in (self.operands if words is None else words)]

    def node(self) -> Node:
        return Node(
            self.role,
            self.program,
            tuple(self.argv),
            frozenset(self.flags),
            tuple(self.operands),
            self.span,
            self.wrappers,
            self.privileged,
            self.pipes_into,
            self.piped_from,
            self.background,
            tuple(self.reads),
            tuple(self.writes),
            tuple(self.deletes),
            self.recursive,
            tuple(self.fetches),
            self.inline_code,
            self.language,
            frozenset(self.facts),
            tuple(self.redirects),
        )


Effect = Callable[[Draft], None]  # adds what one program does to its draft


def names(words: str) -> frozenset[str]:
    """A table of names, written as one text."""
    return frozenset(words.split())
