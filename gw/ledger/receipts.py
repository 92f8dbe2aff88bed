"""Receipts in the decision log: an Ed25519 signature over the chain so far, and the check of a whole log offline.

Knows no decision. Invariant: whoever has only the public key can tell whether any line up to the last receipt was
changed, removed, moved or added.
"""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gw._native.filehash import sha256
from gw.errors import StoreError
from gw.ledger import chain
from gw.ledger.decisions import files_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE: Final = "receipts.key"
PUBLIC_FILE: Final = "receipts.pub"
MAX_PROBLEMS: Final = 100


class Signer:
    """Signs with the key in *folder*; it is read, or made (mode 600), when the first receipt is due."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key: Ed25519PrivateKey | None = None
        self.key_id = ""

    def receipt(self, seq: int, prev: str) -> dict[str, Any]:
        """The record that confirms everything before line *seq*, whose hash is *prev*. Raises StoreError."""
        if self._key is None:
            self._key = _open_key(self._folder)
            self.key_id = sha256(self._key.public_key().public_bytes_raw()).hexdigest()[:16]
        signature = base64.b64encode(self._key.sign(_message(seq, prev))).decode()
        return {"receipt": {"key": self.key_id, "sig": signature}}


def _open_key(folder: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = folder / KEY_FILE
    try:
        if path.exists():
            return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes()))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key.private_bytes_raw()) + b"\n")
        (folder / PUBLIC_FILE).write_bytes(base64.b64encode(key.public_key().public_bytes_raw()) + b"\n")
        return key
    except (OSError, ValueError) as error:
        raise StoreError(f"the key for receipts, {path}, cannot be used: {error}") from error


@dataclass(slots=True)
class Report:
    """What a check found; `confirmed` is the seq of the last line a good receipt covers."""

    lines: int = 0
    records: int = 0
    receipts: int = 0
    first: int = 0
    last: int = 0
    confirmed: int = 0
    head: str = chain.GENESIS
    problems: list[str] = field(default_factory=list)

    def say(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def verify(folder: Path, public: bytes | None) -> Report:
    """Read every line of the log in *folder*. Without a public key receipts are counted, not checked."""
    report = Report()
    for place, line in _lines(folder):
        report.lines += 1
        try:
            record, digest = chain.unlink(line)
        except ValueError:
            report.say(f"{place}: not a line of this log")
            continue
        _follow(report, place, record)
        if "receipt" in record:
            _check_receipt(report, place, record, public)
        else:
            report.records += 1
        report.last, report.head = record["seq"], digest
    return report


def _follow(report: Report, place: str, record: dict[str, Any]) -> None:
    seq = record["seq"]
    if report.last == 0:
        report.first = seq
        if seq == 1 and record["prev"] != chain.GENESIS:
            report.say(f"{place}: the first line names a line before it")
        return
    if seq != report.last + 1:
        report.say(f"{place}: seq {seq} follows {report.last}")
    if record["prev"] != report.head:
        report.say(f"{place}: the line before seq {seq} is not the one it names")


def _check_receipt(report: Report, place: str, record: dict[str, Any], public: bytes | None) -> None:
    report.receipts += 1
    if public is None:
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = base64.b64decode(record["receipt"]["sig"], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _message(record["seq"], record["prev"]))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        report.say(f"{place}: the receipt at seq {record['seq']} is not by this key")
    else:
        report.confirmed = record["seq"]


def _lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in files_of(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield f"{path.name}:{number}", line


def _message(seq: int, prev: str) -> bytes:
    return f"clawgate receipt {seq} {prev}".encode()
