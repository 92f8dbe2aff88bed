from pathlib import Path

from click.testing import CliRunner

from gw.cli.policy.suggest import command
from gw.defender.rows import to_action
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.reviews import ReviewFile


def fill(state: Path, *lines: str) -> None:
    quarantine = Quarantine(state / "quarantine", Direct())
    for number, line in enumerate(lines):
        action = to_action({"command": line, "tool": "exec"}, mode="test")
        record = {"id": f"dec_{number}", "at": number, "method": "m", "digest": "d", "verdict": "review"}
        quarantine.put(record, action)
    events = [{"event": "approved", "id": f"dec_{number}"} for number in range(len(lines))]
    ReviewFile(state / "reviews", Direct()).open([*events, {"event": "approved", "id": "dec_gone"}])


def run(state: Path) -> tuple[str, str]:
    result = CliRunner().invoke(command, ["--state", str(state)], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.stdout, result.stderr


def test_rules_are_proposed_from_single_commands_alone(tmp_path: Path) -> None:
    fill(tmp_path, "make deploy web", "make deploy db", "git push a; rm x", "git push a; rm x", "ls a > b", "ls a > b")
    output, _ = run(tmp_path)
    assert output.count("- id:") == 1
    assert "prefix: ['make', 'deploy']" in output and "'make deploy; rm -rf ~'" in output


def test_nothing_to_propose(tmp_path: Path) -> None:
    fill(tmp_path, "make deploy web")
    assert run(tmp_path) == ("", "nothing was approved twice with the same first words\n")
