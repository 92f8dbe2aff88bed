"""What `clawgate guard` says and how it ends; what it does is in tests/unit/modes/guard/test_proxy.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gw.cli.main import run
from tests.support.serving import serving


@pytest.mark.parametrize(
    "flags, word",
    [
        ([], "names no gateway"),
        (["--upstream", "nonsense"], "must be ws://"),
        (["--upstream", "ws://127.0.0.1:18790"], "the gateway listens there"),
        (["--upstream", "ws://127.0.0.1:1", "--listen", "0.0.0.0:0"], "every caller would be a local one"),
        (["--upstream", "ws://127.0.0.1:1", "--listen", "0.0.0.0:0", "--guard-token-file", "/none"], "cannot read"),
    ],
)
def test_a_set_up_that_cannot_work(
    tmp_path: Path, flags: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["guard", "--state", str(tmp_path), *flags]) == 2
    assert word in capsys.readouterr().err


def test_json_names_both_addresses_and_our_commands_find_the_control(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--upstream", "ws://127.0.0.1:1", "--control", "127.0.0.1:0"]
    with serving(tmp_path, *flags, mode="guard") as guard:
        assert guard.url.startswith("ws://127.0.0.1:") and guard.control not in guard.url
        asked = ["--listen", guard.control, "--state", str(guard.state)]
        assert run(["status", *asked, "--json"]) == 0
        block = json.loads(capsys.readouterr().out)["clawgate"]["guard"]
        assert (block["upstream"], block["upstreamUp"], block["connections"]) == ("ws://127.0.0.1:1/", False, 0)
        (lost,) = [line for line in guard.log.read_text().splitlines() if "upstream.lost" in line]
        assert "start it, or correct upstream.url" in lost
        assert guard.get("/health")[0] == 503, "the gateway behind is not there"
        assert guard.stop() == 0


def test_for_a_person_it_says_what_to_use_instead(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gw", "guard", "--upstream", "ws://127.0.0.1:1", "--listen", "127.0.0.1:0"]
    command += ["--control", "127.0.0.1:0", "--state", str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        more = process.stdout.read()
    assert line.startswith("clawgate guards ws://127.0.0.1:1/: use ws://127.0.0.1:")
    assert more.startswith("NOBODY ANSWERS at ws://127.0.0.1:1/: start that gateway")
    assert "review list --listen 127.0.0.1:" in more
    assert process.returncode == 0


def test_an_address_that_is_taken_ends_it_with_a_clear_word(tmp_path: Path) -> None:
    with serving(tmp_path / "a", "--upstream", "ws://127.0.0.1:1", "--control", "127.0.0.1:0", mode="guard") as guard:
        command = [
            sys.executable,
            "-m",
            "gw",
            "guard",
            "--upstream",
            "ws://127.0.0.1:1",
            "--listen",
            str(guard.address),
        ]
        command += ["--control", "127.0.0.1:0", "--state", str(tmp_path / "b")]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ran.returncode == 2 and "in use" in ran.stderr
