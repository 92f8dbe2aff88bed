import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from gw.cli import decisions
from gw.cli.decisions import command, describe, follow_file
from gw.ledger.decisions import CURRENT
from tests.unit.ledger.test_recorded import recorded


@pytest.fixture
def state(tmp_path: Path) -> Path:
    recorded(tmp_path, {"command": "ls -l", "tool": "exec"}, {"command": "rm x"}, {"prompt": "good"})
    return tmp_path


def run(state: Path, *arguments: str) -> str:
    result = CliRunner().invoke(command, ["--state", str(state), *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_lines_are_oldest_first(state: Path) -> None:
    first, second, third = run(state).splitlines()
    assert "allow" in first and "exec" in first and first.endswith("'ls -l'")
    assert "block" in second and "d.rm" in second and third.split()[-1].startswith("dec_")


def test_the_newest_of_one_verdict(state: Path) -> None:
    assert len(run(state, "--verdict", "allow").splitlines()) == 2
    (line,) = run(state, "--verdict", "allow", "--limit", "1", "--json").splitlines()
    assert json.loads(line)["parts"][0]["kind"] == "prompt"


def test_following_sees_new_lines_and_rotation(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "POLL_S", 0.01)
    path = state / "decisions" / CURRENT
    found = follow_file(path)
    started = threading.Event()

    def write() -> None:
        started.wait(30)
        with path.open("ab") as file:
            file.write(b'{"id": "new", ')
            file.flush()
            file.write(b'"x": 1}\n')
        path.rename(path.with_name("decisions-000000000009.jsonl"))
        path.write_bytes(b'{"id": "after"}\n')

    thread = threading.Thread(target=write)
    thread.start()
    monkeypatch.setattr(decisions.time, "sleep", lambda seconds: started.set() or threading.Event().wait(0.01))
    assert [next(found)["id"], next(found)["id"]] == ["new", "after"]
    thread.join()
    found.close()  # type: ignore[attr-defined]


def test_verify_says_whether_the_log_is_whole(state: Path) -> None:
    def check(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(command, ["--state", str(state), "verify", *arguments], standalone_mode=False)
        assert result.exception is None, result.exception
        return result.return_value, result.output

    assert check() == (0, "3 records, 0 receipts; receipts not checked: no public key; newest seq 3\n")
    head = json.loads(check("--json")[1])["head"]
    assert check("--head", head)[0] == 0
    path = state / "decisions" / CURRENT
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    code, output = check("--head", head)
    assert code == 1 and "lines were cut off or added" in output
    path.write_bytes(lines[0] + lines[2])
    assert "seq 3 follows 1" in check()[1]


def test_many_rules_make_no_long_line() -> None:
    record = {"at": 0, "verdict": "allow", "enforced": "allow", "score": 7, "method": "m", "id": "dec_1"}
    hits = [{"rule": rule} for rule in ("a", "b", "a", "c", "d", "e")]
    assert describe(record | {"hits": hits}) == "1970-01-01 00:00:00  allow     7  m  a,b,c,+2  dec_1"
    audited = describe(record | {"hits": [], "verdict": "review"})
    assert "  review (enforced allow)    7  " in audited


def test_a_folder_without_a_log_is_said(tmp_path: Path) -> None:
    assert "nothing was recorded in" in run(tmp_path)
    result = CliRunner().invoke(command, ["--state", str(tmp_path), "verify"], standalone_mode=False)
    assert "there is no decision log" in str(result.exception)


def test_verify_takes_the_state_on_either_side(state: Path, tmp_path: Path) -> None:
    before = CliRunner().invoke(command, ["--state", str(state), "verify"], standalone_mode=False)
    behind = CliRunner().invoke(command, ["verify", "--state", str(state)], standalone_mode=False)
    assert before.exception is None and before.output == behind.output
    assert before.output.startswith("3 records, ")


def test_a_key_that_is_none_is_refused(state: Path) -> None:
    (state / "key").write_text("no key")
    result = CliRunner().invoke(
        command, ["--state", str(state), "verify", "--key", str(state / "key")], standalone_mode=False
    )
    assert "is no public key" in str(result.exception)
