"""The text format of the JSON backend: JSON lines, grouped in transactions that end in a checksum.

Knows bytes only, no files. A line is one JSON array: `["put","entry","<key>",{...}]`, `["drop",...]`,
`["append","<transcript>",<offset>,{...}]`, `["archive",...]`, and `["commit",<crc32>]` over the lines since the last
commit. Invariant: what follows the last good commit is a torn tail and counts for nothing; anything unreadable before
it is damage and is reported.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple

import ujson

from gw.ports import Json
from gw.session.store import FORMAT_VERSION, TABLES, Archive, Drop, Put

FORMAT: Final = "clawgate-state"
_COMMIT: Final = b'["commit",'
_PUT: Final = b'["put","'
_KEY: Final = len(_PUT)
_TABLE_NAMES: Final = {table.encode(): table for table in TABLES}


class DamageError(Exception):
    """A file is not what it should be."""


class NewerError(Exception):
    """A file is whole, but in a format that only a later version of clawgate knows."""

    def __init__(self, version: int) -> None:
        super().__init__(f"format version {version} is newer than {FORMAT_VERSION}")
        self.version = version


class Placed(NamedTuple):
    """A transcript line with the place in its file where it belongs, so that replaying it twice changes nothing."""

    transcript: str
    offset: int
    line: bytes


Record = Put | Drop | Archive | Placed


class LogRead(NamedTuple):
    header: dict[str, Json] | None  # None: no first line that we can read
    records: list[Record]
    good_bytes: int  # up to and including the last good commit
    commits: int
    problem: str | None = None  # damage: something unreadable that is not a torn tail


def encode_header(kind: str, generation: int) -> bytes:
    return dump({"format": FORMAT, "version": FORMAT_VERSION, "kind": kind, "generation": generation}) + b"\n"


def encode(record: Record) -> bytes:
    if isinstance(record, Put):
        return b'["put","%b",%b,%b]\n' % (record.table.encode(), dump(record.key), record.value)
    if isinstance(record, Drop):
        return b'["drop","%b",%b]\n' % (record.table.encode(), dump(record.key))
    if isinstance(record, Placed):
        return b'["append","%b",%d,%b]\n' % (record.transcript.encode(), record.offset, record.line)
    return b'["archive","%b","%b"]\n' % (record.transcript.encode(), record.target.encode())


def encode_commit(block: bytes | int) -> bytes:
    """Close a transaction; `block` is its bytes, or their CRC-32 when they were too many to hold."""
    return b'["commit",%d]\n' % (block if isinstance(block, int) else zlib.crc32(block))


def transaction(records: Iterable[Record]) -> bytes:
    block = b"".join(map(encode, records))
    return block + encode_commit(block)


def read(data: bytes) -> LogRead:
    """Read a log. A file that is no log comes back without a header and with the problem named.

    Raises NewerError.
    """
    end = data.find(b"\n")
    try:
        header = read_header(data[: max(0, end)])
    except DamageError as damage:
        return LogRead(None, [], 0, 0, str(damage))
    records: list[Record] = []
    whole = 0  # records of finished transactions
    start = at = end + 1
    commits = 0
    # Line by line, not split at once: a line's memory serves the next one too, which halves what 100,000 leave behind.
    while (end := data.find(b"\n", at)) >= 0:  # what stands behind the last line end is torn
        line = data[at:end]
        if line.startswith(_COMMIT) and _closes(line, zlib.crc32(memoryview(data)[start:at])):
            whole = len(records)
            commits += 1
            start = end + 1
        elif line:
            record = _record(line)
            if record is None:
                break
            records.append(record)
        at = end + 1
    del records[whole:]
    damaged = _COMMIT in data[start:] and _has_commit_line(data, start)
    problem = f"unreadable at byte {start}, with later transactions behind it" if damaged else None
    return LogRead(header, records, start, commits, problem)


def read_snapshot(file: BinaryIO) -> Iterator[tuple[Put, bytes]]:
    """Yield the puts of a snapshot and their lines, after its header line, without holding the file in memory.

    Raises DamageError when it is not one whole transaction; what was yielded counts for nothing then.
    """
    crc = 0
    for line in file:
        if line.startswith(_COMMIT):
            if line.endswith(b"\n") and _closes(line[:-1], crc) and not file.read(1):
                return
            break
        record = _record(line[:-1])
        if not isinstance(record, Put):
            break
        crc = zlib.crc32(line, crc)
        yield record, line
    raise DamageError("not a whole snapshot")


def read_header(line: bytes) -> dict[str, Json]:
    """Raises DamageError unless this is the first line of a file of ours, NewerError when it is not in our time."""
    header = _header(line)
    if header is None:
        raise DamageError("the first line is no state header" if line else "the file is empty")
    version = header.get("version")
    if not isinstance(version, int) or version < 1:
        raise DamageError(f"{str(version)[:20]} is no format version")
    if version > FORMAT_VERSION:
        raise NewerError(version)
    return header


def _has_commit_line(data: bytes, start: int) -> bool:
    """A complete commit line after the last good one means damage; a torn tail has none."""
    at = data.find(b"\n" + _COMMIT, max(0, start - 1))
    return at >= 0 and data.find(b"\n", at + 1) >= 0


def _header(line: bytes) -> dict[str, Json] | None:
    try:
        header = ujson.loads(line)
    except ValueError:
        return None
    return header if isinstance(header, dict) and header.get("format") == FORMAT else None


def _closes(line: bytes, crc: int) -> bool:
    return line == b'["commit",%d]' % crc


def _record(line: bytes) -> Record | None:
    """Parse one line. Puts, nearly all of a snapshot, are cut by position: values stay bytes."""
    try:
        if line.startswith(_PUT) and line.endswith(b"]"):
            end = line.index(b'",', _KEY)
            start = end + 3
            end = line.index(b'",', start)
            key = line[start:end]
            if b"\\" not in key:
                return Put(_TABLE_NAMES[line[_KEY : start - 3]], key.decode(), line[end + 2 : -1])
        return _decoded(line)
    except (ValueError, LookupError):
        return None


def _decoded(line: bytes) -> Record | None:
    match ujson.loads(line):
        case ["put", str(table), str(key), _]:
            return Put(table, key, _value_of(line))
        case ["drop", str(table), str(key)]:
            return Drop(table, key)
        case ["append", str(name), int(offset), _]:
            return Placed(name, offset, line[1:-1].split(b",", 3)[3])
        case ["archive", str(name), str(target)]:
            return Archive(name, target)
    return None


def _value_of(line: bytes) -> bytes:
    """Cut the value out of a put whose key has escapes: it starts behind the key's closing quote."""
    at = line.index(b'",', len(_PUT)) + 3
    while line[at] != ord('"'):
        at += 2 if line[at] == ord("\\") else 1
    return line[at + 2 : -1]


def dump(value: Json) -> bytes:
    """Encode compactly; control characters and lone surrogates come out escaped, so a line stays one line."""
    return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False).encode("utf-8", "replace")
