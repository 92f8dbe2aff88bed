"""gw/modes/guard/node_events: the payload as the gateway reads it, and whose words it is."""

from typing import Any

import pytest

from gw.model.action import Provenance
from gw.modes.guard.node_events import WITHOUT_TEXT, is_judged, opened, provenance_of


@pytest.mark.parametrize(
    "params, seen",
    [
        ({"event": "e", "payloadJSON": '{"text":"a"}'}, {"event": "e", "payload": {"text": "a"}}),
        ({"event": "e", "payload": {"text": "a"}}, {"event": "e", "payload": {"text": "a"}}),
        ({"event": "e", "payloadJSON": '{"n":1}', "payload": {"n": 2}}, {"event": "e", "payload": {"n": 1}}),
        ({"event": "e", "payloadJSON": "no json", "payload": "b"}, {"event": "e", "payload": "no json"}),
        ({"event": "e", "payloadJSON": None, "payload": "b"}, {"event": "e", "payloadJSON": None, "payload": "b"}),
        ({"event": "e"}, {"event": "e"}),
        (["x"], ["x"]),
    ],
)  # fmt: skip
def test_the_payload_is_what_the_gateway_will_read(params: Any, seen: Any) -> None:
    assert opened(params) == seen


@pytest.mark.parametrize(
    "event, judged, provenance",
    [
        ("voice.transcript", True, Provenance.USER),
        ("agent.request", True, Provenance.USER),
        ("notifications.changed", True, Provenance.TOOL_OUTPUT),
        ("exec.finished", True, Provenance.TOOL_OUTPUT),
        ("brand.new", True, Provenance.TOOL_OUTPUT),
        *((name, False, Provenance.TOOL_OUTPUT) for name in sorted(WITHOUT_TEXT)),
    ],
)
def test_what_is_judged_and_as_whose(event: str, judged: bool, provenance: Provenance) -> None:
    assert (is_judged({"event": event}), provenance_of({"event": event})) == (judged, provenance)


@pytest.mark.parametrize("params", [None, [], {}, {"event": 5}, {"event": ["node.host.stats"]}])
def test_what_names_no_event_is_judged(params: Any) -> None:
    assert is_judged(params) and provenance_of(params) is Provenance.TOOL_OUTPUT
