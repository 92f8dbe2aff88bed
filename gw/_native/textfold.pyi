from collections.abc import Callable

PLAIN: int
HIDDEN: int
BIDI: int
TAG: int
STYLED: int
MARK: int
LOOKALIKE: int

class Folder:
    def __init__(self, describe: Callable[[str], tuple[str, int]]) -> None: ...
    def fold(self, text: str, latin_text: bool) -> tuple[str, bytes, tuple[int, ...], int, int]: ...
