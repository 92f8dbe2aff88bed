import pytest

from gw.access.scopes import OPERATOR_SCOPES
from gw.wire.events import EventTable, for_v3
from tests.support.shared import shared_json
from tests.support.tables import event_table


def test_every_published_event_has_its_row():
    for published in shared_json("openclaw/events.json")["events"]:
        spec = event_table().get(published["event"])
        assert spec is not None
        scopes = published["anyOfScopes"]
        assert spec.scopes == (None if scopes is None else tuple(scopes))
        assert (spec.advertised, spec.v3) == (published["advertised"], published["inProtocol3"])
        assert (spec.subscription is not None) == ("needsSubscription" in published)


def test_scopes_are_known_words():
    assert {scope for spec in event_table() for scope in spec.scopes or ()} <= OPERATOR_SCOPES


@pytest.mark.parametrize(
    ("name", "subscription"),
    [
        ("session.message", "messages"),
        ("session.tool", "messages"),
        ("session.approval", "approvals"),
        ("sessions.changed", "sessions"),
        ("terminal.data", "other"),
        ("chat", None),
    ],
)
def test_subscriptions(name, subscription):
    assert event_table().get(name).subscription == subscription


def test_a_plugins_event_needs_write_and_other_unknown_ones_go_nowhere():
    assert event_table().get("plugin.mine.said").scopes == ("operator.write",)
    assert event_table().get("nobody.knows") is None


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("chat", {"state": "delta", "deltaText": "x", "agentId": "main", "seq": 1}, {"state": "delta", "seq": 1}),
        ("chat", {"state": "status", "phase": "p"}, None),
        ("agent", {"state": "status", "agentId": "main"}, {"state": "status", "agentId": "main"}),
        ("tick", {"ts": 1}, {"ts": 1}),
        ("tick", None, None),
    ],
)
def test_what_protocol_3_knows(event, payload, expected):
    assert for_v3(event, payload) == expected


def test_two_rows_of_one_event_are_refused():
    rows = [{"name": "a", "scopes": []}, {"name": "a", "scopes": None}]
    with pytest.raises(ValueError, match="two rows"):
        EventTable(rows)
