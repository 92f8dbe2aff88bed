import json
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gw.cli.policy.replay import command, recorded, since_ms
from tests.support import policies
from tests.unit.ledger.test_recorded import recorded as record

KEEP = "version: 1\nkind: policy\nid: t.p\ndeny: [{id: d.rm, target: command, prefix: [rm]}]\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(policies.FakeClock.__init__, "__defaults__", (time.time_ns() // 1_000_000, 0.0))
    record(tmp_path, {"command": "rm x"}, {"command": "ls"}, {"prompt": "good"})
    return tmp_path


def run(state: Path, policy: str, *arguments: str) -> tuple[int, str]:
    path = state / "p.yaml"
    path.write_text(policy)
    result = CliRunner().invoke(
        command, ["--policy", str(path), "--state", str(state), *arguments], standalone_mode=False
    )
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_nothing_differs(state: Path) -> None:
    assert run(state, KEEP) == (0, "2 judged again, 0 differ, 1 without their text\n")


def test_a_formerly_blocked_action_that_would_pass_is_a_failure(state: Path) -> None:
    code, output = run(state, KEEP.replace("[rm]", "[nothing]"))
    assert code == 1
    assert output.startswith("block -> allow  without d.rm  ") and "was blocked and would pass: dec_" in output


def test_json(state: Path) -> None:
    code, output = run(state, KEEP.replace("deny", "score").replace("}]", ", points: 40}]"), "--json")
    found = json.loads(output)
    assert code == 0 and found["released"] == []
    assert (found["groups"][0]["before"], found["groups"][0]["after"]) == ("block", "review")


def test_only_the_recent_past_counts(state: Path) -> None:
    assert [row.verdict.word for row in recorded(state, "1h")] == ["block", "allow", "allow"]
    assert recorded(state, "0m") == []


@pytest.mark.parametrize(("text", "ms"), [("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000)])
def test_times(text: str, ms: int) -> None:
    assert since_ms(text) == ms


@pytest.mark.parametrize("text", ["", "week", "5", "5s", "-1d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(click.UsageError):
        since_ms(text)
