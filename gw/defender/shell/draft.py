"""One command under construction: what the walker collects before it becomes a `model.shell.Node`.

Holds no rules. Invariant: `argv` and `marks` have the same length, and everything else only grows. Most commands touch
few of the fields, so the defaults live in the class and cost nothing to set.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from gw.defender.shell.ast import made
from gw.defender.shell.paths import normalise
from gw.defender.shell.stream import UNKNOWN, Stream
from gw.model.decision import Span
from gw.model.shell import Node, NodeRole

Paths = tuple[str, ...]


class Draft:
    role = NodeRole.RUNS
    background = False
    cwd: str | None = None
    deletes: Paths = ()
    env: Mapping[str, Stream] = MappingProxyType({})
    fetches: Paths = ()
    inline_code: str | None = None
    language: str | None = None
    output: Stream = UNKNOWN  # what it prints, as far as its effect knows
    overwrites: Paths = ()  # redirects that empty the file first
    piped_from: str | None = None
    pipes_into: str | None = None
    privileged = False
    reads: Paths = ()
    recursive = False
    redirected = False  # standard output goes to a file
    redirects: Paths = ()
    stdin: Stream | None = None  # None: the terminal, or whatever the caller has
    wired = False  # joined to another descriptor than the standard ones
    wrappers: tuple[str, ...] = ()
    writes: Paths = ()

    def __init__(self, program: str | None, argv: Sequence[str], marks: Sequence[int], span: Span) -> None:
        self.program = program
        self.argv = argv
        self.marks = marks
        self.span = span
        self.facts: set[str] = set()
        self.flags: set[str] = set()
        self.operands: list[str] = []
        flags, operands = self.flags, self.operands
        for argument in argv[1:]:
            if argument[:1] != "-" or argument == "-":
                operands.append(argument)
            elif argument == "--":
                operands.extend(argv[argv.index(argument, 1) + 1 :])
                break
            elif argument[1] == "-":
                flags.add(argument.partition("=")[0])
            else:
                flags.add(argument)
                if len(argument) > 2:
                    flags.update(map("-".__add__, argument[1:]))

    def has(self, *flags: str) -> bool:
        return not self.flags.isdisjoint(flags)

    def value(self, *options: str) -> str | None:
        """The value of the first of *options* that is given: `-o x`, `-ox`, `--out x`, `--out=x`."""
        argv = self.argv
        for i, argument in enumerate(argv):
            if not argument.startswith(options):
                continue
            for option in options:
                if argument == option:
                    return argv[i + 1] if i + 1 < len(argv) else None
                if not argument.startswith(option):
                    continue
                if option[1] == "-" and argument[len(option)] == "=":
                    return argument[len(option) + 1 :]
                if len(option) == 2 and option[1] != "-":
                    return argument[2:]
        return None

    def after(self, option: str) -> list[str]:
        """The word behind the first *option*, as a list of one or none."""
        at = list(self.argv).index(option) if option in self.argv else len(self.argv)
        return list(self.argv[at + 1 : at + 2])

    def paths(self, words: Sequence[str] | None = None) -> Paths:
        """*words*, by default the operands, as normalised paths."""
        cwd = self.cwd
        return tuple([normalise(word, cwd) for word in (self.operands if words is None else words)])

    def node(self) -> Node:
        return made(
            Node,
            (
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
                self.reads,
                self.writes,
                self.deletes,
                self.recursive,
                self.fetches,
                self.inline_code,
                self.language,
                frozenset(self.facts),
                self.redirects,
                tuple(self.env),
            ),
        )


Effect = Callable[[Draft], None]  # adds what one program does to its draft
