"""The decision log: one JSON line per decision, chained, appended in order, synced before a block is answered.

Knows nothing of policies or the wire. Invariant: lines are in order of `seq` without gaps, a durable record is on disk
when `append` returns, and a record that could not be written is counted, never half-written.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from gw.errors import GwError, StoreError
from gw.ledger import chain
from gw.ledger.files import FILE_MODE, append, make_folder, sync_folder
from gw.ports import Offload

logger = logging.getLogger(__name__)

CURRENT: Final = "decisions.jsonl"
MAX_BATCH: Final = 250  # records that wait to be written together; large ones are kilobytes each
MAX_PENDING: Final = 2000  # records kept while the disk refuses them
RECEIPT_EVERY: Final = 64  # records
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
READ_BYTES: Final = 1024 * 1024


class DecisionLog:
    """One per process; `offload` must have exactly one worker, which is what keeps batches in order.

    `sign(seq, prev)` makes the record of a receipt; one is written after the first batch, then every RECEIPT_EVERY
    records and when the log is closed.
    """

    def __init__(
        self,
        folder: Path,
        offload: Offload,
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        sign: Callable[[int, str], dict[str, Any]] | None = None,
    ) -> None:
        self.folder = folder
        self.dropped = 0  # records lost to a full or failing disk
        self.written = 0
        self._offload = offload
        self._max_file_bytes = max_file_bytes
        self._sign = sign
        self._unsigned = RECEIPT_EVERY  # so that the first batch gets one
        self._pending: list[tuple[bool, bytes]] = []  # durable, packed record
        self._descriptor = -1
        self._size = 0
        self._seq = 0
        self._prev = chain.GENESIS

    def open(self) -> None:
        """Find the end of the chain; a line torn by a crash is cut off. Raises OSError."""
        make_folder(self.folder)
        path = self.folder / CURRENT
        self._seq, self._prev = _end_of(self.folder)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = _cut_torn_line(self._descriptor)
        sync_folder(self.folder)

    def append(self, record: dict[str, Any], *, durable: bool) -> bool:
        """Add a record; with *durable* return only when it and all before it are on disk. False: the disk refused."""
        self._pending.append((durable, chain.pack(record)))
        if durable or len(self._pending) >= MAX_BATCH:
            return self.flush()
        return True

    def flush(self) -> bool:
        """Write what waits. False: the disk refused; durable records keep waiting, others are dropped and counted."""
        if not self._pending:
            return True
        batch, self._pending = self._pending, []
        try:
            self._offload.run(self._write, batch)
        except (OSError, GwError) as error:
            kept = [entry for entry in batch if entry[0]][-MAX_PENDING:]
            self._pending[:0] = kept
            self.dropped += len(batch) - len(kept)
            logger.error("ledger.write_failed", extra={"error": type(error).__name__, "waiting": len(self._pending)})
            return False
        self.written += len(batch)
        if self._unsigned == 0:
            # Kept elsewhere, the journal anchors the log: `clawgate decisions verify --head`.
            logger.info("ledger.receipt", extra={"seq": self._seq, "head": self._prev})
        return True

    def close(self) -> None:
        self.flush()
        if self._descriptor < 0:
            return
        if self._unsigned:
            self._unsigned = RECEIPT_EVERY
            with contextlib.suppress(OSError, GwError):  # a full disk: the next start begins with a receipt
                self._offload.run(self._write, [])
        os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, batch: list[tuple[bool, bytes]]) -> None:
        """Runs on the pool's one worker, so it alone touches the file and the chain."""
        seq, prev = self._seq, self._prev
        lines = []
        for _, packed in batch:
            seq += 1
            line, prev = chain.link(packed, seq, prev)
            lines.append(line)
        unsigned = self._unsigned + len(batch)
        if self._sign is not None and unsigned >= RECEIPT_EVERY:
            try:
                line, prev = chain.link(chain.pack(self._sign(seq + 1, prev)), seq + 1, prev)
            except StoreError as error:  # recording goes on; `decisions verify` shows what is unconfirmed
                logger.error("ledger.unsigned", extra={"problem": str(error)})
            else:
                lines.append(line)
                seq, unsigned = seq + 1, 0
        self._size = append(self._descriptor, b"".join(lines), self._size)
        self._seq, self._prev, self._unsigned = seq, prev, unsigned
        if self._size >= self._max_file_bytes:
            self._rotate()

    def _rotate(self) -> None:
        path = self.folder / CURRENT
        path.rename(self.folder / f"decisions-{self._seq:012d}.jsonl")
        os.close(self._descriptor)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = 0
        sync_folder(self.folder)


def files_of(folder: Path) -> list[Path]:
    """The log's files, oldest first; the name of a finished one ends in its last seq."""
    current = folder / CURRENT
    return [*sorted(folder.glob("decisions-*.jsonl")), *([current] if current.exists() else [])]


def _end_of(folder: Path) -> tuple[int, str]:
    """seq and hash of the last whole line, (0, genesis) for a new log."""
    for path in reversed(files_of(folder)):
        for line in read_backwards(path):
            try:
                record, digest = chain.unlink(line)
            except ValueError:
                continue  # torn
            return int(record["seq"]), digest
    return 0, chain.GENESIS


def _cut_torn_line(descriptor: int) -> int:
    """Truncate a file to its last newline; returns its size."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - READ_BYTES)
        block = os.pread(descriptor, end - start, start)
        at = block.rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)
        logger.warning("ledger.torn_line", extra={"log": CURRENT, "bytes": size - end})
    return end


def read_backwards(path: Path) -> Iterator[bytes]:
    """Whole lines of a file, last first, reading it in blocks from its end."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        rest = b""
        while end > 0:
            start = max(0, end - READ_BYTES)
            file.seek(start)
            lines = (file.read(end - start) + rest).split(b"\n")
            rest = lines[0]
            yield from (line for line in reversed(lines[1:]) if line)
            end = start
        if rest:
            yield rest


def read_latest(folder: Path, limit: int) -> Iterator[dict[str, Any]]:
    """Up to *limit* records, newest first."""
    found = 0
    for path in reversed(files_of(folder)):
        for line in read_backwards(path):
            if found >= limit:
                return
            try:
                record, _ = chain.unlink(line)
            except ValueError:
                continue
            if "id" in record:
                found += 1
                yield record
