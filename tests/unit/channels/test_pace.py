"""Pauses grow, end, and start over."""

from gw.channels.pace import MOST_S, Pace


def make() -> tuple[Pace, list[float]]:
    slept: list[float] = []
    return Pace(slept.append, jitter=lambda: 0.0), slept


def test_pauses_double_up_to_a_bound() -> None:
    pace, slept = make()
    for _ in range(8):
        pace.failed(None)
    assert slept == [1, 2, 4, 8, 16, MOST_S, MOST_S, MOST_S]


def test_what_worked_starts_over() -> None:
    pace, slept = make()
    pace.failed(None)
    pace.failed(None)
    pace.worked()
    pace.failed(None)
    assert slept == [1, 2, 1]


def test_what_was_asked_for_is_kept() -> None:
    pace, slept = make()
    pace.failed(90.0)
    pace.failed(None, least_s=5.0)
    pace.failed(None, least_s=1.0)
    assert slept == [90, 5, 2]


def test_jitter_only_adds() -> None:
    slept: list[float] = []
    Pace(slept.append).failed(None)
    assert 1.0 <= slept[0] <= 1.2
