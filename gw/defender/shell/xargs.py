"""What xargs makes of the words it is given and the input it reads: the commands it would run.

Runs nothing and grades nothing. Invariant: input that is not known still leaves its marks on the words it may become.
"""

import re

from gw.defender.shell.lexer import WINDOW, decode_ansi
from gw.defender.shell.stream import EXPANDED, SECRET, TAINT, Stream

MAX_ITEMS = 16  # of the input that are tried one by one
MAX_PLACED_CHARS = 64 * 1024  # of all commands made that way
MAX_WORDS = 64  # of the input that are appended to one command

_OTHER_INPUT = frozenset(("-a", "-o", "--arg-file", "--open-tty"))

# Without `-0` and `-d` xargs takes quotes and backslashes off, as a shell would.
_QUOTES = frozenset("'\"\\")
_QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"|\\(.)", re.S)
_WORD = re.compile(r"(?:'[^'\n]*'|\"[^\"\n]*\"|\\.|[^\s'\"\\])+", re.S)

Invocation = tuple[list[str], list[int]]


def invocations(
    options: list[str], words: list[str], marks: list[int], stdin: Stream | None
) -> tuple[list[Invocation], bool]:
    """The commands run: with the input appended once, or one for each item put in place of `{}`; and whether that is
    all of them."""
    if stdin is None or not _OTHER_INPUT.isdisjoint(options):
        return [(words, marks)], True
    placeholder = _placeholder(options)
    if stdin.text is None:
        sign = placeholder or "{}"
        tainted = [m | stdin.marks & (TAINT if sign in w else SECRET) for w, m in zip(words, marks, strict=True)]
        return [(words, tainted)], True
    known = stdin.marks | EXPANDED
    if placeholder is None:
        more = _items(options, stdin.text, None)[:MAX_WORDS]
        return [(words + more, marks + [known] * len(more))], True
    placed_marks = [m | known if placeholder in w else m for w, m in zip(words, marks, strict=True)]
    items = _items(options, stdin.text, "\n")
    chars, places = sum(map(len, words)), sum(w.count(placeholder) for w in words)
    found: list[Invocation] = []
    size = 0
    for item in items[:MAX_ITEMS]:
        size += chars + places * len(item)
        if size > MAX_PLACED_CHARS:
            break
        found.append(([w.replace(placeholder, item) for w in words], placed_marks))
    return found, len(found) == len(items)


def _placeholder(options: list[str]) -> str | None:
    for i, word in enumerate(options[1:], 1):
        if word == "-I":
            return "".join(options[i + 1 : i + 2]) or "{}"
        if word.startswith(("-I", "-i")):
            return word[2:] or "{}"
        if word.startswith("--replace"):
            return word[10:] or "{}"
    return None


def _items(options: list[str], text: str, separator: str | None) -> list[str]:
    """Words, lines (with a placeholder), or what `-0` and `-d` say."""
    plain = True
    for i, word in enumerate(options[1:], 1):
        if word == "--null" or (word[:1] == "-" and word[1:2] not in ("-", "I", "i", "d") and "0" in word):
            separator = "\0"
        elif word in ("-d", "--delimiter"):
            separator = decode_ansi("".join(options[i + 1 : i + 2]))
        elif word.startswith(("-d", "--delimiter=")):
            separator = decode_ansi(word.removeprefix("--delimiter=").removeprefix("-d"))
        else:
            continue
        plain = False
    if plain and len(text) <= WINDOW and not _QUOTES.isdisjoint(text):
        return [_unquoted(item) for item in (text.split("\n") if separator else _WORD.findall(text)) if item.strip()]
    return [item for item in text.split(separator or None) if item.strip()]


def _unquoted(item: str) -> str:
    return _QUOTED.sub(lambda found: "".join(group or "" for group in found.groups()), item)
