"""One thing wrong in a file people wrote, with where it is and what to do.

Invariant: sorts by file, line, column, so a report reads top to bottom.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """`line` and `column` count from 1 (0 when the whole file is meant); `path` is like `deny[2].pattern`."""

    file: str
    line: int
    column: int
    code: str
    message: str
    path: str = ""
    hint: str = ""
    severity: str = "error"  # error | warning | advice

    def __str__(self) -> str:
        place = f":{self.line}:{self.column}" if self.line else ""
        hint = f" ({self.hint})" if self.hint else ""
        at = f" at {self.path}" if self.path else ""
        return f"{self.file}{place}: {self.severity}: {self.message}{at}{hint} [{self.code}]"


def closest(word: str, known: Iterable[str]) -> list[str]:
    """What was probably meant by *word*: one of *known*, or nothing."""
    from difflib import get_close_matches  # late: who makes no mistakes does not need it

    return get_close_matches(word, list(known), 1)
