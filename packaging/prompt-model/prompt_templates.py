"""Texts of our own to train on: templates with alternatives, expanded by a generator of fixed numbers.

Knows nothing of models. Invariant: the same files and seed give the same texts on every machine and Python.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

HERE = Path(__file__).parent
MAX_DEPTH = 8  # of slots inside slots
T = TypeVar("T")


class Labelled(NamedTuple):
    attacks: list[str]
    benign: list[str]


class Dice:
    """SplitMix64 (Steele, Lea, Flood 2014): ours, so that no library's change can alter the training set."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        return ((mixed ^ (mixed >> 31)) * limit) >> 64

    def choose(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent


def lines(name: str) -> list[str]:
    text = (HERE / name).read_text("utf-8")
    return [line.replace("\\n", "\n") for line in text.splitlines() if line.strip() and not line.startswith("# ")]


def read_slots() -> dict[str, list[str]]:
    slots = {}
    for line in lines("slots.txt"):
        name, _, values = line.partition(" = ")
        slots[name] = [value.strip() for value in values.split(" |")]
    return slots


SLOTS = read_slots()


def expand(template: str, dice: Dice, free: str | None = None, depth: int = 0) -> str:
    """`{a|b}` chooses, `{slot}` is filled, `{free}` becomes *free*; any other braces stay."""
    out: list[str] = []
    at = 0
    while at < len(template):
        end = _closing(template, at) if template[at] == "{" else -1
        if end < 0:
            out.append(template[at])
            at += 1
            continue
        body = template[at + 1 : end]
        options = _alternatives(body)
        chosen = dice.choose(options) if len(options) > 1 else body
        if chosen == "free" and free is not None:
            out.append(free)
        elif chosen in SLOTS and depth < MAX_DEPTH:
            out.append(expand(dice.choose(SLOTS[chosen]), dice, None, depth + 1))
        elif len(options) > 1:
            out.append(expand(chosen, dice, free, depth + 1))
        else:
            out.append("{" + expand(body, dice, free, depth + 1) + "}")
        at = end + 1
    return "".join(out)


def _closing(template: str, start: int) -> int:
    depth = 0
    for at in range(start, len(template)):
        depth += (template[at] == "{") - (template[at] == "}")
        if depth == 0:
            return at
    return -1


def _alternatives(body: str) -> list[str]:
    found, depth = [""], 0
    for character in body:
        depth += (character == "{") - (character == "}")
        if character == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found


def tidy(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    for mark in ".,;!?":
        text = text.replace(" " + mark, mark)
    return text.strip()


def disturb(text: str, dice: Dice) -> str:
    """Upper case, lower case, a capital, swapped or missing letters; most texts stay as they are."""
    number = dice.below(100)
    if number < 8:
        return text.upper()
    if number < 20:
        return text.lower()
    if number < 28:
        for _ in range(1 + len(text) // 60):
            if len(text) > 8:
                at = 1 + dice.below(len(text) - 3)
                swapped = text[at + 1] + text[at] if number < 24 else text[at + 1]
                text = text[:at] + swapped + text[at + 2 :]
        return text
    return text[:1].upper() + text[1:] if number < 55 else text


def _each(templates: Sequence[str], times: int, dice: Dice) -> list[str]:
    """Every template expanded *times* times; equal results count once."""
    return sorted({disturb(tidy(expand(template, dice)), dice) for template in templates for _ in range(times)})


def user_texts(seed: int = 1) -> Labelled:
    """What users and channels write: single sentences, several in a row, and orders among harmless sentences."""
    dice = Dice(seed)
    languages = [line.split("\t", 1) for line in lines("languages.txt")]
    attacks = _each(lines("attack-user.txt"), 32, dice) + _each([t for k, t in languages if k == "attack"], 12, dice)
    benign = _each(lines("benign-user.txt"), 50, dice) + _each([t for k, t in languages if k == "benign"], 12, dice)
    facts = [tidy(expand("{sentence}", dice)) for _ in range(400)]
    gaps = (" ", "\n", "\n\n", " ")

    def several(texts: Sequence[str], least: int, spread: int) -> str:
        return dice.choose(gaps).join(dice.choose(texts) for _ in range(least + dice.below(spread)))

    def among() -> Iterator[str]:
        if dice.chance(30):
            yield several(facts, 1, 6)
        yield dice.choose(benign)
        yield dice.choose(attacks)
        if dice.chance(30):
            yield dice.choose(benign)

    more_attacks = [several(attacks, 2, 4) for _ in range(len(attacks) // 2)]
    more_attacks += [dice.choose(gaps).join(among()) for _ in range(len(attacks) // 3)]
    more_benign = [several(benign, 2, 6) for _ in range(len(benign) // 3)]
    more_benign += [several(facts, 1, 12) for _ in range(len(benign) // 6)]
    return Labelled(attacks + more_attacks, benign + more_benign)


def tool_texts(seed: int = 2, count: int = 9000) -> Labelled:
    """What tools return: records, mails and pages, with and without a request to the agent inside."""
    dice = Dice(seed)
    containers, clean, orders = lines("tool-containers.txt"), lines("tool-clean.txt"), lines("tool-attack.txt")
    direct = lines("attack-user.txt")

    def harmless() -> str:
        return tidy(expand(dice.choose(clean), dice))

    def record(free: str) -> str:
        return tidy(expand(dice.choose(containers), dice, free))

    def hostile() -> str:
        order = tidy(expand(dice.choose(direct if dice.chance(15) else orders), dice))
        before = harmless() + " " if dice.chance(35) else ""
        after = " " + harmless() if dice.chance(25) else ""
        return record(before + order + after)

    def ordinary() -> str:
        return record(harmless() + (" " + harmless() if dice.chance(50) else ""))

    return Labelled([hostile() for _ in range(count)], [ordinary() for _ in range(count)])
