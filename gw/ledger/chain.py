"""The hash chain through a log of JSON lines: each line names the SHA-256 of the line before.

Pure. Invariant: changing, removing or moving a line breaks the chain at that line or at the next receipt.
"""

import json
from typing import Any, Final

from gw._native.filehash import sha256
from gw.wire.json import dumps

GENESIS: Final = "0" * 64  # `prev` of the very first line


def pack(record: dict[str, Any]) -> bytes:
    """A record, of one field at least, as it waits for its place in the chain: a fifth of the object in memory."""
    return dumps(record)


def link(packed: bytes, seq: int, prev: str) -> tuple[bytes, str]:
    """The packed record as its line (with newline) and that line's hash."""
    line = b'{"seq":%d,"prev":"%s",%s' % (seq, prev.encode(), packed[1:])
    return line + b"\n", sha256(line).hexdigest()


def unlink(line: bytes) -> tuple[dict[str, Any], str]:
    """A line's record and hash. Raises ValueError when it is no record."""
    line = line.rstrip(b"\n")
    record = json.loads(line)
    fields = record if isinstance(record, dict) else {}
    if not isinstance(fields.get("seq"), int) or not isinstance(fields.get("prev"), str):
        raise ValueError("not a ledger line")
    return record, sha256(line).hexdigest()
