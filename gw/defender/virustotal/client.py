"""VirusTotal v3 as values: what to ask for an indicator, and what an answer means.

Knows no socket, clock or key. Invariant: an answer that is not understood is an IntelError, never "clean".

Source: docs.virustotal.com/reference, `GET /urls/{id}`, `GET /files/{hash}` and the error table of the v3 API.
"""

import base64
import re
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote

from gw.errors import IntelError
from gw.wire import json

MAX_ANSWER_BYTES: Final = 1024 * 1024  # a file report with 90 engines is about 50 KB
SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

# Outcomes of a look-up that are not an answer; the closed label set of the metric.
REASONS: Final = ("key", "quota", "busy", "timeout", "network", "answer", "open-circuit")


class Indicator(NamedTuple):
    kind: str  # url | file
    value: str  # the URL as seen, or the lower-case hex SHA-256

    @property
    def path(self) -> str:
        """The request path below the base URL; a URL's id is its unpadded base64url."""
        if self.kind == "url":
            return "/urls/" + base64.urlsafe_b64encode(self.value.encode("utf-8", "replace")).rstrip(b"=").decode()
        if not SHA256.fullmatch(self.value):
            raise IntelError("answer")
        return "/files/" + quote(self.value)


class Report(NamedTuple):
    """Counts of engines; all zero and `known=False` when VirusTotal has never seen the indicator."""

    known: bool
    malicious: int = 0
    suspicious: int = 0
    total: int = 0
    scanned_at_ms: int = 0  # 0: never

    def counts(self, now_ms: int) -> str:
        """Raw counts and the scan's age, for people: a bare label is what users complain about."""
        if not self.known:
            return "unknown to VirusTotal"
        age = f", scanned {max(0, now_ms - self.scanned_at_ms) // 86_400_000} days ago" if self.scanned_at_ms else ""
        return f"{self.malicious} malicious and {self.suspicious} suspicious of {self.total} engines{age}"


class Reputation(Protocol):
    def ask(self, indicator: Indicator, timeout_s: float) -> Report:
        """Raises IntelError with one of REASONS as its text."""


def read(status: int, body: bytes) -> Report:
    """Understand one answer. Raises IntelError with one of REASONS as its text."""
    if status == 404:
        return Report(known=False)
    if status in (401, 403):
        raise IntelError("key")
    if status == 429:
        raise IntelError("quota")
    if status >= 500:
        raise IntelError("busy")
    if status != 200 or len(body) > MAX_ANSWER_BYTES:
        raise IntelError("answer")
    try:
        attributes = json.loads(body)["data"]["attributes"]
        stats = attributes["last_analysis_stats"]
        counted = {str(name): _count(value) for name, value in stats.items()}
        scanned = _count(attributes.get("last_analysis_date", 0))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise IntelError("answer") from None
    total = sum(counted.values())
    # An entry without a single engine's word has been submitted but not scanned: as good as unknown.
    if not total:
        return Report(known=False)
    return Report(True, counted.get("malicious", 0), counted.get("suspicious", 0), total, scanned * 1000)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value
