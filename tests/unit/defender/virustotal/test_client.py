"""What is asked and what answers mean, against the shapes the v3 API documents."""

import json

import pytest

from gw.defender.virustotal.client import MAX_ANSWER_BYTES, REASONS, Indicator, Report, read
from gw.errors import IntelError

DAY_MS = 86_400_000


def answer(date: int = 1_700_000_000, **stats: int) -> bytes:
    return json.dumps(
        {"data": {"id": "x", "type": "file", "attributes": {"last_analysis_stats": stats, "last_analysis_date": date}}}
    ).encode()


@pytest.mark.parametrize(
    "indicator, path",
    [
        (Indicator("url", "http://a.example/?q=1"), "/urls/aHR0cDovL2EuZXhhbXBsZS8_cT0x"),
        (Indicator("file", "ab" * 32), "/files/" + "ab" * 32),
    ],
)
def test_paths(indicator: Indicator, path: str) -> None:
    assert indicator.path == path


@pytest.mark.parametrize("value", ["", "ab", "AB" * 32, "../" + "a" * 61])
def test_only_hashes_are_looked_up_as_files(value: str) -> None:
    with pytest.raises(IntelError):
        _ = Indicator("file", value).path


@pytest.mark.parametrize(
    "status, body, expected",
    [
        (200, answer(malicious=3, suspicious=1, harmless=60, undetected=6), Report(True, 3, 1, 70, 1_700_000_000_000)),
        (200, answer(malicious=0, harmless=70), Report(True, 0, 0, 70, 1_700_000_000_000)),
        (200, answer(), Report(False)),
        (404, b'{"error": {"code": "NotFoundError"}}', Report(False)),
    ],
)
def test_answers(status: int, body: bytes, expected: Report) -> None:
    assert read(status, body) == expected


@pytest.mark.parametrize(
    "status, body, reason",
    [
        (401, b"", "key"),
        (403, b"", "key"),
        (429, b'{"error": {"code": "QuotaExceededError"}}', "quota"),
        (503, b"", "busy"),
        (301, b"", "answer"),
        (200, b"", "answer"),
        (200, b"[]", "answer"),
        (200, b'{"data": {"attributes": {}}}', "answer"),
        (200, answer(malicious=-1), "answer"),
        (200, answer(malicious="3"), "answer"),  # type: ignore[arg-type]  # what a broken proxy might send
        (200, b" " * (MAX_ANSWER_BYTES + 1), "answer"),
    ],
)
def test_everything_else_is_an_error_with_a_reason(status: int, body: bytes, reason: str) -> None:
    with pytest.raises(IntelError, match=f"^{reason}$"):
        read(status, body)
    assert reason in REASONS


def test_people_see_counts_and_age() -> None:
    report = Report(True, 2, 1, 66, 10 * DAY_MS)
    assert report.counts(13 * DAY_MS) == "2 malicious and 1 suspicious of 66 engines, scanned 3 days ago"
    assert Report(False).counts(0) == "unknown to VirusTotal"
