"""Tampering with a protected file weighs on every action until accepted, also when it happened while nobody ran."""

import json
import socket
import time
from pathlib import Path

import pytest

from gw.cli.main import run
from tests.support.serving import serving
from tests.support.waiting import until

POLICY = """
version: 1
kind: policy
id: test
include: [clawgate.default]
host:
  watch:
    - {id: host.test, title: A test file was changed, paths: ['%s/**'], on_change: {points: 55}}
"""


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.protected = root / "protected"
        self.protected.mkdir()
        (self.protected / "program").write_text("as installed")
        (root / "policy.yaml").write_text(POLICY % self.protected)
        self.config = f"integrity: {{key_file: {root}/keys/integrity.key}}\npolicy: {{path: {root}/policy.yaml}}\n"
        (root / "cli.yaml").write_text(self.config)

    def integrity(self, state: Path, *words: str) -> int:
        return run(["integrity", *words, "--config", str(self.root / "cli.yaml"), "--state", str(state)])


def verdict(state: Path) -> str:
    frame = {"tool": "exec", "arguments": {"command": "git status"}}
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(state / "plugin.sock"))
        client.sendall(json.dumps({"type": "req", "id": "1", "method": "hook.tool", "params": frame}).encode() + b"\n")
        answer = json.loads(client.makefile("rb").readline())
    enforced: str = answer["payload"]["enforced"]
    return enforced


def wait_for(state: Path, expected: str) -> None:
    until(lambda: verdict(state) == expected, f"the verdict {expected}")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_from_baseline_to_acceptance(host: Host, tmp_path: Path) -> None:
    program = host.protected / "program"
    with serving(tmp_path / "run", config=host.config) as gateway:
        state = gateway.state
        assert verdict(state) == "allow"
        assert host.integrity(state, "init") == 0
        wait_for(state, "allow")
        program.write_text("tampered with")
        wait_for(state, "block")
        program.write_text("as installed")
        time.sleep(1)
        assert [verdict(state) for _ in range(10)] == ["block"] * 10
        assert host.integrity(state, "status") == 1
        assert host.integrity(state, "accept", str(program)) == 0
        wait_for(state, "allow")
        assert host.integrity(state, "status") == 0
    (host.protected / "planted").write_text("while the service was down")
    with serving(tmp_path / "run", config=host.config) as gateway:
        assert verdict(gateway.state) == "block"
        assert host.integrity(gateway.state, "diff") == 1
        assert host.integrity(gateway.state, "accept", "--all") == 0
        wait_for(gateway.state, "allow")


def test_a_forged_baseline_means_review(host: Host, tmp_path: Path) -> None:
    with serving(tmp_path / "run", config=host.config) as gateway:
        assert host.integrity(gateway.state, "init") == 0
        baseline = gateway.state / "integrity/baseline"
        baseline.write_bytes(baseline.read_bytes().replace(b'"files":[[', b'"files":[["x"],['))
        wait_for(gateway.state, "review")
