"""What `clawgate serve` prints and how it ends; tests/e2e/test_serve.py has what it serves."""

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.serving import serving
from tests.support.waiting import until

POLICY = "version: 1\nkind: policy\nid: test.serve\ntitle: Nothing is judged here\nmode: enforce\n"


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return str(file)


def run(*arguments, seconds=30):
    command = [sys.executable, "-m", "gw", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_json_names_everything_a_client_needs_and_a_signal_ends_it_well(tmp_path, policy, with_signal):
    with serving(tmp_path / "run", "--policy", policy) as gateway:
        token_file = gateway.state / "token"
        assert gateway.token == token_file.read_text().strip()
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        assert gateway.url.startswith("ws://127.0.0.1:")
        with gateway.client("operator.read") as client:
            assert client.call("health")["ok"]
        assert gateway.stop(with_signal) == 0


def test_a_hangup_reloads(tmp_path, policy):
    with serving(tmp_path / "run", "--policy", policy) as gateway, gateway.client("operator.read") as client:
        Path(policy).write_text(POLICY.replace("test.serve", "test.reloaded"))
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: client.call("security.policy")["name"] == "test.reloaded", "the new policy")


def test_for_a_person_it_says_where_to_connect_and_where_the_token_is(tmp_path, policy):
    command = [sys.executable, "-m", "gw", "serve", "--listen", "127.0.0.1:0", "--state", str(tmp_path / "s")]
    with subprocess.Popen([*command, "--policy", policy], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        line = process.stdout.readline().decode()
        process.terminate()
        more = process.stdout.read().decode()
    assert line.startswith("clawgate listens on ws://127.0.0.1:")
    token = tmp_path / "s" / "token"
    assert str(token) in line
    assert f'--token "$(cat {token})"' in more and f"decisions --follow --state {tmp_path / 's'}" in more


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--policy", "/nonexistent/policy.yaml"), "no such file"),
        (("--listen", "nowhere"), "must be ADDRESS:PORT"),
        (("--listen", "0.0.0.0:0", "--auth", "none"), "loopback"),
        (("--tls-cert", "/nonexistent.pem"), "key"),
        (("--auth", "password"), "cannot read"),
    ],
)
def test_what_cannot_work_ends_with_status_2_and_says_why(tmp_path, policy, flags, words):
    ran = run("--state", str(tmp_path / "s"), *(() if "--policy" in flags else ("--policy", policy)), *flags)
    assert ran.returncode == 2, ran.stderr
    assert words in ran.stderr
    assert ran.stdout == ""


def test_without_authentication_no_token_file_is_named(tmp_path, policy):
    state = str(tmp_path / "s")
    command = [sys.executable, "-m", "gw", "serve", "--listen", "127.0.0.1:0", "--auth", "none", "--state", state]
    with subprocess.Popen([*command, "--policy", policy, "--json"], stdout=subprocess.PIPE) as process:
        said = json.loads(process.stdout.readline())
        process.terminate()
    assert said["tokenFile"] is None
    assert said["pid"] == process.pid
