"""gw/modes/guard/lanes: order per session, and a property test of it against a slow, obvious twin."""

from hypothesis import given
from hypothesis import strategies as st

from gw.modes.guard.lanes import NO_SESSION, Item, Lanes, State


class Road:
    """Lanes whose verdicts a test gives by hand; `left` is what came out, in order."""

    def __init__(self) -> None:
        self.asked: list[Item] = []
        self.left: list[str] = []
        self.lanes = Lanes(self.asked.append, lambda item: self.left.append(item.id))

    def add(self, name: str, lane: str, *, guarded: bool = True) -> Item:
        item = Item(name, "m", b"12345", 1, guarded=guarded)
        item.lane = lane
        if guarded or self.lanes.is_busy(lane):
            self.lanes.add(item)
        else:
            self.left.append(name)
        return item

    def end(self, item: Item) -> None:
        self.asked.remove(item)
        self.left.append(item.id)
        self.lanes.finish(item)


def test_one_at_a_time_in_a_lane_and_all_lanes_at_once() -> None:
    road = Road()
    a1, a2, b1 = road.add("a1", "a"), road.add("a2", "a"), road.add("b1", "b")
    assert road.asked == [a1, b1] and a2.state is State.WAITING
    road.end(b1)
    road.end(a1)
    assert road.left == ["b1", "a1"] and road.asked == [a2]


def test_unguarded_ones_wait_behind_what_is_judged_but_not_behind_what_is_held() -> None:
    road = Road()
    first = road.add("1", "a")
    road.add("2", "a", guarded=False)
    road.add("3", "a")
    assert road.left == []
    road.lanes.hold(first, "review")
    road.add("4", "a", guarded=False)
    assert road.left == ["2", "4"] and road.lanes.held == 1 and road.lanes.count == 2


def test_a_held_one_of_no_session_steps_aside() -> None:
    road = Road()
    first, second = road.add("1", NO_SESSION + "m"), road.add("2", NO_SESSION + "m")
    road.lanes.hold(first, "review")
    assert road.asked == [first, second]
    road.asked.remove(first)
    road.end(second)
    road.lanes.retry(first)
    assert road.asked == [first]
    road.lanes.hold(first, "again")
    assert first.state is State.HELD and first.review == "again" and road.lanes.held == 1
    road.end(first)
    assert road.left == ["2", "1"] and road.lanes.count == road.lanes.bytes == road.lanes.held == 0


def test_ending_twice_or_without_having_begun_is_harmless() -> None:
    road = Road()
    item = road.add("1", "a")
    road.lanes.finish(item)
    road.lanes.finish(item)
    road.lanes.finish(Item("x", "m", b"", 1))
    assert road.lanes.count == road.lanes.bytes == 0 and road.lanes.items() == []


def test_one_from_the_middle_leaves_without_disturbing_the_order() -> None:
    road = Road()
    items = [road.add(str(i), "a") for i in range(3)]
    road.lanes.finish(items[1])
    road.end(items[0])
    assert road.asked == [items[2]] and road.lanes.items() == [items[2]]


STEPS = st.lists(
    st.tuples(st.sampled_from("gfGF"), st.sampled_from("abc")) | st.tuples(st.just("end"), st.integers(0, 9))
)


@given(STEPS)
def test_everything_leaves_once_and_in_order_within_its_lane(steps: list[tuple[str, str | int]]) -> None:
    """g, f: a guarded or free request of a lane; end: one of the verdicts that are due."""
    road, sent = Road(), dict[str, list[str]]()
    for number, (what, where) in enumerate(steps):
        if isinstance(where, str):
            sent.setdefault(where, []).append(str(number))
            road.add(str(number), where, guarded=what in "gG")
        elif road.asked:
            road.end(road.asked[where % len(road.asked)])
    while road.asked:
        road.end(road.asked[-1])
    lane_of = {name: lane for lane, names in sent.items() for name in names}
    for lane, names in sent.items():
        assert [name for name in road.left if lane_of[name] == lane] == names
    assert road.lanes.count == road.lanes.bytes == 0
