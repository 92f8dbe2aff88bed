import re

from gw.defender.ids import ids


def test_ids_differ_and_look_alike() -> None:
    endless, other = ids("dec_"), ids("dec_")
    drawn = [next(endless) for _ in range(1000)] + [next(other)]
    assert len(set(drawn)) == 1001
    assert all(re.fullmatch(r"dec_[0-9a-f]{20}", one) for one in drawn)
    assert len({one[4:8] for one in drawn}) > 900  # no common start
