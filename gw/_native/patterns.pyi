"""Types of the pattern engine (pyx/patterns.pyx)."""

from collections.abc import Iterable
from typing import Final, final

from gw._native.shapes import Known

NO_WORDS: Final[str]
LEAST_MEM: Final[int]

class PatternError(ValueError):
    index: int
    def __init__(self, index: int, message: str) -> None: ...

class EngineError(RuntimeError): ...

@final
class PatternSet:
    def __init__(
        self,
        patterns: Iterable[str],
        *,
        case_insensitive: bool = False,
        max_mem: int = ...,
        max_spans: int = 256,
        known: Known | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    def scan(self, text: str | bytes) -> list[tuple[int, int, int]]: ...

def check(pattern: str, *, case_insensitive: bool = False) -> str | None: ...
