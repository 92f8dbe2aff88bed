"""The shape of a shell command line: words, redirects, pipelines and compound commands.

Knows nothing of how text becomes a tree or what a command does. Invariant: a Word with `literal` set needs no
environment to be understood; every other one lists its parts in source order.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

# `made(Kind, (fields...))` is `Kind(fields...)` for half the time: for what every command has.
made: Final = tuple.__new__


class Text(NamedTuple):
    """Characters as they stand after quote removal; `quoted` ones are never globs, braces or split."""

    text: str
    quoted: bool


class Param(NamedTuple):
    """`$name`, `${name[index]}` or `${name<op>arg}`; `op` is "" for a plain expansion and "#len" for `${#name}`."""

    name: str
    op: str
    arg: "Word | None"
    quoted: bool
    source: str


class Subst(NamedTuple):
    """`$( )`, backquotes, `<( )` and `>( )`: `kind` is "$", "<" or ">"."""

    script: "Script"
    kind: str
    quoted: bool
    source: str


class Opaque(NamedTuple):
    """Arithmetic and other expansions whose value nobody needs; the source text stands for them."""

    source: str


Part = Text | Param | Subst | Opaque


class Word(NamedTuple):
    start: int
    end: int
    literal: str | None  # set when quote removal alone gives the value
    parts: tuple[Part, ...] = ()
    glob: bool = False  # holds an unquoted * ? [
    quoted: bool = False  # any quoting at all: such a word is never a reserved word


class Assign(NamedTuple):
    name: str
    value: Word | None  # None for arrays, whose elements are `items`
    append: bool = False
    items: tuple[Word, ...] = ()


class Redirect(NamedTuple):
    fd: int  # -1: both output streams
    op: str  # < > >> <> <<< << >& <& >|
    target: Word  # for << the body


class Simple(NamedTuple):
    """A word of ordinary characters is its own text; everything else is a Word."""

    assigns: Sequence[Assign]
    words: Sequence["Word | str"]
    redirects: Sequence[Redirect]  # the parser fills in here-document bodies when it reaches them
    start: int
    end: int
    head: int = 0  # where the first word ends


class Compound(NamedTuple):
    """`kind` is ( { if while for case function coproc; `words` are the items of `for` or the subject of `case`."""

    kind: str
    bodies: tuple["Script", ...]
    words: tuple[Word, ...]
    name: str
    redirects: Sequence[Redirect]
    start: int
    end: int


Command = Simple | Compound


class Pipeline(NamedTuple):
    commands: tuple[Command, ...]
    separator: str  # what follows: && || ; & newline or ""


Script = tuple[Pipeline, ...]
