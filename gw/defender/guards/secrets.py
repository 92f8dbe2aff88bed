"""Credentials in outbound text that take arithmetic to tell from ordinary text: card numbers, and values that look
random behind a word such as `password`.

Fixed shapes (key prefixes, key blocks) are rules with patterns; this guard has only what a pattern cannot decide.
Invariant: a finding names the class and the length, never a character of the value.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import log2
from typing import Any, Final

from gw._native.patterns import PatternSet
from gw.model.action import Action, PartKind
from gw.model.decision import Finding, Span
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy

_ASSIGNED: Final = (
    r"(?i)(?:pass(?:word|phrase|wd|code)?|secret|token|api[_ -]?key|access[_ -]?key|private[_ -]?key|client[_ -]?secret"
    r"|auth[_ -]?key|credential|pwd)[a-z0-9_]{0,16}[\"']?\s{0,2}(?::|=|=>|:=|\bis\b|\bto\b)\s{0,2}[\"'`]?"
    r"[^\s\"'`<>{}()\[\],;]{8,128}(?:[\s\"'`<>{}()\[\],;]|$)"
)
_CARD_GROUPS: Final = frozenset(((4, 4, 4, 4), (4, 6, 5), (4, 4, 4, 4, 3), (16,), (15,), (13,), (19,)))
# Everything but digits and the separators of groups becomes a line end.
_DIGIT_RUNS: Final = bytes(c if c in b"0123456789 -" else 10 for c in range(256))
_PLACEHOLDER: Final = (
    "example",
    "changeme",
    "change-me",
    "placeholder",
    "your",
    "redacted",
    "xxxx",
    "****",
    "...",
    "http",
)
LEAST_BITS: Final = 30.0  # of a value: eight characters of mixed kinds reach it, a dictionary word does not


class SecretGuard:
    """Serves the rules that say `guard: {name: secrets, kind: card | assigned}`."""

    name = "secrets"
    pure = True
    reads = frozenset((PartKind.OUTPUT,))

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        outbound = [subject for subject in subjects if subject.part.kind is PartKind.OUTPUT]
        for rule_id, parameters in _rules(policy):
            look = _LOOKS.get(str(parameters.get("kind")), _nothing)
            for subject in outbound:
                for span in look(subject, parameters):
                    detail = f"{span.end - span.start} characters"
                    finding = policy.finding(rule_id, part=subject.index, span=span, detail=detail)
                    if finding is not None:
                        yield finding
                    break  # one is enough; where the others are adds nothing


def _rules(policy: CompiledPolicy) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for rule_id, rule in policy.rules.items():
        if rule.parameters.get("name") == SecretGuard.name:
            yield rule_id, rule.parameters


@cache
def _patterns() -> PatternSet:
    return PatternSet([_ASSIGNED])


def _cards(subject: Subject, parameters: Mapping[str, Any]) -> Iterator[Span]:
    for view in subject.views:
        start = 0
        for run in view.text.encode("ascii", "replace").translate(_DIGIT_RUNS).split(b"\n"):
            if len(run) >= 13:
                yield from (view.span(start + at, start + end) for at, end in _card_in(run))
            start += len(run) + 1


def _card_in(run: bytes) -> Iterator[tuple[int, int]]:
    """Places of card numbers in a run of digits, blanks and hyphens: groups as they are printed on cards."""
    groups: list[tuple[int, int]] = []
    at = 0
    for group in run.replace(b"-", b" ").split(b" "):
        if group:
            groups.append((at, at + len(group)))
        at += len(group) + 1
    for first in range(len(groups)):
        for count in (1, 3, 4, 5):
            chosen = groups[first : first + count]
            if tuple(end - start for start, end in chosen) not in _CARD_GROUPS:
                continue
            digits = [c - 48 for start, end in chosen for c in run[start:end]]
            if 2 <= digits[0] <= 6 and len(set(digits)) > 2 and luhn(digits):
                yield chosen[0][0], chosen[-1][1]


def _assigned(subject: Subject, parameters: Mapping[str, Any]) -> Iterator[Span]:
    least_bits = float(parameters.get("least_bits", LEAST_BITS))
    for view in subject.views:
        for _, start, end in _patterns().scan(view.text):
            value = _value(view.text[start:end])
            if len(value) >= 8 and not _is_placeholder(value) and bits(value) >= least_bits:
                at = view.text.rindex(value, start, end)
                yield view.span(at, at + len(value))


def _nothing(subject: Subject, parameters: Mapping[str, Any]) -> Iterator[Span]:
    return iter(())


_LOOKS: Final[Mapping[str, Callable[[Subject, Mapping[str, Any]], Iterator[Span]]]] = {
    "card": _cards,
    "assigned": _assigned,
}


def _value(text: str) -> str:
    """What follows the last separator of `name = value`."""
    for separator in ("=", ":", " "):
        head, found, tail = text.partition(separator)
        if found and len(head) < len(text) - 7:
            return tail.strip(" \t\r\n\"'`<>{}()[];=:").rstrip(".,!?")
    return ""


def _is_placeholder(value: str) -> bool:
    lowered = value.lower()
    return lowered.startswith(("$", "%", "env", "os.")) or any(word in lowered for word in _PLACEHOLDER)


def luhn(digits: Sequence[int]) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def bits(value: str) -> float:
    """Shannon entropy of the characters, times their number, for values of more than one kind of character; else 0."""
    kinds = sum(any(test(c) for c in value) for test in (str.islower, str.isupper, str.isdecimal))
    kinds += any(not c.isalnum() for c in value)
    if kinds < 2 or not any(c.isdecimal() or not c.isalnum() for c in value):
        return 0.0
    counts = Counter(value)
    return -sum(n * log2(n / len(value)) for n in counts.values())
