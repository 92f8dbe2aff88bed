"""Ids that nobody can guess and no two actions share.

Knows nothing of what they are for. Invariant: 80 random bits each.
"""

import os
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = 20  # hexadecimal
_AT_ONCE: Final = 64  # ids; asking the kernel for randomness takes longer than all else about an id


def ids(prefix: str) -> Iterator[str]:
    """Endless: *prefix* and 20 hexadecimal digits."""
    while True:
        drawn = os.urandom(_AT_ONCE * _DIGITS // 2).hex()
        for at in range(0, len(drawn), _DIGITS):
            yield prefix + drawn[at : at + _DIGITS]


new_action_id: Final = ids("act_").__next__
