import pytest

from gw.modes.beside.ways import APPROVALS, GATES, GUARD, PLUGIN, WAYS, open_ways, posture


@pytest.mark.parametrize(
    "active, expected",
    [
        ([], "open"),
        (["nonsense"], "open"),
        ([APPROVALS], "partly"),
        ([GUARD], "partly"),
        ([APPROVALS, GUARD], "partly"),
        ([PLUGIN], "enforcing"),
        ([PLUGIN, GUARD], "enforcing"),
    ],
)
def test_only_what_stands_before_everything_an_agent_does_enforces(active: list[str], expected: str) -> None:
    assert posture(active) == expected


def test_plugin_and_guard_leave_nothing_open() -> None:
    assert open_ways([PLUGIN, GUARD]) == []
    assert open_ways([]) == list(WAYS)


def test_every_way_can_be_closed() -> None:
    for way in WAYS:
        assert way.gates and set(way.gates) <= set(GATES) and way.close
