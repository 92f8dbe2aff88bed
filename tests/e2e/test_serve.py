"""A real `clawgate serve` process: what is on its port, what it judges, how it ends, what it refuses to start with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.websocket import UnreachableError, WebSocket
from tests.support.serving import Serving, serving
from tests.support.waiting import until

KEY = "agent:main:main"
DANGEROUS = "rm -rf /"

DENY_PHRASE = """\
version: 1
kind: policy
id: test.policy
title: One phrase is not allowed
deny:
  - id: test.phrase
    title: The phrase
    severity: critical
    target: prompt
    pattern: 'open the pod bay doors'
    say: I am sorry, I cannot do that.
    instead: Ask for something else.
    hit: ['please open the pod bay doors']
    miss: ['please open the window']
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture
def phrase_policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(DENY_PHRASE)
    return file


def clawgate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gw", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


# --- plain HTTP on the port ---------------------------------------------------------------------------------------

PAGES = [
    ("/health", 200, b'"status":"live"'),
    ("/healthz", 200, b'"ok":true'),
    ("/ready", 200, b'"ready":true'),
    ("/readyz", 200, b'"failing":[]'),
    ("/metrics", 200, b"clawgate_connections_total"),
    ("/", 200, b"<title>clawgate</title>"),
    ("/nothing/here", 404, b"not_found"),
]


@pytest.mark.parametrize("path, status, content", PAGES)
def test_pages(gateway: Serving, path: str, status: int, content: bytes) -> None:
    answer = gateway.get(path)
    assert (answer[0], content in answer[2]) == (status, True)
    assert answer[1]["x-content-type-options"] == "nosniff"


def test_metrics_count_what_happens(gateway: Serving) -> None:
    def sample(name: str) -> float:
        page = gateway.get("/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name))

    counted = ("clawgate_frames_total", "clawgate_decisions_total", "clawgate_connections_total")
    before = [sample(name) for name in counted]
    with gateway.client() as client:
        client.call("health")
        client.call("chat.send", {"sessionKey": KEY, "message": "hello", "idempotencyKey": "counted"})
        assert sample("clawgate_connections ") >= 1
    assert all(sample(name) > value for name, value in zip(counted, before, strict=True))
    assert sample("clawgate_log_dropped_total") == 0


# --- the protocol, as a plain client sees it ----------------------------------------------------------------------


def test_every_advertised_method_without_params_answers_or_says_why(gateway: Serving) -> None:
    """No handler crashes: an error is a published code about the request, never a failure inside."""
    with gateway.client() as client:
        names = client.hello["features"]["methods"]
        assert len(names) > 50
        for name in names:
            try:
                client.call(name)
            except RefusedError as error:
                assert error.shape["code"] in ("INVALID_REQUEST", "UNAVAILABLE", "FORBIDDEN", "APPROVAL_NOT_FOUND"), (
                    name
                )
                assert "failed inside the gateway" not in error.shape["message"], name


def test_a_wrong_token_is_refused_with_a_reason(gateway: Serving) -> None:
    with pytest.raises(UnreachableError, match=" refuses: "), GatewayClient(gateway.address, "wrong"):
        pass


def test_one_broken_client_disturbs_nobody(gateway: Serving) -> None:
    with gateway.client() as client:
        for garbage in (b"\xff\xff\xff\xff", b"\x81\xfe\x00\x01", os.urandom(4096)):
            broken = WebSocket(gateway.address)
            broken.receive()
            broken.write(garbage)
            broken.close()
        assert client.call("health")["ok"] is True


def test_status_command_describes_it(gateway: Serving) -> None:
    listen = ("--listen", str(gateway.address), "--state", str(gateway.state))
    shown = clawgate("status", *listen)
    assert shown.returncode == 0, shown.stderr
    assert str(gateway.process.pid) in shown.stdout
    answer = json.loads(clawgate("status", *listen, "--json").stdout)
    assert answer["failing"] == [] and answer["clawgate"]["policy"]["digest"]


# --- judging ------------------------------------------------------------------------------------------------------


def test_a_dangerous_command_is_blocked_recorded_and_quarantined(gateway: Serving) -> None:
    with gateway.client() as client:
        verdict = client.call("security.evaluate", {"command": DANGEROUS})
        assert verdict["verdict"] == "block" and verdict["hits"]
    shown = clawgate("decisions", "--state", str(gateway.state), "--json")
    assert shown.returncode == 0, shown.stderr
    assert any(json.loads(line)["verdict"] == "block" for line in shown.stdout.splitlines())


def test_a_blocked_message_says_why_and_what_to_do(tmp_path: Path, phrase_policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(phrase_policy)) as gateway, gateway.client() as client:
        message = {"sessionKey": KEY, "message": "HAL, open the pod bay doors", "idempotencyKey": "k1"}
        with pytest.raises(RefusedError) as caught:
            client.call("chat.send", message)
        shape = caught.value.shape
        assert shape["code"] == "FORBIDDEN"
        assert shape["details"]["code"] == "GUARD_BLOCKED"
        assert shape["details"]["rules"] == ["test.phrase"]
        assert shape["details"]["instead"] == "Ask for something else."
        event = client.wait_for("security.decision")
        assert event["decisionId"] == shape["details"]["decisionId"]
        held = client.call("security.quarantine.list")["entries"]
        assert [entry["id"] for entry in held] and "pod bay" not in gateway.log.read_text()
        modes = {path.stat().st_mode & 0o777 for path in (gateway.state / "quarantine").rglob("*") if path.is_file()}
        assert modes == {0o600}
        assert client.call("chat.history", {"sessionKey": KEY})["messages"] == []


def test_audit_only_lets_it_pass_and_keeps_the_verdict(tmp_path: Path, phrase_policy: Path) -> None:
    with (
        serving(tmp_path / "gw", "--policy", str(phrase_policy), "--audit-only") as gateway,
        gateway.client() as client,
    ):
        message = {"sessionKey": KEY, "message": "open the pod bay doors", "idempotencyKey": "k1"}
        assert client.call("chat.send", message)["runId"] == "k1"
        event = client.wait_for("security.decision")
        assert (event["verdict"], event["enforced"]) == ("block", "allow")


# --- a life: reload, stop, start again ----------------------------------------------------------------------------


def test_a_chat_is_kept_over_a_restart(tmp_path: Path) -> None:
    def roles(client: GatewayClient) -> list[str]:
        return [row["role"] for row in client.call("chat.history", {"sessionKey": KEY})["messages"]]

    def is_reached(client: GatewayClient, count: int) -> bool:
        return len(roles(client)) == count

    expected: list[str] = []
    for stop_with in (signal.SIGTERM, signal.SIGKILL):
        expected += ["user", "assistant"]
        with serving(tmp_path) as gateway:
            with gateway.client() as client:
                message = {"sessionKey": KEY, "message": "hello", "idempotencyKey": stop_with.name}
                client.call("chat.send", message)
                until(partial(is_reached, client, len(expected)))
                client.call("sessions.patch", {"key": KEY, "label": stop_with.name})  # on disk, so what was before is
            gateway.stop(stop_with)
    with serving(tmp_path) as gateway, gateway.client() as client:
        assert roles(client) == expected
        assert gateway.stop() == 0


def test_clients_are_told_when_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        socket = WebSocket(gateway.address)
        socket.receive()
        with gateway.client() as client:
            assert gateway.stop() == 0
            assert client.wait_for("shutdown")
        with pytest.raises(UnreachableError):
            socket.receive()
        assert socket.closed_with is not None and socket.closed_with[0] in (1001, 1012)


def test_reload_takes_a_new_policy_and_keeps_the_last_good_one(tmp_path: Path, phrase_policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(phrase_policy)) as gateway, gateway.client() as client:

        def verdict() -> str:
            return str(client.call("security.evaluate", {"prompt": "open the pod bay doors"})["verdict"])

        assert verdict() == "block"
        phrase_policy.write_text("version: 1\nkind: policy\nid: [broken\n")
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: "reload.failed" in gateway.log.read_text())
        assert verdict() == "block"
        phrase_policy.write_text(DENY_PHRASE.replace("open the pod bay doors", "sing daisy bell"))
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: verdict() == "allow")


def test_the_token_is_generated_once_and_only_for_us(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        with serving(tmp_path) as gateway:
            tokens.add(gateway.token)
            assert (gateway.state / "token").stat().st_mode & 0o777 == 0o600
            assert gateway.token not in gateway.log.read_text()
    assert len(tokens) == 1


# --- what it refuses to start with --------------------------------------------------------------------------------

BROKEN = [
    ("log: {level: loud}\nnope: 1\n", (), 2, ["c.yaml:1:", "c.yaml:2:"]),
    ("auth: {mode: none}\n", ("--listen", "0.0.0.0:0"), 2, ["loopback"]),
    ("", ("--policy", "/nonexistent/policy.yaml"), 2, ["/nonexistent/policy.yaml"]),
    ("", ("--control-ui", "/nonexistent"), 2, ["dist/control-ui"]),
    ("", ("--listen", "203.0.113.1:1"), 2, ["listen"]),
]


@pytest.mark.parametrize("config, flags, status, words", BROKEN, ids=["config", "exposed", "policy", "ui", "address"])
def test_broken_settings_are_status_2_with_every_problem(
    tmp_path: Path, config: str, flags: tuple[str, ...], status: int, words: list[str]
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(config)
    state = ("--state", str(tmp_path / "state"))
    ran = clawgate("serve", "--config", str(file), "--listen", "127.0.0.1:0", *state, *flags)
    assert ran.returncode == status, ran.stderr
    for word in words:
        assert word in ran.stderr
    assert "Traceback" not in ran.stderr and ran.stdout == ""
