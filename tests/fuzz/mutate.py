"""Hostile inputs from good ones: small changes at random places, and words that parsers trip over.

Knows nothing of the targets. Invariant: the same seed gives the same inputs.
"""

import random
from collections.abc import Iterator, Sequence

MOST_BYTES = 4096


class Mutator:
    """Endless inputs made from *seeds*; *words* are put in whole."""

    def __init__(self, seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> None:
        self._seeds = list(seeds)
        self._words = list(words)
        self._random = random.Random(seed)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._seeds
        while True:
            yield self.next()

    def next(self) -> bytes:
        bits = self._random.getrandbits
        data = bytearray(self._seeds[bits(16) % len(self._seeds)])
        for _ in range(1 + bits(2)):
            self._change(data, bits(3))
        return bytes(data[:MOST_BYTES])

    def _change(self, data: bytearray, kind: int) -> None:
        bits = self._random.getrandbits
        at = bits(16) % (len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] = bits(8)
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << bits(3)
        elif kind == 2:
            del data[at : at + 1 + bits(3)]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[at : at + bits(6)] * (1 + bits(2))
        elif kind == 5:
            other = self._seeds[bits(16) % len(self._seeds)]
            start = bits(16) % (len(other) + 1)
            data[at:at] = other[start : start + bits(7)]
        else:
            data[at:at] = self._words[bits(16) % len(self._words)]
