"""Lanes: order within a key, turns between keys, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels.lanes import Lanes
from gw.errors import Overloaded
from tests.support.channels import Tasks


def make(done: list[str], most: int = 100, side_by_side: int = 2) -> tuple[Lanes[str], Tasks]:
    tasks = Tasks()
    return Lanes(done.append, tasks, where="test", most=most, side_by_side=side_by_side), tasks


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 4))
def test_order_holds_within_every_key(keys: list[str], side_by_side: int) -> None:
    done: list[str] = []
    lanes, tasks = make(done, side_by_side=side_by_side)
    for number, key in enumerate(keys):
        lanes.put(key, f"{key}{number}")
    tasks.run()
    for key in "abc":
        mine = [item for item in done if item[0] == key]
        assert mine == sorted(mine, key=lambda item: int(item[1:]))
    assert len(done) == len(keys)
    assert len(lanes) == 0


def test_a_busy_key_does_not_starve_another() -> None:
    done: list[str] = []
    lanes, tasks = make(done, side_by_side=1)
    for item in ("a1", "a2", "a3", "b1"):
        lanes.put(item[0], item)
    tasks.run()
    assert done.index("b1") == 1


def test_too_many_are_refused_at_once() -> None:
    lanes, tasks = make([], most=2)
    lanes.put("a", "a1")
    lanes.put("b", "b1")
    with pytest.raises(Overloaded):
        lanes.put("c", "c1")
    tasks.run()
    lanes.put("c", "c1")
    assert len(lanes) == 1


def test_no_more_greenlets_than_allowed() -> None:
    lanes, tasks = make([], side_by_side=2)
    for key in "abcdef":
        lanes.put(key, key)
    assert len(tasks.waiting) == 2


def test_a_crash_takes_only_its_item() -> None:
    done: list[str] = []

    def work(item: str) -> None:
        if item == "bad":
            raise RuntimeError
        done.append(item)

    tasks = Tasks()
    lanes = Lanes(work, tasks, where="test", most=9, side_by_side=1)
    lanes.put("a", "bad")
    with pytest.raises(RuntimeError):
        tasks.run()
    lanes.put("a", "good")
    tasks.run()
    assert (done, len(lanes)) == (["good"], 0)


def test_a_stop_begins_nothing_more() -> None:
    done: list[str] = []
    lanes, tasks = make(done)
    lanes.put("a", "a1")
    lanes.stop()
    tasks.run()
    assert (done, len(lanes)) == ([], 1)
