"""The look-up as the gateway builds it, against a local server that answers like VirusTotal: well, badly, late, not."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gw.config.settings import Gateway, Intel, Settings
from gw.defender.virustotal.client import Indicator, Report
from gw.errors import IntelError
from gw.hub import SystemClock
from gw.modes.reputation import build_reputation, file_digest, save_cache
from gw.observe.metrics import Metrics

STATS = {"malicious": 7, "suspicious": 1, "harmless": 60, "undetected": 2}
ANSWER = {"data": {"type": "url", "attributes": {"last_analysis_stats": STATS, "last_analysis_date": 1_700_000_000}}}


class VirusTotal(BaseHTTPRequestHandler):
    mood = "well"
    asked = 0

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        VirusTotal.asked += 1
        if self.headers["x-apikey"] != "the-key":
            return self.answer(401, {"error": {"code": "WrongCredentialsError"}})
        if VirusTotal.mood == "slow":
            time.sleep(5)
        if VirusTotal.mood == "gone":
            return self.answer(404, {"error": {"code": "NotFoundError"}})
        if VirusTotal.mood == "quota":
            return self.answer(429, {"error": {"code": "QuotaExceededError"}})
        if VirusTotal.mood == "broken":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            return None
        return self.answer(200, ANSWER)

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), VirusTotal)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    VirusTotal.mood, VirusTotal.asked = "well", 0
    key = tmp_path / "key"
    key.write_text("the-key\n")
    key.chmod(0o600)
    (tmp_path / "state").mkdir()
    yield Settings()._replace(
        gateway=Gateway(state=tmp_path / "state"),
        intel=Intel(virustotal_key_file=key, virustotal_url=f"http://127.0.0.1:{server.server_address[1]}/api/v3"),
    )
    server.shutdown()
    server.server_close()
    thread.join()


URL = Indicator("url", "http://bad.example/")


def test_without_a_key_nothing_is_built() -> None:
    assert build_reputation(Settings(), SystemClock(), Metrics()) is None
    save_cache(None, Settings())


def test_an_answer_is_counted_cached_and_kept_over_a_restart(settings: Settings) -> None:
    lookup = build_reputation(settings, SystemClock(), Metrics())
    assert lookup is not None
    expected = Report(True, 7, 1, 70, 1_700_000_000_000)
    assert lookup.ask(URL, 10) == expected
    save_cache(lookup, settings)
    again = build_reputation(settings, SystemClock(), Metrics())
    assert again is not None
    assert again.ask(URL, 10) == expected
    assert VirusTotal.asked == 1


@pytest.mark.parametrize(
    "mood, timeout_s, reason",
    [("slow", 0.2, "timeout"), ("quota", 10, "quota"), ("broken", 10, "network")],
)
def test_bad_days(settings: Settings, mood: str, timeout_s: float, reason: str) -> None:
    VirusTotal.mood = mood
    lookup = build_reputation(settings, SystemClock(), Metrics())
    assert lookup is not None
    with pytest.raises(IntelError, match=reason):
        lookup.ask(URL, timeout_s)


def test_unknown_is_not_an_error(settings: Settings) -> None:
    VirusTotal.mood = "gone"
    lookup = build_reputation(settings, SystemClock(), Metrics())
    assert lookup is not None
    assert lookup.ask(URL, 10) == Report(False)


def test_a_wrong_key_is_told_from_an_outage(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("another")
    lookup = build_reputation(settings, SystemClock(), Metrics())
    assert lookup is not None
    with pytest.raises(IntelError, match="key"):
        lookup.ask(URL, 10)


def test_files_are_hashed_and_other_things_are_not(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(b"program")
    assert file_digest(str(tmp_path / "tool")) == hashlib.sha256(b"program").hexdigest()
    assert file_digest(str(tmp_path)) is None
    assert file_digest(str(tmp_path / "missing")) is None
    assert file_digest("/dev/null") is None
