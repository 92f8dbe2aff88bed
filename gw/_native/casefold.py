"""Simple case folding for the scripts that patterns are written in: Latin, Greek and Cyrillic.

Knows nothing of patterns. Invariant: two characters fold to the same one exactly when simple case folding (Unicode
CaseFolding.txt) says so, or folding admits that it does not know.
"""

from typing import Final

# Letters with more than one other case; all others come in pairs.
ORBITS: Final = (
    *("Kk\u212a", "Ss\u017f", "\u00b5\u039c\u03bc", "\u00c5\u00e5\u212b", "\u00df\u1e9e", "\u01c4\u01c5\u01c6"),
    *("\u01c7\u01c8\u01c9", "\u01ca\u01cb\u01cc", "\u01f1\u01f2\u01f3", "\u0345\u0399\u03b9\u1fbe"),
    *("\u0392\u03b2\u03d0", "\u0395\u03b5\u03f5", "\u0398\u03b8\u03d1\u03f4", "\u039a\u03ba\u03f0"),
    *("\u03a0\u03c0\u03d6", "\u03a1\u03c1\u03f1", "\u03a3\u03c2\u03c3", "\u03a6\u03c6\u03d5", "\u03a9\u03c9\u2126"),
    *("\u0412\u0432\u1c80", "\u0414\u0434\u1c81", "\u041e\u043e\u1c82", "\u0421\u0441\u1c83"),
    *("\u0422\u0442\u1c84\u1c85", "\u042a\u044a\u1c86", "\u0462\u0463\u1c87"),
)
_LAST_CASED: Final = "\u0530"  # the scripts above end before


def folds() -> dict[str, str]:
    """Each cased character, and each whose cases are uncertain (to ""), to the one that stands for all its cases."""
    found = {}
    for char in map(chr, range(ord(_LAST_CASED))):
        if not char.lower() == char.upper() == char:
            found[char] = min(_orbit(char) or [""])
    found.update((member, min(orbit)) for orbit in ORBITS for member in orbit)
    return found


def cases() -> dict[str, str]:
    """The character that stands for all its cases, to those cases."""
    found: dict[str, str] = {}
    for char, stand in folds().items():
        found[stand] = found.get(stand, "") + char
    return found


def _orbit(char: str) -> str | None:
    """All cases of a character, itself included; None where the tables here do not reach."""
    lower, upper = char.lower(), char.upper()
    if len(lower) != 1 or len(upper) != 1 or max(char, lower, upper) >= _LAST_CASED:
        return None
    return char + lower + upper
