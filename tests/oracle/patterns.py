"""Slow, obvious twin of pyx/patterns.pyx: one pattern after the other, by Python's own `re`.

Never shipped: it backtracks. Only what means the same in RE2 and `re` may be given to it, after `translate`.
"""

import re

WORD = "(?-i:[0-9A-Za-z_])"
TRANSLATIONS = {
    "$": r"\Z",  # RE2's `$` is the end of the text, before no newline
    r"\b": f"(?:(?<!{WORD})(?={WORD})|(?<={WORD})(?!{WORD}))",
    r"\w": WORD,
    r"\d": "(?-i:[0-9])",
    r"\s": "(?-i:[\\t\\n\\f\\r ])",
}


GAP = re.compile(r"((?:\.|\[\^[^\]]*\])\{(\d+),(\d+)\})(?!\?)")


def translate(pattern: str) -> str:
    """RE2's classes and word boundaries are ASCII whatever the flags; wide gaps are taken as short as possible."""
    pattern = GAP.sub(lambda gap: gap[1] + "?" * (int(gap[3]) - int(gap[2]) >= 8), pattern)
    return re.sub(r"\\[bwds]|\$", lambda found: TRANSLATIONS[found[0]], pattern)


def scan(patterns: list[str], text: str) -> list[tuple[int, int, int]]:
    return [
        (index, found.start(), found.end())
        for index, pattern in enumerate(patterns)
        for found in re.finditer(translate(pattern), text)
    ]
