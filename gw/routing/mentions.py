"""Does a text name the agent? Patterns people configure, or ones derived from the agent's name and emoji.

Knows no channel: what the provider itself calls a mention comes in as a fact and goes first. Invariant: matching takes
time linear in the text whatever the pattern (RE2), and a pattern that cannot be used is ignored, not an error.

Source: openclaw/ROUTING.md section 4.2, with vectors/mentions.json as executed truth.
"""

import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from gw._native import patterns
from gw.ports import Json

logger = logging.getLogger(__name__)

MAX_PATTERNS: Final = 64  # of one agent
NUMBERS: Final = r"@[0-9+]{5,}"  # mentions by phone number, as some providers write them
_INVISIBLE: Final = dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)))
_SPACES: Final = re.compile(r"\s+")
# A repetition of a repetition. RE2 would take it, but what upstream ignores should not mention anybody here either.
_NESTED: Final = re.compile(r"[+*}]\)[+*{]")


class Names(NamedTuple):
    """What mentions an agent. `derived` ones count as whole words only."""

    patterns: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


def prepare(text: str) -> str:
    """Lower-case, without characters nobody sees."""
    return text.translate(_INVISIBLE).lower()


def names_of(agent: Mapping[str, Json], messages: Mapping[str, Json]) -> Names:
    """Read an agent's entry and the configuration's `messages`: the first list there is counts, even an empty one."""
    for settings in (agent, messages):
        chosen = (settings.get("groupChat") or {}).get("mentionPatterns")
        if chosen is not None:
            return Names(tuple(one for one in map(usable, chosen[:MAX_PATTERNS]) if one))
    identity: Mapping[str, Json] = agent.get("identity") or {}
    name, emoji = undecorated(str(identity.get("name") or "")), str(identity.get("emoji") or "").strip()
    words = r"\s+".join(map(re.escape, name.split()))
    derived = ["@?" + words] if words else []
    if emoji:
        derived.append(re.escape(emoji))
    return Names(derived=tuple(derived))


def usable(pattern: str) -> str | None:
    """The pattern as it is searched for; None, with a warning, when it cannot be."""
    pattern = pattern.replace("\b", r"\b")  # JSON writers lose the second backslash
    try:
        patterns.PatternSet([pattern], case_insensitive=True)
    except patterns.PatternError as error:
        logger.warning("mention.pattern_ignored", extra={"problem": str(error)})
        return None
    if _NESTED.search(pattern):
        logger.warning("mention.pattern_ignored", extra={"problem": "a repetition inside a repetition"})
        return None
    return pattern


def matches(names: Names, text: str, *, mentioned: bool = False) -> bool:
    """`mentioned`: the provider says so, which settles it."""
    return mentioned or bool(_spans(names, prepare(text)))


def strip(names: Names, text: str) -> str:
    """The text without mentions, to look for a command in; white space becomes single spaces."""
    spans = _spans(names._replace(patterns=(*names.patterns, NUMBERS)), text)
    kept, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            kept.append(text[at:start])
        at = max(at, end)
    kept.append(text[at:])
    return _SPACES.sub(" ", " ".join(kept)).strip()


def undecorated(name: str) -> str:
    """A name without the emoji some people put around it."""
    start, end = 0, len(name)
    while start < end and not _in_word(name[start]):
        start += 1
    while end > start and not _in_word(name[end - 1]):
        end -= 1
    return name[start:end]


def _spans(names: Names, text: str) -> list[tuple[int, int]]:
    sources = names.patterns + names.derived
    if not sources:
        return []
    hits = _compiled(sources).scan(text)
    return [(start, end) for index, start, end in hits if index < len(names.patterns) or _is_word(text, start, end)]


def _is_word(text: str, start: int, end: int) -> bool:
    if not _in_word(text[end - 1]):
        return True  # an emoji ends where it ends
    before = text[start - 1] if start and text[start] != "@" else " "
    after = text[end] if end < len(text) else " "
    return not _in_word(before) and not _in_word(after)


def _in_word(char: str) -> bool:
    """Letters, digits, marks and connectors of any script."""
    category = unicodedata.category(char)
    return category[0] in "LNM" or category == "Pc"


@lru_cache(maxsize=64)
def _compiled(sources: Sequence[str]) -> patterns.PatternSet:
    return patterns.PatternSet(sources, case_insensitive=True)
