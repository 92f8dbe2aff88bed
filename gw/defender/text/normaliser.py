"""The views of one text, and the signals noticed while making them.

A plain text has one view: itself. Others are added only when something is disguised, because every view is scanned by
every pattern. Invariant: the first view is the original (cut at `limits.MAX_SCANNED_BYTES`), and together the views
are at most a few times its size.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from gw import limits
from gw._native.textscan import FLOOD, HYPHENS, SPACED, survey
from gw.defender.text.fold import Folded, fold
from gw.defender.text.offsets import Edit, rewrite
from gw.defender.text.runs import decode_runs
from gw.model.subject import View

Run = tuple[int, int, int]  # kind, start, end

_JOINED_CHARACTERS: Final = 64 * 1024  # of one text; spaced letters past it stay apart
_LEET: Final = str.maketrans("013457@$!|", "oieastasil")
_LEET_WORDS: Final = 2  # one word with a digit inside is an identifier
_LEET_LETTERS: Final = 200  # letters of text for each such word; where they are rarer they are identifiers too
_CONTEXT: Final = 240  # characters around what was rejoined; the rest of the text is in other views already
_NO_SIGNALS: Final[Mapping[str, int]] = MappingProxyType({})


class Survey(NamedTuple):
    ascii_letters: int
    other_letters: int
    leet_words: int
    controls: int
    runs_dropped: int
    runs: Sequence[Run]


class Normalised(NamedTuple):
    views: tuple[View, ...]
    signals: Mapping[str, int]  # name -> how often; only what was noticed

    def view(self, name: str) -> View | None:
        return next((view for view in self.views if view.name == name), None)


def views(text: str) -> Normalised:
    """Return the views of *text*, the original first."""
    oversized = len(text) - limits.MAX_SCANNED_BYTES
    if oversized > 0:
        text = text[: limits.MAX_SCANNED_BYTES]
    base = View("raw", text)
    seen = Survey(*survey(text))
    if text.isascii() and not seen.runs and not seen.controls and oversized <= 0 and not _is_leet(seen):
        return Normalised((base,), _NO_SIGNALS)
    found = [base]
    signals: dict[str, int] = {}
    if seen.controls or not text.isascii():
        folded = fold(text, latin_text=seen.ascii_letters > seen.other_letters)
        signals.update(_fold_signals(folded))
        if folded.changed:
            base = View("folded", folded.text, folded.offsets)
            found.append(base)
            seen = Survey(*survey(folded.text))
    if seen.runs or _is_leet(seen):
        found.extend(_undisguised(base, seen, signals))
    if oversized > 0:
        signals["oversized"] = oversized
    return Normalised(tuple(found), {name: n for name, n in signals.items() if n} if signals else _NO_SIGNALS)


def _fold_signals(folded: Folded) -> dict[str, int]:
    return {
        "hidden-characters": folded.hidden_in_words,
        "invisible-characters": folded.hidden,
        "bidi-controls": folded.bidi,
        "tag-characters": folded.tags,
        "styled-letters": folded.styled,
        "mixed-script": folded.mixed_words,
    }


def _is_leet(seen: Survey) -> bool:
    return seen.leet_words >= _LEET_WORDS and seen.leet_words * _LEET_LETTERS >= seen.ascii_letters


def _undisguised(base: View, seen: Survey, signals: dict[str, int]) -> Iterator[View]:
    """Views with letters rejoined and floods collapsed, with digits read as letters, and of what was encoded."""
    if edits := sorted(_joining(base.text, seen, signals)):
        yield View("joined", *rewrite(base.text, _with_context(edits, len(base.text)), base.offsets))
    if _is_leet(seen):
        signals["leet-words"] = seen.leet_words
        yield View("leet", base.text.translate(_LEET), base.offsets)
    if decoded := decode_runs(base.text, seen.runs):
        signals["encoded-runs"] = len(decoded)
        yield _decoded_view(base, decoded)
    if seen.runs_dropped:
        signals["runs-dropped"] = seen.runs_dropped


def _with_context(edits: Sequence[Edit], size: int) -> Iterator[Edit]:
    """The edits, and others that drop what is far from all of them."""
    kept = 0
    for edit in edits:
        if edit.start - _CONTEXT > kept:
            yield Edit(kept, edit.start - _CONTEXT, "\n" if kept else "")
        yield edit
        kept = max(kept, edit.end + _CONTEXT)
    if kept < size:
        yield Edit(kept, size, "")


def _joining(text: str, seen: Survey, signals: dict[str, int]) -> Iterator[Edit]:
    budget = _JOINED_CHARACTERS
    for kind, start, end in seen.runs:
        if kind == FLOOD:
            signals["flood"] = signals.get("flood", 0) + end - start
            blank_too = text[start - 1 : start].isspace() and text[end : end + 1].isspace()
            yield Edit(start, end + blank_too, "")
        elif kind in (SPACED, HYPHENS) and budget > 0:
            stop = min(end, start + budget)
            budget -= stop - start
            if kind == SPACED:
                signals["spaced-letters"] = signals.get("spaced-letters", 0) + (stop - start + 1) // 2
            yield from _rejoin(text, start, stop)


def _rejoin(text: str, start: int, end: int) -> Iterator[Edit]:
    """Drop single separators; a wider gap was a blank between words."""
    gap = start
    for position in range(start, end):
        if text[position].isalnum():
            if position > gap:
                yield Edit(gap, position, " " if position - gap > 1 else "")
            gap = position + 1


def _decoded_view(base: View, decoded: Sequence[Edit]) -> View:
    """Only what was encoded, one run a line."""
    edits: list[Edit] = []
    position = 0
    for start, end, replacement in decoded:
        edits += (Edit(position, start, ""), Edit(start, end, f"\n{replacement}" if position else replacement))
        position = end
    edits.append(Edit(position, len(base.text), ""))
    return View("decoded", *rewrite(base.text, edits, base.offsets))
