"""Stored state of older formats, brought to today's: one step for each format there has been.

Knows tables of bytes, no files: the backends keep a copy of what they have, and write what changed here. Invariant: a
step leaves alone what already has the newer form, because journals of two formats may follow one snapshot.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Final

import ujson

from gw.session import entries
from gw.session.store import ENTRIES, Put

Tables = MutableMapping[str, dict[str, bytes]]


def packed_entry(value: bytes) -> bytes:
    """Format 1 wrote an entry as the object that answers show; format 2 writes an array, placed by position."""
    if not value.startswith(b"{"):
        return value
    try:
        return entries.pack(ujson.loads(value))
    except ValueError:
        return value  # who reads it will name it


def _pack_entries(tables: Tables) -> Iterator[Put]:
    for key, value in tables[ENTRIES].items():
        packed = packed_entry(value)
        if packed != value:
            yield Put(ENTRIES, key, packed)


# Step n makes format n + 1 out of format n. Never change one that was released.
STEPS: Final[tuple[Callable[[Tables], Iterator[Put]], ...]] = (_pack_entries,)


def bring_forward(tables: Tables, version: int) -> list[Put]:
    """Turn tables of an older format into today's; returns what changed."""
    changed: dict[tuple[str, str], Put] = {}
    for step in STEPS[version - 1 :]:
        for put in list(step(tables)):
            tables[put.table][put.key] = put.value
            changed[put.table, put.key] = put
    return list(changed.values())
