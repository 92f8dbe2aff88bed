"""`clawgate status`: what it prints, and its exit statuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from gw.cli import status as module
from gw.cli.main import run
from gw.cli.rpc import GatewayClient

STATUS = {
    "pid": 77,
    "uptimeMs": 65_000,
    "failing": [],
    "sessions": {"count": 3},
    "processMemory": {"rssBytes": 50 * 1024**2},
    "clawgate": {
        "policy": {"name": "default", "generation": 1, "digest": "abcdef0123456789"},
        "auditOnly": True,
        "decisions": 6,
        "decisionsDropped": 1,
        "connections": 2,
    },
}


class Fake:
    def __init__(self, address: Any, secret: str | None, **options: Any) -> None:
        self.hello = {"server": {"version": "0.1.0"}}
        Fake.secret = secret
        Fake.options = options

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def call(self, method: str) -> Any:
        assert method == "status"
        return STATUS


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "GatewayClient", Fake)
    (tmp_path / "token").write_text("hunter2\n")
    (tmp_path / "token").chmod(0o600)
    return tmp_path


def test_status_for_people(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--state", str(state), "--listen", "127.0.0.1:7"]) == 0
    shown = capsys.readouterr().out
    policy = "default, digest abcdef012345, audit only: nothing is enforced"
    for words in ("127.0.0.1:7", "0.1.0", "0:01:05", policy, "6, 1 not written", "50 MiB"):
        assert words in shown
    assert Fake.secret == "hunter2" and "hunter2" not in shown


def test_status_for_programs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--state", str(state), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clawgate"]["connections"] == 2


def test_a_failing_component_is_shown_and_is_status_1(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATUS, "failing", ["store"])
    assert run(["status", "--state", str(state)]) == 1
    assert "error: store" in capsys.readouterr().out


def test_mode_none_needs_no_secret(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("auth: {mode: none}\n")
    assert run(["status", "--config", str(config)]) == 0
    assert Fake.secret is None


def test_an_older_gateway_without_our_block_is_still_described() -> None:
    pairs = dict(module.describe("a:1", "1", {"pid": 1}))
    assert (pairs["decisions"], pairs["policy"]) == ("0", "?, digest ?")


def test_no_gateway_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert module.GatewayClient is GatewayClient
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o600)
    assert run(["status", "--state", str(tmp_path), "--listen", "127.0.0.1:1"]) == 3
    assert "no gateway at 127.0.0.1:1" in capsys.readouterr().err


def test_what_stands_beside_a_real_gateway() -> None:
    coverage = {"executions": 5, "unguarded": 2, "byTool": {"write": 2}, "last": None}
    plugin = {"version": "0.1.0", "openclaw": "2026.9.6", "canary": False, "seenMs": 1}
    probes = {"approvals": {"outcome": "open", "ts": 1}, "plugin": {"outcome": "bites", "ts": 1}}
    sidecar = {"connected": True, "version": "2026.9.6", "sessions": 3, "canaries": probes, "problem": ""}
    shown = dict(enumerate(module.beside({"plugin": plugin, "sidecar": sidecar, "coverage": coverage})))
    text = "\n".join(f"{name} {value}" for name, value in shown.values())
    for words in ("0.1.0 in OpenClaw 2026.9.6", "probe was not refused", "gate approvals does not bite", "3 sessions"):
        assert words in text
    assert "2 of 5 executions without a decision that let them happen: write 2" in text
    away = module.beside({"sidecar": {**sidecar, "connected": False, "problem": "connection refused", "canaries": {}}})
    assert away == [("sidecar", "not connected: connection refused")]
    assert module.beside({"coverage": {**coverage, "unguarded": 0}}) == [
        ("coverage", "5 executions, each with a decision")
    ]


def test_the_guard_is_shown_with_what_its_probes_found() -> None:
    probes = {"guard": {"outcome": "bites"}, "guard-http": {"outcome": "open"}}
    guard = {"upstream": "ws://g/", "upstreamUp": True, "connections": 2, "waiting": 1, "canaries": probes}
    assert module.beside({"guard": guard}) == [
        ("guard", "in front of ws://g/, 2 connections, 1 waiting"),
        ("", "gate guard-http does not bite: see `clawgate doctor`"),
    ]
    away = module.beside({"guard": {**guard, "upstreamUp": False, "canaries": {}}})
    assert away == [("guard", "ws://g/ is away")]
    assert module.beside({"plugin": None, "coverage": None}) == []


def test_an_alarm_is_red_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.alarm("x") == "x"
    monkeypatch.setattr(module, "is_for_person", lambda: True)
    assert "\x1b[31m" in module.alarm("x")
