from collections.abc import Callable
from typing import Self, final

PLAIN: int
HIDDEN: int
BIDI: int
TAG: int
STYLED: int
MARK: int
LOOKALIKE: int
TYPOGRAPHY: int

@final
class Folder:
    def __new__(cls, describe: Callable[[str], tuple[str, int]]) -> Self: ...
    def fold(self, text: str, latin_text: bool) -> tuple[str, bytes, tuple[int, ...], int, int, int]: ...
