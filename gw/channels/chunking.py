"""Cutting a reply into messages that a channel takes.

Knows limits, not providers. Invariant: limits count UTF-16 code units, as the providers do; no piece is longer than
its limit, none is cut inside a grapheme unless the grapheme alone is longer; nothing but white space at cuts is lost.

Source: openclaw/CHANNELS.md section 9.1; executed truth: vectors/chunking.json.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from gw.ports import Json

DEFAULT_LIMIT: Final = 4000
FENCES: Final = ("```", "~~~")
ZWJ: Final = "\u200d"


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def resolve_limit(config: Mapping[str, Json], channel: str, account: str | None, fallback: int = DEFAULT_LIMIT) -> int:
    """`textChunkLimit` of the account, else of the channel, else what the driver says; webchat is not configurable."""
    section = config.get("channels", {}).get(channel)
    if channel == "webchat" or not isinstance(section, Mapping):
        return fallback
    accounts = section.get("accounts") or {}
    own: Mapping[str, Json] = next(
        (row for name, row in accounts.items() if name.lower() == (account or "default").lower()), {}
    )
    for source in (own, section):
        limit = source.get("textChunkLimit")
        if isinstance(limit, int) and limit > 0:
            return limit
    return fallback


# --- the three ways -------------------------------------------------------------------------------------------------


def by_length(text: str, limit: float) -> list[str]:
    """Cut at a newline, else at white space, else where the limit falls. A limit of 0 or less means one piece."""
    most = int(limit)
    if not text or most <= 0 or units(text) <= most:
        return [text] if text else []
    pieces, at = [], 0
    while (end := _fit(text, at, most)) < len(text):
        cut = _soft_break(text, at, end) or _hard_break(text, at, end)
        pieces.append(text[at:cut].rstrip())
        at = _skip(text, cut, str.isspace)
    pieces.append(text[at:])
    return [piece for piece in pieces if piece]


def by_paragraph(text: str, limit: float) -> list[str]:
    """Pack whole paragraphs while they fit; one that is too long alone is cut by length."""
    return _pack(text, int(limit), by_length)


def by_markdown(text: str, limit: float, *, keep_paragraphs: bool = False) -> list[str]:
    """Like by_length, but code fences stay whole; one that must be cut is closed and opened again in the next piece."""
    most = int(limit)
    if keep_paragraphs:
        return _pack(text, most, by_markdown)
    if not text or most <= 0 or units(text) <= most:
        return [text] if text else []
    pieces, at, reopen = [], 0, ""
    while True:
        window = reopen + text[at : at + most]
        end = _fit(window, 0, most)
        if at + end - len(reopen) >= len(text):
            pieces.append(window)
            return [piece for piece in pieces if piece]
        cut, fence = _markdown_cut(window[:end], len(reopen), most)
        piece = window[:cut]
        at += cut - len(reopen)
        if fence is None:
            reopen = ""
            at = _skip(text, at + (at < len(text) and text[at].isspace()), "\r\n".__contains__)
        else:
            piece += fence.close if piece.endswith("\n") else "\n" + fence.close
            at, reopen = _reopen(text, at, fence, most)
        pieces.append(piece)


def _pack(text: str, most: int, cut: Callable[[str, int], list[str]]) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip() or most <= 0:
        return [text] if text.strip() else []
    pieces: list[str] = []
    held = ""
    for separator, paragraph in _paragraphs(text):
        joined = held + separator + paragraph if held else paragraph
        if units(joined) <= most:
            held = joined
            continue
        if held:
            pieces.append(held)
        held = paragraph
        if units(paragraph) > most:
            pieces += cut(paragraph, most)
            held = ""
    return [*pieces, held] if held else pieces


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """Yield (the white space before it, paragraph); blank lines inside a code fence separate nothing."""
    lines = text.split("\n")
    before, held = "", ""
    marker = ""
    for line in lines:
        if not line.strip() and not marker:
            if held:
                yield before, held
                before, held = "\n", ""
            before += line + "\n"
            continue
        held = held + "\n" + line if held else line
        found = _marker(line)
        if found and (not marker or _closes(line, marker)):
            marker = "" if marker else found
    if held:
        yield before, held


# --- where to cut ---------------------------------------------------------------------------------------------------


def _fit(text: str, at: int, most: int) -> int:
    """The end of what fits into *most* units from *at*; at least one character."""
    head = text[at : at + most]
    if units(head) > most:
        head = head.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")
    return min(len(text), at + max(1, len(head)))


def _soft_break(text: str, at: int, end: int, is_allowed: Callable[[int], bool] = lambda index: True) -> int:
    """The last newline outside parentheses, else the last white space there; 0: neither."""
    depth = newline = space = 0
    for index in range(at, end):
        character = text[index]
        if not is_allowed(index):
            continue
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and index > at and character.isspace():
            space = index
            if character == "\n":
                newline = index
    return newline or space


def _hard_break(text: str, at: int, end: int) -> int:
    """The last boundary between graphemes up to *end*; *end* itself when one grapheme fills it all."""
    cut = end
    while cut > at and _is_inside_grapheme(text, cut):
        cut -= 1
    return cut if cut > at else end


def _is_inside_grapheme(text: str, index: int) -> bool:
    """UAX 29 as far as chat text needs it: marks, joiners, emoji modifiers and tags, flags, CR LF."""
    if index >= len(text):
        return False
    before, after = text[index - 1], text[index]
    if after.isascii():
        return (before, after) == ("\r", "\n")
    if after == ZWJ or before == ZWJ or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return _is_flag(after) and _flags_before(text, index) % 2 == 1


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, index: int) -> int:
    start = index
    while start > 0 and _is_flag(text[start - 1]):
        start -= 1
    return index - start


def _skip(text: str, at: int, is_dropped: Callable[[str], bool]) -> int:
    while at < len(text) and is_dropped(text[at]):
        at += 1
    return at


# --- code fences ----------------------------------------------------------------------------------------------------


class _Fence(NamedTuple):
    """A code block in a window: from its opening line to behind its closing one, or past the window."""

    start: int
    end: int
    opening: str
    close: str  # indentation and marker


def _marker(line: str) -> str:
    """The run of fence characters that opens a block here, with its indentation; "" when none does."""
    bare = line.lstrip(" ")
    if len(line) - len(bare) > 3 or not bare.startswith(FENCES):
        return ""
    run = len(bare) - len(bare.lstrip(bare[0]))
    return line[: len(line) - len(bare) + run]


def _closes(line: str, marker: str) -> bool:
    found = _marker(line)
    return found.strip().startswith(marker.strip()) and line.strip() == found.strip()


def _fences(window: str) -> Iterator[_Fence]:
    at, start, opening = 0, 0, ""
    for line in window.split("\n"):
        if opening:
            if _closes(line, _marker(opening)):
                yield _Fence(start, at + len(line), opening, _marker(opening))
                opening = ""
        elif _marker(line):
            start, opening = at, line
        at += len(line) + 1
    if opening:
        yield _Fence(start, len(window) + 1, opening, _marker(opening))


def _markdown_cut(window: str, begun: int, most: int) -> tuple[int, _Fence | None]:
    """Where to cut a window that is full, and the fence that is cut there; its first *begun* characters are no gain."""
    fences = list(_fences(window))
    soft = _soft_break(window, 0, len(window), lambda at: not any(f.start < at < f.end for f in fences))
    if soft > begun:
        return soft, None
    fence = next((f for f in fences if f.start < len(window) < f.end), None)
    if fence is not None:
        first = fence.start + len(fence.opening) + 2  # at least one character of the block
        room = most - units(fence.close)
        newline = window.rfind("\n", first - 1, _fit(window, 0, room)) if room > 1 else -1
        if newline >= 0:
            return newline + 1, fence
        end = _fit(window, 0, room - 1) if room > 1 else 0
        if first <= end:
            return max(first, _hard_break(window, 0, end)), fence
    return _hard_break(window, begun, len(window)), None


def _reopen(text: str, at: int, fence: _Fence, most: int) -> tuple[int, str]:
    """How the piece after a cut fence begins: where in the text, and behind which opening line."""
    end = text.find("\n", at, at + most)
    line = text[at : end if end >= 0 else at + most]
    if _closes(line, fence.close):
        return _skip(text, at + len(line), "\r\n".__contains__), ""
    for opening in (fence.opening, fence.close):
        if units(opening) + units(fence.close) + 4 <= most:
            return at, opening + "\n"
    return at, ""
