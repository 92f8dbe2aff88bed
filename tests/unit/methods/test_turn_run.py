"""Runs are tested with whole turns (test_turns.py)."""

from gw.methods.turn_run import ENDS


def test_every_way_to_stop_has_an_end() -> None:
    assert set(ENDS) == {"stop", "aborted", "error", "timeout"}
