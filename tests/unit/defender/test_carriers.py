import json
from importlib.resources import files

import pytest

from gw.defender.carriers import EVENTS, METHODS, Carrier

ROWS = {row["name"]: row for row in json.loads((files("gw") / "data" / "methods.json").read_text())}
EVENT_NAMES = {row["name"] for row in json.loads((files("gw") / "data" / "events.json").read_text())}
OURS = ("tool.call", "hook.", "channel.", "http.", "node.event")  # the last: judged by the guard


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_row_is_a_method_that_is_judged(name: str) -> None:
    assert name.startswith(OURS) or ROWS[name].get("guarded")


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_a_published_one(name: str) -> None:
    assert name in EVENT_NAMES


@pytest.mark.parametrize("carrier", [*METHODS.values(), *EVENTS.values()])
def test_pointers_are_pointers_and_a_double_star_ends_one(carrier: Carrier) -> None:
    pointers = [pointer for _, pointer in carrier.parts]
    pointers += [*carrier.session, carrier.agent, *carrier.channel, *carrier.tool]
    for pointer in pointers:
        assert pointer.startswith("/")
        assert "**" not in pointer.split("/")[:-1]
    assert not (carrier.fixed_tool and carrier.tool)
