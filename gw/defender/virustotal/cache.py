"""What VirusTotal said, remembered for a while, negative answers too.

Knows no clock or file: times come in, bytes go out. Invariant: never more than `size` entries, and never an answer
older than its kind's time to live.
"""

from collections import OrderedDict
from typing import Final

from gw.defender.virustotal.client import Indicator, Report
from gw.wire import json

VERSION: Final = 1
HOUR_MS: Final = 3_600_000
# Verdicts about malware rarely turn back; "unknown" can change with the first submission anywhere.
TTL_MS: Final = {"malicious": 24 * HOUR_MS, "clean": 6 * HOUR_MS, "unknown": HOUR_MS}
ENTRIES: Final = 10_000  # about 2 MB


def ttl_ms(report: Report) -> int:
    if not report.known:
        return TTL_MS["unknown"]
    return TTL_MS["malicious" if report.malicious or report.suspicious else "clean"]


class Cache:
    """Bounded, oldest use out first."""

    def __init__(self, size: int = ENTRIES) -> None:
        self._size = size
        self._entries: OrderedDict[Indicator, tuple[Report, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, indicator: Indicator, now_ms: int) -> Report | None:
        found = self._entries.get(indicator)
        if found is None:
            return None
        report, expires_ms = found
        if now_ms >= expires_ms:
            del self._entries[indicator]
            return None
        self._entries.move_to_end(indicator)
        return report

    def put(self, indicator: Indicator, report: Report, now_ms: int) -> None:
        self._entries[indicator] = (report, now_ms + ttl_ms(report))
        self._entries.move_to_end(indicator)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def dump(self) -> bytes:
        """Everything, oldest use first, so that loading keeps the order."""
        rows = [[*indicator, *report, expires_ms] for indicator, (report, expires_ms) in self._entries.items()]
        return json.dumps({"version": VERSION, "rows": rows})

    def load(self, data: bytes, now_ms: int) -> int:
        """Take over what is still fresh; returns how many. A damaged or newer file is not used: it is only a cache."""
        try:
            document = json.loads(data)
            rows = document["rows"] if document["version"] == VERSION else []
            for kind, value, known, malicious, suspicious, total, scanned_at_ms, expires_ms in rows:
                # A clock that was set back must not keep an answer alive for ever.
                if now_ms < expires_ms <= now_ms + max(TTL_MS.values()):
                    report = Report(bool(known), int(malicious), int(suspicious), int(total), int(scanned_at_ms))
                    self._entries[Indicator(str(kind), str(value))] = (report, int(expires_ms))
        except (ValueError, TypeError, KeyError):
            self._entries.clear()
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return len(self._entries)
