BASE64: int
HEX: int
UNITS: int
BINARY: int
DECIMAL: int
PERCENT: int
ESCAPES: int
SPACED: int
FLOOD: int
HYPHENS: int

def survey(text: str) -> tuple[int, int, int, int, int, list[tuple[int, int, int]]]: ...
