"""The short form of `python -m tests.soak.guard`: a real guard process, clients and a gateway that come and go."""

import pytest

from tests.soak.guard import soak

pytestmark = pytest.mark.slow


def test_nothing_is_lost_doubled_changed_or_let_through() -> None:
    report = soak(seconds=5, clients=16, seed=7, hold_every_s=0.2)
    assert report.problems == []
    counts = report.counts
    for tried in ("answers: ok", "answers: GUARD_BLOCKED", "answers: ABORTED", "answers: UPSTREAM_LOST"):
        assert counts[tried], f"{tried} never happened: {dict(counts)}"
    for ending in ("settle", "leave", "vanish", "gateway"):
        assert counts[f"ended: {ending}"], f"no connection ended so: {ending}"
