import pytest

from tests.support.peers import Stage

READ, WRITE, ADMIN = "operator.read", "operator.write", "operator.admin"
KEY = "agent:main:main"


def hears(event, *scopes, prepare=lambda stage, visitor: None, session_key=None, **changes):
    stage = Stage()
    visitor = stage.enter(*scopes, **changes)
    prepare(stage, visitor)
    sent = stage.bus.publish(event, {"x": 1}, session_key=session_key)
    assert sent == len(visitor.link.events(event))
    return sent == 1


@pytest.mark.parametrize(
    ("event", "scopes", "expected"),
    [
        ("tick", (), True),
        ("health", (), True),
        ("chat", (READ,), True),
        ("chat", (WRITE,), True),
        ("chat", (), False),
        ("chat", ("operator.pairing",), False),
        ("device.pair.requested", ("operator.pairing",), True),
        ("device.pair.requested", (READ,), False),
        ("exec.approval.requested", (READ, WRITE), False),
        ("exec.approval.requested", (ADMIN,), True),
        ("security.decision", (READ,), True),
        ("security.decision", (), False),
        ("chat.metadata.changed", ("operator.sessions.read",), True),
        ("plugin.mine.said", (WRITE,), True),
        ("plugin.mine.said", (READ,), False),
    ],
)
def test_scopes_gate_events(event, scopes, expected):
    assert hears(event, *scopes) is expected


@pytest.mark.parametrize(
    ("event", "subscribe", "expected"),
    [
        ("session.message", None, False),
        ("session.message", "other", False),
        ("session.message", KEY, True),
        ("session.tool", KEY, True),
        ("session.approval", KEY, False),
    ],
)
def test_some_events_need_a_subscription(event, subscribe, expected):
    def prepare(stage, visitor):
        if subscribe:
            stage.bus.subscribe_messages(visitor.client, subscribe)

    assert hears(event, ADMIN, prepare=prepare, session_key=KEY) is expected


def test_approvals_of_a_session_are_asked_for_explicitly():
    def prepare(stage, visitor):
        stage.bus.subscribe_messages(visitor.client, KEY, approvals=True)

    assert hears("session.approval", ADMIN, prepare=prepare, session_key=KEY)


def test_session_list_changes():
    def prepare(stage, visitor):
        stage.bus.subscribe_sessions(visitor.client)

    assert hears("sessions.changed", READ, prepare=prepare)
    assert not hears("sessions.changed", READ)


def test_unsubscribing():
    def prepare(stage, visitor):
        stage.bus.subscribe_messages(visitor.client, KEY)
        stage.bus.unsubscribe_messages(visitor.client, KEY)

    assert not hears("session.message", READ, prepare=prepare, session_key=KEY)


def test_session_scoped_clients_hear_nothing_of_other_sessions():
    caps = {"caps": ["session-scoped-events"]}
    assert not hears("chat", READ, session_key=KEY, **caps)
    assert hears("tick", READ, **caps)

    def prepare(stage, visitor):
        stage.bus.subscribe_messages(visitor.client, KEY)

    assert hears("chat", READ, prepare=prepare, session_key=KEY, **caps)


def test_only_narrows_further():
    stage = Stage()
    one, other = stage.enter(READ), stage.enter(READ)
    assert stage.bus.publish("chat", {}, only=lambda client: client is one.client) == 1
    assert (len(one.link.events("chat")), len(other.link.events("chat"))) == (1, 0)


def test_numbers_have_no_gaps_whatever_was_filtered():
    stage = Stage()
    visitor = stage.enter(READ)
    for event in ("tick", "exec.approval.requested", "tick", "device.pair.requested", "tick"):
        stage.bus.publish(event, {})
    assert [frame["seq"] for frame in visitor.link.events("tick")] == [1, 2, 3]


def test_state_versions_are_told_where_asked():
    stage = Stage()
    visitor = stage.enter(READ)
    stage.bus.presence_version = 4
    stage.bus.publish("presence", {"presence": []}, state_version=True)
    assert visitor.link.events("presence")[0]["stateVersion"] == {"presence": 4, "health": 0}


def test_an_addressed_event_has_no_number():
    stage = Stage()
    visitor = stage.enter(READ)
    stage.bus.send_to(visitor.client, "models.snapshot", {"models": []})
    assert visitor.link.events("models.snapshot") == [
        {"type": "event", "event": "models.snapshot", "payload": {"models": []}}
    ]


def test_an_event_of_an_owner_needs_a_filter():
    bus = Stage().bus
    assert bus.publish("terminal.data", {}, only=lambda client: True) == 0
    with pytest.raises(ValueError, match="give `only`"):
        bus.publish("terminal.data", {})


@pytest.mark.parametrize("event", ["connect.challenge", "no.such.event"])
def test_what_cannot_be_broadcast(event):
    with pytest.raises(ValueError, match="cannot be broadcast"):
        Stage().bus.publish(event, {})


def test_a_protocol_3_client_hears_no_event_it_does_not_know():
    stage = Stage()
    old = stage.enter(READ, minProtocol=3, maxProtocol=3)
    stage.bus.publish("task", {})
    stage.bus.publish("chat", {"state": "status"})
    stage.bus.publish("tick", {"ts": 1})
    assert [frame["event"] for frame in old.link.sent] == ["tick"]
    assert old.link.sent[0]["seq"] == 1


def test_it_can_be_asked_whether_anybody_would_hear():
    stage = Stage()
    visitor = stage.enter(READ)
    assert not stage.bus.is_wanted("session.message", KEY)
    stage.bus.subscribe_messages(visitor.client, KEY)
    assert stage.bus.is_wanted("session.message", KEY)
    assert not stage.bus.is_wanted("session.message", "other")
    assert not stage.bus.is_wanted("no.such.event")
