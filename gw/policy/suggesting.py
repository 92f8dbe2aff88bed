"""From commands that people approved to the narrowest allow rules that would have covered them.

Pure: proposes text, changes nothing. Invariant: a proposal covers only what was approved at least twice with the same
first words, never a bare interpreter or shell, and always comes with examples that must not be covered.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

LEAST_APPROVALS: Final = 2
MAX_WORDS: Final = 4
# Programs for which no prefix is narrow: what they do is in their arguments or their input.
NEVER: Final = frozenset(
    {
        "bash", "dash", "docker", "env", "eval", "find", "fish", "kubectl", "ksh", "node", "perl", "php", "python",
        "python3", "rm", "ruby", "sh", "ssh", "su", "sudo", "xargs", "zsh",
    }
)  # fmt: skip


class Suggestion(NamedTuple):
    prefix: tuple[str, ...]
    approved: tuple[str, ...]  # command lines

    @property
    def rule(self) -> str:
        """The rule as YAML, an element of `allow:`."""
        name = "-".join(word.strip("-") or "x" for word in self.prefix).lower()
        slug = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
        line = " ".join(self.prefix)
        hits = ", ".join(_quoted(line) for line in self.approved[:3])
        misses = ", ".join(_quoted(text) for text in (f"{line}; rm -rf ~", f"{line} > /etc/passwd", self.prefix[0]))
        return (
            f"  - id: learned.{slug}\n"
            f"    title: Approved {len(self.approved)} times\n"
            f"    prefix: [{', '.join(_quoted(word) for word in self.prefix)}]\n"
            f"    hit: [{hits}]\n"
            f"    miss: [{misses}]\n"
        )


def suggest(approved: Iterable[tuple[str, Sequence[str]]]) -> list[Suggestion]:
    """*approved* are (command line, words of its one running command); the most often approved come first."""
    groups: dict[tuple[str, str], list[tuple[str, Sequence[str]]]] = {}
    for line, words in approved:
        if len(words) >= 2 and words[0] not in NEVER and not words[1].startswith("-"):
            groups.setdefault((words[0], words[1]), []).append((line, words))
    found = []
    for rows in groups.values():
        lines = tuple(dict.fromkeys(line for line, _ in rows))
        if len(rows) >= LEAST_APPROVALS:
            found.append(Suggestion(_common([words for _, words in rows]), lines))
    return sorted(found, key=lambda one: -len(one.approved))


def _common(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The first words all rows share, at most MAX_WORDS; two at least, because they were grouped by those."""
    shared: list[str] = []
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1 or len(shared) == MAX_WORDS:
            break
        shared.append(column[0])
    return tuple(shared)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
