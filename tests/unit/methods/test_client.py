import logging

import pytest

from gw import limits
from gw.errors import Overloaded, StoreError
from gw.methods.client import RESUME_AT, clip_reason
from gw.methods.router import Call, rpc
from tests.support.peers import Stage

READ, ADMIN = "operator.read", "operator.admin"


class Family:
    @rpc("health", inline=True)
    def health(self, call: Call):
        return {"ok": True}

    @rpc("status")
    def status(self, call: Call):
        return call.params


def enter(*scopes, **options):
    return Stage(Family(), **options).enter(*(scopes or (READ,)))


# --- before hello -----------------------------------------------------------------------------------------------------


def test_the_challenge_comes_at_once_and_messages_are_small_until_hello():
    visitor = Stage(Family()).arrive()
    (challenge,) = visitor.link.events("connect.challenge")
    assert challenge["payload"] == {"nonce": visitor.client.nonce, "ts": 1_700_000_000_000}
    assert visitor.link.most_bytes == limits.PREAUTH_MESSAGE_BYTES
    visitor.connect(READ)
    assert visitor.link.most_bytes == limits.MAX_PAYLOAD_BYTES


def test_silence_is_closed_1000():
    visitor = Stage(Family()).arrive()
    ((seconds, fire),) = visitor.link.timers
    assert seconds == limits.CONNECT_TIMEOUT_S
    fire()
    assert visitor.link.closed_with == (1000, "")


def test_the_timer_ends_with_hello():
    assert enter().link.timers == []


@pytest.mark.parametrize(
    ("message", "close", "answers"),
    [
        (b"{nope", (1000, ""), 0),
        (b"", (1000, ""), 0),
        (b"\xff", (1000, ""), 0),
        (b"[1,2]", (1008, "invalid request frame"), 0),
        (b'{"type":"event","event":"x"}', (1008, "invalid request frame"), 0),
        (b'{"type":"req","id":"1","method":"connect","zz":1}', (1008, "invalid request frame"), 0),
        (b'{"type":"req","id":"1","id":"2","method":"connect"}', (1008, "invalid request frame"), 0),
        (b'{"type":"req","id":"1","method":"health"}', (1008, "invalid handshake: first request must be connect"), 1),
        (b'{"type":"req","id":"1","method":"connect"}', (1008, "invalid connect params: must be object"), 1),
    ],
)
def test_a_first_message_that_is_no_connect(message, close, answers):
    stage = Stage(Family())
    visitor = stage.arrive()
    visitor.say(message)
    assert visitor.link.closed_with == close
    assert len(visitor.link.answers) == answers
    assert len(stage.bus) == 0


def test_hello_tells_what_was_granted():
    stage = Stage(Family())
    visitor = stage.arrive()
    visitor.connect("operator.write", READ)
    payload = visitor.last["payload"]
    assert payload["type"] == "hello-ok"
    assert payload["auth"] == {"method": "token", "role": "operator", "scopes": ["operator.write", READ]}
    assert payload["features"]["methods"] == ["health", "status"]
    assert payload["server"]["connId"] == visitor.client.conn_id
    assert "operator.talk" in visitor.client.info.scopes
    assert stage.joined == [visitor.client]


def test_nothing_is_read_while_a_connect_is_decided():
    stage = Stage(Family(), lazy=True)
    visitor = stage.arrive()
    assert visitor.connect(READ) is False
    assert visitor.ask("health") is False
    assert visitor.link.answers == []
    stage.run_spawned()
    assert visitor.last["payload"]["type"] == "hello-ok"
    assert visitor.link.resumed == 1


def test_a_client_that_left_meanwhile_is_not_added():
    stage = Stage(Family(), lazy=True)
    visitor = stage.arrive()
    visitor.connect(READ)
    visitor.client.closed(1006, "")
    stage.run_spawned()
    assert len(stage.bus) == 0
    assert visitor.link.answers == []


def test_a_refusal_is_answered_closed_and_counted():
    stage = Stage(Family())
    visitor = stage.arrive()
    visitor.connect(auth={"token": "wrong"})
    assert visitor.last["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
    assert visitor.link.closed_with[0] == 1008
    assert stage.metrics.value("clawgate_refusals_total", "AUTH_TOKEN_MISMATCH") == 1


@pytest.mark.parametrize(
    ("raised", "code", "answers"),
    [(Overloaded("store"), 1008, 1), (StoreError("devices.json: full"), 1008, 1), (ZeroDivisionError(), 1011, 0)],
)
def test_a_handshake_that_fails_inside_ends_this_connection_only(monkeypatch, caplog, raised, code, answers):
    caplog.set_level(logging.CRITICAL, "gw")
    stage = Stage(Family())

    def fail(*_):
        raise raised

    monkeypatch.setattr(stage.services.handshake, "run", fail)
    visitor = stage.arrive()
    visitor.connect(READ)
    assert visitor.link.closed_with[0] == code
    assert len(visitor.link.answers) == answers


# --- after hello ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (b"{nope", None),
        (b"", None),
        (
            b'{"type":"event","event":"x"}',
            (
                "invalid",
                "must have required property 'id'; at root: unexpected property 'event';"
                " at /type: must be equal to constant",
            ),
        ),
        (b'{"type":"req","method":"health"}', ("invalid", "must have required property 'id'")),
        (b'{"type":"req","id":"e","method":""}', ("e", "at /method: must not have fewer than 1 characters")),
        (b'{"type":"req","id":"e","method":"health","zz":1}', ("e", "at root: unexpected property 'zz'")),
        (b'{"type":"req","id":5,"method":"health"}', ("invalid", "at /id: must be string")),
        (b"[1]", ("invalid", "must be object")),
    ],
)
def test_a_bad_frame_is_answered_or_ignored_and_the_connection_lives(message, answer):
    visitor = enter()
    visitor.say(message)
    if answer is None:
        assert visitor.link.answers == []
    else:
        assert visitor.last["id"] == answer[0]
        assert visitor.last["error"]["message"] == f"invalid request frame: {answer[1]}"
    assert visitor.link.closed_with is None
    visitor.ask("health", request_id="after")
    assert visitor.last["id"] == "after"


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"req","id":"1","method":"health","params":{"a":1,"\\u0061":2}}',
        b'{"type":"req","id":"1","method":"health","params":{"a":9007199254740993}}',
        b'{"type":"req","id":"1","method":"health","params":"\\ud800"}',
        b'{"type":"req","id":"1","method":"health","params":' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(message):
    visitor = enter()
    visitor.say(message)
    assert visitor.last["id"] == "1"
    assert visitor.last["error"]["message"].startswith("invalid request frame: ")


@pytest.mark.parametrize(
    ("params", "expected"),
    [(b"{}", {}), (b"null", {}), (b'{"a": [1]}', {"a": [1]}), (b"[]", None), (b"12", None), (b'""', None)],
)
def test_params_must_be_an_object_or_nothing(params, expected):
    visitor = enter()
    visitor.say(b'{"type":"req","id":"1","method":"status","params":%b}' % params)
    if expected is None:
        assert visitor.last["error"]["message"] == "invalid status params: must be object"
    else:
        assert visitor.last["payload"] == expected


def test_params_may_be_absent():
    visitor = enter()
    visitor.ask("status")
    assert visitor.last["payload"] == {}


def test_frames_are_counted():
    stage = Stage(Family())
    visitor = stage.enter(READ)
    visitor.ask("health")
    visitor.say(b"{nope")
    assert stage.metrics.value("clawgate_frames_total", "in", "req") == 1
    assert stage.metrics.value("clawgate_frames_total", "in", "bad") == 1


def test_unanswered_requests_are_bounded():
    stage = Stage(Family(), lazy=True)
    visitor = stage.arrive()
    visitor.connect(READ)
    stage.run_spawned()
    for i in range(limits.MAX_PENDING_REQUESTS - 1):
        assert visitor.ask("status", request_id=str(i))
    assert visitor.ask("status", request_id="last") is False
    while len(stage.spawned) > RESUME_AT + 1:
        stage.spawned.pop(0)()
    before = visitor.link.resumed
    stage.spawned.pop(0)()
    assert visitor.link.resumed == before + 1
    stage.run_spawned()
    assert len(visitor.link.answers) == limits.MAX_PENDING_REQUESTS + 1


def test_broadcasts_are_numbered_and_answers_are_not():
    stage = Stage(Family())
    visitor = stage.enter(READ)
    stage.bus.tick(5)
    visitor.ask("health")
    stage.bus.tick(6)
    assert [(e["payload"], e["seq"]) for e in visitor.link.events("tick")] == [({"ts": 5}, 1), ({"ts": 6}, 2)]
    assert "seq" not in visitor.last


def test_closing_takes_the_client_off_the_bus_once():
    stage = Stage(Family())
    visitor = stage.enter(READ)
    visitor.client.closed(1000, "")
    assert len(stage.bus) == 0
    assert stage.left == [visitor.client]


def test_a_close_reason_is_clipped_at_a_character():
    assert clip_reason("x" * 200) == "x" * limits.CLOSE_REASON_BYTES
    assert clip_reason("é" * 100) == "é" * (limits.CLOSE_REASON_BYTES // 2)


def test_protocols_3_and_4_side_by_side():
    stage = Stage(Family())
    old, new = stage.enter(READ, minProtocol=3, maxProtocol=3), stage.enter(READ)
    assert (old.client.info.protocol, new.client.info.protocol) == (3, 4)
    payload = {"state": "delta", "deltaText": "x", "message": {}, "seq": 1}
    stage.bus.publish("chat", payload, session_key="agent:main:main")
    assert old.link.events("chat")[0]["payload"] == {"state": "delta", "message": {}, "seq": 1}
    assert new.link.events("chat")[0]["payload"] == payload
