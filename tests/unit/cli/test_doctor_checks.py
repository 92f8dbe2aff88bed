"""Each check over facts made up for it, and above all: what is not enforcing is not called so."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.cli.doctor_checks import CHECKS, ERROR, OK, WARNING, Facts, active_gates, posture, run_checks, socket_path
from gw.config.settings import Address, build
from gw.model.problem import Problem
from gw.modes.beside.openclaw_config import State

NOW_MS = 1_700_000_000_000
PLUGIN = {"version": "0.1.0", "openclaw": "2026.9.6", "canary": True, "seenMs": NOW_MS}
SIDECAR = {
    "connected": True, "execAsksAlways": True, "version": "2026.9.6", "problem": "",
    "canaries": {"approvals": {"outcome": "bites", "ts": 1}},
}  # fmt: skip
GUARD = {"upstreamUp": True}
PROVED: dict[str, Any] = {"upstream_skew_ms": 5, "guard_probe": "bites"}
LOADED = State(True, "/usr/share/clawgate/plugin", None, "openclaw", True, False)
PROVED_GUARD = {"upstreamUp": True, "canaries": {"guard": {"outcome": "bites"}, "guard-http": {"outcome": "bites"}}}
OPEN_GUARD = {"upstreamUp": True, "canaries": {"guard": {"outcome": "bites"}, "guard-http": {"outcome": "open"}}}
COVERED = {"executions": 4, "unguarded": 0, "byTool": {}}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "plugin.sock"))
        (folder / "plugin.sock").chmod(0o660)
        yield folder


def facts(state: Path, values: dict[str, Any] | None = None, **more: Any) -> Facts:
    settings = build({"gateway.state": state, **(values or {})})
    known: dict[str, Any] = {
        "status": {"plugin": PLUGIN, "coverage": COVERED},
        "openclaw": LOADED,
        "policy_mode": "enforce",
        "openclaw_version": "OpenClaw 2026.9.6",
    }
    return Facts(settings=settings, now_ms=NOW_MS, **(known | more))


def found(facts: Facts, check: str) -> list[tuple[str, str]]:
    return [(result.level, result.text) for result in run_checks(facts) if result.check == check]


def test_a_good_set_up(state: Path) -> None:
    good = facts(state, status={"plugin": PLUGIN, "guard": GUARD, "coverage": COVERED}, **PROVED)
    assert {result.level for result in run_checks(good)} == {OK}
    assert posture(good) == "enforcing" and active_gates(good) == ["plugin", "guard"]


OLD = {**PLUGIN, "seenMs": NOW_MS - 200_000}
AWAY = {**SIDECAR, "connected": False, "problem": "refused"}
GAP = {"executions": 2, "unguarded": 1, "byTool": {"write": 1}}
OPEN = {"approvals": {"outcome": "open"}}


@pytest.mark.parametrize(
    "status, more, expected",
    [
        (None, {}, "open"),
        ({}, {}, "open"),
        ({"plugin": OLD}, {}, "open"),
        ({"plugin": {**PLUGIN, "canary": False}}, {}, "open"),
        ({"plugin": PLUGIN, "auditOnly": True}, {}, "open"),
        ({"plugin": PLUGIN}, {"policy_mode": "audit"}, "open"),
        ({"plugin": PLUGIN, "sidecar": {"canaries": {"plugin": {"outcome": "open"}}}}, {}, "open"),
        ({"sidecar": SIDECAR}, {}, "partly"),
        ({"sidecar": {**SIDECAR, "connected": False}}, {}, "open"),
        ({"sidecar": {**SIDECAR, "execAsksAlways": False}}, {}, "open"),
        ({"sidecar": {**SIDECAR, "canaries": OPEN}}, {}, "open"),
        ({"sidecar": {**SIDECAR, "canaries": {}}}, {}, "open"),
        ({"guard": GUARD}, {"guard_probe": "bites"}, "partly"),
        ({"guard": GUARD}, {}, "open"),
        ({"guard": PROVED_GUARD}, {}, "partly"),
        ({"guard": OPEN_GUARD}, {}, "open"),
        ({"guard": GUARD}, {"guard_probe": "open"}, "open"),
        ({"guard": {"upstreamUp": False}}, {}, "open"),
        ({"plugin": PLUGIN}, {}, "enforcing"),
        ({"plugin": PLUGIN, "sidecar": {**SIDECAR, "canaries": OPEN}}, {}, "enforcing"),
    ],
)
def test_what_may_be_called_enforcing(state: Path, status: Any, more: dict[str, Any], expected: str) -> None:
    assert posture(facts(state, status=status, **more)) == expected


@pytest.mark.parametrize(
    "check, values, more, level, words",
    [
        ("configuration", {}, {"problems": (Problem("p.yaml", 1, 1, "x", "broken"),)}, ERROR, "broken"),
        ("daemon", {}, {"status": None, "unreachable": "connection refused"}, ERROR, "connection refused"),
        ("daemon", {}, {"status": {"decisionsDropped": 3}}, ERROR, "3 decisions"),
        ("daemon", {}, {"status": {"textsDropped": 2}}, ERROR, "2 texts"),
        ("mode", {"policy.audit_only": True}, {}, ERROR, "audit only"),
        ("mode", {}, {"policy_mode": "audit"}, ERROR, "mode is audit"),
        ("mode", {}, {"status": {"policy": {"digest": "a"}}, "policy_digest": "b"}, WARNING, "another policy"),
        ("mode", {}, {"status": {"policy": {"digest": "a"}}, "policy_mode": None}, WARNING, "another policy"),
        ("mode", {}, {"status": {"policy": {"digest": "a"}}, "policy_digest": "a"}, OK, "is enforced"),
        ("ports", {"gateway.listen": Address("0.0.0.0", 1)}, {}, WARNING, "without TLS"),
        ("ports", {"gateway.listen": Address("0.0.0.0", 1), "gateway.tls_cert": Path("/c")}, {}, OK, "with TLS"),
        ("ports", {"auth.mode": "none"}, {}, WARNING, "no token"),
        ("clocks", {}, {"upstream_skew_ms": 120_000}, ERROR, "+120 s off"),
        ("clocks", {}, {"upstream_skew_ms": -7}, OK, "7 ms"),
        ("openclaw", {}, {"openclaw_version": "", "status": {}}, WARNING, "no OpenClaw"),
        ("openclaw", {}, {"openclaw_version": "OpenClaw 2030.1.1"}, WARNING, "not tried"),
        ("plugin", {}, {"openclaw": LOADED._replace(is_loaded=False)}, WARNING, "not loaded"),
        ("plugin", {}, {"openclaw": LOADED._replace(sees_prompts=False)}, ERROR, "keeps prompts"),
        ("plugin", {}, {"status": {}}, ERROR, "has not asked this daemon"),
        ("plugin", {}, {"status": {"plugin": OLD}}, ERROR, "silent"),
        ("plugin", {}, {"status": {"plugin": {**PLUGIN, "canary": False}}}, ERROR, "does not bite"),
        ("plugin", {}, {"status": {"plugin": {**PLUGIN, "version": "0.0.1"}}}, WARNING, "the plugin is 0.0.1"),
        ("sidecar", {}, {"status": {"sidecar": AWAY}}, ERROR, "refused"),
        ("sidecar", {}, {"status": {"sidecar": {**SIDECAR, "execAsksAlways": False}}}, WARNING, "only watch"),
        ("sidecar", {}, {"status": {"sidecar": {**SIDECAR, "canaries": OPEN}}}, ERROR, "does not bite"),
        ("guard", {}, {"status": {"guard": {"upstreamUp": False}}}, ERROR, "is away"),
        ("guard", {}, {"status": {"guard": GUARD}}, WARNING, "nobody proved it"),
        ("guard", {}, {"status": {"guard": PROVED_GUARD}}, OK, "its probe is refused"),
        ("guard", {}, {"status": {"guard": OPEN_GUARD}}, ERROR, "went through"),
        ("guard", {}, {"status": {"guard": GUARD}, "guard_probe": "open"}, ERROR, "went through"),
        ("guard", {}, {"status": {"guard": GUARD}, "guard_probe": "unreachable"}, ERROR, "nobody answers"),
        ("coverage", {}, {"status": {"coverage": GAP}}, ERROR, "write 1"),
        ("open", {}, {"status": {}}, ERROR, "shell commands"),
        ("open", {}, {"status": None}, ERROR, "no daemon answers"),
        ("socket", {}, {"openclaw": LOADED._replace(socket="/run/other.sock")}, ERROR, "/run/other.sock"),
    ],
)  # fmt: skip
def test_each_thing_that_can_be_wrong(
    state: Path, check: str, values: dict[str, Any], more: dict[str, Any], level: str, words: str
) -> None:
    results = found(facts(state, values, **more), check)
    assert any(found_level == level and words in text for found_level, text in results), results


def test_sockets_and_folders(state: Path, tmp_path: Path) -> None:
    (state / "plugin.sock").chmod(0o666)
    assert found(facts(state), "socket")[0][0] == ERROR
    assert found(facts(tmp_path / "absent"), "socket")[0][0] == WARNING
    assert found(facts(tmp_path / "absent"), "permissions")[0][0] == WARNING
    state.chmod(0o777)
    assert found(facts(state), "permissions")[0][0] == ERROR
    plain = tmp_path / "plain"
    plain.touch()
    assert found(facts(state, {"gateway.plugin_socket": plain}), "socket") == [(ERROR, f"{plain} is not a socket")]
    assert socket_path(build({"gateway.plugin_socket": plain})) == plain


def test_advice_is_for_the_daemon_that_was_asked(state: Path) -> None:
    fixes = {result.fix for result in run_checks(facts(state, status={}, same=" --state /s"))}
    assert "clawgate openclaw setup --state /s" in fixes
    assert not any(fix.endswith("setup") for fix in fixes)


def test_who_has_a_guard_is_not_told_to_start_one(state: Path) -> None:
    away = facts(state, status={"guard": {"upstreamUp": False, "upstream": "ws://g/"}})
    assert found(away, "guard") == [(ERROR, "ws://g/ is away: it does not answer")]
    assert not any("clawgate guard" in result.fix for result in run_checks(away))


def test_every_error_says_how_to_fix_it_or_why_not(state: Path) -> None:
    for check in CHECKS:
        for result in check(facts(state, status=None, problems=())):
            assert result.text and (result.fix or result.level != ERROR)
