from pathlib import Path

from gw.defender.rows import to_action as row_action
from gw.ledger.decisions import DecisionLog
from gw.ledger.direct import Direct
from gw.ledger.quarantine import PURGED, Quarantine
from gw.ledger.recorded import find_action, read_actions, to_action
from gw.ledger.redact import KEY_BYTES, Redactor
from gw.ledger.sink import LedgerSink
from tests.support.policies import FakeClock, pipeline_of

POLICY = "deny: [{id: d.rm, target: [command, prompt], any: [{prefix: [rm]}, {pattern: 'evil'}]}]"


def recorded(state: Path, *rows: dict[str, str]) -> list[str]:
    log = DecisionLog(state / "decisions", Direct())
    log.open()
    sink = LedgerSink(log, Quarantine(state / "quarantine", Direct()), Redactor(bytes(KEY_BYTES)))
    pipeline = pipeline_of(POLICY, sink=sink)
    ids = [pipeline.judge(row_action(row, mode="test")).id for row in rows]
    log.close()
    return ids


def test_a_recorded_command_comes_back_as_it_was(tmp_path: Path) -> None:
    row = {"command": "ls -l", "tool": "exec", "channel": "irc", "chat": "group", "agent": "a", "client": "c"}
    (decision_id,) = recorded(tmp_path, row)
    assert find_action(tmp_path, decision_id) == row_action(row, mode="test")


def test_a_blocked_prompt_comes_from_quarantine_and_an_allowed_one_is_gone(tmp_path: Path) -> None:
    blocked, allowed = recorded(tmp_path, {"prompt": "evil"}, {"prompt": "good"})
    action = find_action(tmp_path, blocked)
    assert action is not None and action.parts[0].value == "evil"
    assert find_action(tmp_path, allowed) is None
    assert find_action(tmp_path, "dec_unknown") is None


def test_reading_back_says_what_is_missing_and_stops_at_the_time(tmp_path: Path) -> None:
    recorded(tmp_path, {"prompt": "good"}, {"command": "rm x"}, {"prompt": "evil"})
    now = FakeClock().ms
    kept = [action is not None for _, action in read_actions(tmp_path, now)]
    assert kept == [True, True, False]
    assert list(read_actions(tmp_path, now + 1)) == []


def test_what_was_purged_is_not_judged_as_if_it_had_been_empty(tmp_path: Path) -> None:
    (decision_id,) = recorded(tmp_path, {"prompt": "evil"})
    assert Quarantine(tmp_path / "quarantine", Direct()).mark(decision_id, PURGED, "ann", "", 1)
    assert find_action(tmp_path, decision_id) is None
    assert [action for _, action in read_actions(tmp_path, 0)] == [None]


def test_a_record_without_parts_is_an_action_without_parts() -> None:
    action = to_action({"method": "m", "digest": "d", "session": "s", "parts": []})
    assert action is not None and action.parts == () and action.session_key == "s"
