"""What is known about a value or an output without running anything: its text, and where it came from.

Knows nothing of syntax. Invariant: marks only ever accumulate, so a doubt about a part is a doubt about the whole.
"""

from typing import Final, NamedTuple

GLOB: Final = 1  # an unquoted pattern: the shell may replace it
UNRESOLVED: Final = 2  # holds an expansion whose value is unknown
FETCHED: Final = 4  # came over the network
DECODED: Final = 8  # came out of a decoder whose input is unknown
SECRET: Final = 16  # read from a place where credentials live
HOST: Final = 32  # tells something about this machine or user
LOCAL: Final = 64  # content of a local file
EXPANDED: Final = 128  # text that no character of the line shows: decoded, sliced, or joined by the shell
PARTIAL: Final = 256  # `text` is only what is known of it
ISSUED: Final = 512  # a credential that a service handed out, made to be used in a request but not to be its content

TAINT: Final = FETCHED | DECODED | SECRET | HOST | LOCAL


class Stream(NamedTuple):
    """A value: `text` is None when it cannot be known statically."""

    text: str | None
    marks: int = 0


class Field(NamedTuple):
    """One argument after expansion; unresolved parts keep their source text."""

    text: str
    marks: int = 0


UNKNOWN: Final = Stream(None)
EMPTY: Final = Stream("")
