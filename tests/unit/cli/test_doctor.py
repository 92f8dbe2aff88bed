"""What is printed, and the exit statuses; the checks are in test_doctor_checks.py."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gw.cli import doctor as module
from gw.cli.main import run
from gw.cli.rpc import RefusedError
from gw.cli.websocket import TurnedAwayError, UnreachableError
from gw.config.settings import build
from gw.errors import ConfigError, GwError
from gw.model.problem import Problem

PLUGIN = {"version": "0.1.0", "openclaw": "2026.9.6", "canary": True}


class Daemon:
    """Stands in for a client of the running gateway."""

    def __init__(self, block: dict[str, Any] | None) -> None:
        self.block = block

    def __enter__(self) -> "Daemon":
        if self.block is None:
            raise UnreachableError("no gateway at 127.0.0.1:1: Connection refused")
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def call(self, method: str) -> Any:
        return {"clawgate": self.block}


def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: dict[str, Any] | None, *flags: str) -> int:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(module, "open_client", lambda settings: Daemon(block))
    return run(["doctor", "--openclaw", str(tmp_path / "absent"), "--state", str(tmp_path), *flags])


def seen() -> dict[str, Any]:
    return {"plugin": {**PLUGIN, "seenMs": time.time_ns() // 1_000_000}}


def test_enforcing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(monkeypatch, tmp_path, seen()) == 0
    shown = capsys.readouterr().out
    assert "enforcing: whatever an agent does" in shown and "NOT" not in shown
    assert "to fix: clawgate guard" in shown


@pytest.mark.parametrize(
    "block, flags, status, word",
    [
        ({}, [], 1, "NOT enforcing: no gate"),
        (seen(), ["--audit-only"], 1, "NOT enforcing: no gate"),
        (None, [], 3, "Connection refused"),
        (seen(), ["--policy", "/nonexistent"], 2, "nonexistent"),
    ],
)
def test_everything_else_is_not(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    block: dict[str, Any] | None,
    flags: list[str],
    status: int,
    word: str,
) -> None:
    assert doctor(monkeypatch, tmp_path, block, *flags) == status
    assert word in capsys.readouterr().out


def test_a_fix_for_several_is_said_once_and_below_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor(monkeypatch, tmp_path, {}) == 1
    lines = capsys.readouterr().out.splitlines()
    (setup,) = [number for number, line in enumerate(lines) if "openclaw setup" in line]
    assert lines[setup].endswith(f"to fix: clawgate openclaw setup --state {tmp_path}")
    assert "tools called over HTTP" in lines[setup - 1] and "nodes" in lines[setup + 1]


def secret_problem(message: str, hint: str = "") -> ConfigError:
    return ConfigError([Problem("/s/token", 0, 0, "config.secret", message, hint=hint)])


@pytest.mark.parametrize(
    "error, text, fix",
    [
        (secret_problem("cannot read: No such file or directory", "x"), "/s/token", "systemctl start clawgate"),
        (secret_problem("cannot read: Permission denied"), "/s/token", "member of the group clawgate"),
        (secret_problem("open to others (mode 644)", "chmod 600 /s/token"), "open to others", "chmod 600 /s/token"),
        (TurnedAwayError("refuses: token mismatch"), "token mismatch", "give the --state or --token-file"),
        (UnreachableError("no gateway: refused"), "refused", "a guard: --listen 127.0.0.1:18791"),
        (RefusedError("status", {"message": "busy"}), "busy", "systemctl start clawgate"),
    ],
)
def test_why_nothing_was_said_and_what_to_do(error: GwError, text: str, fix: str) -> None:
    said = module.why_silent(error, build({"upstream.url": "ws://127.0.0.1:1"}))
    assert text in said[0] and fix in said[1]


def test_another_gateway_is_no_daemon_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Daemon, "call", lambda self, method: {"runtimeVersion": "2026.9.6"})
    assert doctor(monkeypatch, tmp_path, {}) == 3
    assert "what answers at 127.0.0.1:18789 is no clawgate" in capsys.readouterr().out


def test_a_channels_file_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("channels: {telegram: {dmPolicy: maybe}}")
    assert doctor(monkeypatch, tmp_path, seen(), "--channels", str(tmp_path / "c.yaml")) == 2
    assert "channels.telegram.dmPolicy" in capsys.readouterr().out


def test_for_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(monkeypatch, tmp_path, {}, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["posture"] == "open"
    assert {"check", "level", "text", "fix"} == set(said["results"][0])


@pytest.mark.parametrize("url", [None, "wss://h:1", "ws://h", "ws://127.0.0.1:1"])
def test_a_clock_that_cannot_be_read_is_no_finding(url: str | None) -> None:
    assert module.upstream_skew_ms(build({"upstream.url": url})) is None


def test_the_real_gateways_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead:
        def __init__(self, address: object, timeout_s: float) -> None:
            self.now_ms = time.time_ns() // 1_000_000

        def receive(self) -> bytes:
            return json.dumps({"payload": {"ts": self.now_ms + 60_000}}).encode()

        def close(self) -> None:
            pass

    monkeypatch.setattr(module, "WebSocket", Ahead)
    skew_ms = module.upstream_skew_ms(build({"upstream.url": "ws://[::1]:18789"}))
    assert skew_ms is not None and 50_000 < skew_ms <= 60_000


BLOCKED = RefusedError("node.invoke", {"message": "blocked", "details": {"code": "GUARD_BLOCKED"}})
UNKNOWN = RefusedError("node.invoke", {"message": "unknown node", "details": {"code": "NOT_CONNECTED"}})


@pytest.mark.parametrize(
    "answer, expected",
    [(BLOCKED, "bites"), (UNKNOWN, "open"), ({"ok": True}, "open"), (UnreachableError("refused"), "unreachable")],
)
def test_the_guarded_port_is_probed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any, expected: str
) -> None:
    class Guarded:
        def __init__(self, address: Any, token: str, **options: Any) -> None:
            assert (address.port, token) == (18790, "secret")

        def __enter__(self) -> "Guarded":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def call(self, method: str, params: dict[str, Any]) -> Any:
            assert method == "node.invoke" and params["params"]["command"][0].startswith("clawgate-canary-")
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(module, "GatewayClient", Guarded)
    settings = build({"gateway.state": tmp_path})
    assert module.probe_guard(settings) == ""
    token = tmp_path / "upstream-token"
    token.write_text("secret")
    token.chmod(0o600)
    assert module.probe_guard(settings) == expected
