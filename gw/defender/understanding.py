"""What reads commands and texts, loaded with the first of them: the largest parts of us, and at rest nobody needs them.

Knows nothing of what is found. Invariant: loading may happen in any thread, once, and changes no answer.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from gw.model.shell import CommandFacts
from gw.model.subject import View

PARTS: Final = ("gw.defender.shell", "gw.defender.text", "gw._native.ngrams")


def load() -> None:
    """Load all of it now: for whoever expects an action soon and has a thread to spare."""
    for name in PARTS:
        import_module(name)


def analyse(command: str) -> CommandFacts:
    from gw.defender import shell

    return shell.analyse(command)


def views(text: str) -> tuple[tuple[View, ...], Mapping[str, int]]:
    from gw.defender import text as normaliser

    return normaliser.views(text)
