"""Answers that are asked for again before anything has changed: encoded once, sent to everybody.

Knows no method. Invariant: an answer is given again only under the very state it was made under, and all together stay
within a bound.
"""

from collections.abc import Hashable
from typing import Final

from gw.wire.json import Encoded

MOST_BYTES: Final = 1024 * 1024


class KeptAnswers:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._state: Hashable = None
        self._answers: dict[bytes, Encoded] = {}

    def get(self, question: bytes, state: Hashable) -> Encoded | None:
        """*question* is what was asked, as it came; another *state* makes everything forgotten."""
        if state != self._state:
            self._answers.clear()
            self._bytes = 0
            self._state = state
        return self._answers.get(question)

    def keep(self, question: bytes, answer: Encoded) -> Encoded:
        """Under the state last asked for; what does not fit any more is not kept. Returns *answer*."""
        size = len(question) + len(answer)
        if self._bytes + size <= self._most_bytes:
            self._answers[question] = answer
            self._bytes += size
        return answer
