"""How tables of names are written: as one text, so that they read and diff like prose."""


def names(words: str) -> frozenset[str]:
    """The blank-separated *words* as a set."""
    return frozenset(words.split())
