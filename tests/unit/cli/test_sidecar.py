"""What cannot work is said at once; the rest is tests/e2e/test_sidecar.py."""

from pathlib import Path

import pytest

from gw.cli.main import run
from gw.cli.sidecar import welcome


@pytest.mark.parametrize(
    "flags, word",
    [
        ([], "name the real gateway"),
        (["--upstream", "nonsense"], "must be ws://"),
        (["--upstream", "ws://127.0.0.1:18789"], "take another port"),
        (["--upstream", "ws://127.0.0.1:18799"], "upstream-token"),
    ],
)
def test_a_set_up_that_cannot_work(
    tmp_path: Path, flags: list[str], word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert run(["sidecar", "--state", str(tmp_path), *flags]) == 2
    assert word in capsys.readouterr().err


def test_for_a_person_it_says_what_it_stands_beside_and_what_to_try() -> None:
    said = welcome("127.0.0.1:18790", "ws://127.0.0.1:18789/", Path("/var/lib/clawgate"))
    assert said.startswith("clawgate stands beside ws://127.0.0.1:18789/ as one of its operators")
    assert "doctor --listen 127.0.0.1:18790 --state /var/lib/clawgate --upstream ws://127.0.0.1:18789\n" in said
