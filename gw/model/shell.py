"""A shell command as the rules see it: nodes that run, with facts; made by gw.defender.shell, read by matchers.

Holds no parser and no opinion. Invariant: whatever could not be parsed or resolved appears in `signals`; it is never
silently absent.
"""

from enum import StrEnum
from typing import NamedTuple

from gw.model.decision import Span


class NodeRole(StrEnum):
    RUNS = "runs"  # this program is executed
    INLINE = "inline"  # body of `sh -c`, `python3 -c`, a here-document fed to an interpreter
    DATA = "data"  # text that is only printed, stored or searched for
    COMMENT = "comment"


class Node(NamedTuple):
    """One simple command after unwrapping (`sudo env X=1 rm -rf x` is the node `rm`, privileged)."""

    role: NodeRole
    program: str | None  # base name after unquoting and unwrapping; None when it cannot be known statically
    argv: tuple[str, ...]  # program and arguments, unquoted; unresolved expansions keep their source text
    flags: frozenset[str]  # as a set wherever they stand: {"-r", "-f", "--recursive"}; clusters are split
    operands: tuple[str, ...]  # arguments that are not flags
    span: Span  # in the whole command line
    wrappers: tuple[str, ...] = ()  # sudo, env, xargs, ... outermost first
    privileged: bool = False
    pipes_into: str | None = None  # program of the next node of its pipeline
    piped_from: str | None = None
    background: bool = False
    reads: tuple[str, ...] = ()  # paths, `$HOME` and `~` normalised to `~`
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    recursive: bool = False
    fetches: tuple[str, ...] = ()  # URLs or host names
    inline_code: str | None = None  # source text given to an interpreter
    language: str | None = None  # of inline_code: sh, python, perl, ...
    facts: frozenset[str] = frozenset()  # closed set, see gw.defender.shell.facts


class CommandFacts(NamedTuple):
    nodes: tuple[Node, ...]
    signals: frozenset[str]  # closed set: shell.unparsed, shell.unresolved-program, ...; see gw.defender.shell
    has_list: bool = False  # any list operator, pipe, substitution, redirect: more than one simple command
