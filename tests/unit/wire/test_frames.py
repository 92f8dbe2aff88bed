import json

import pytest

from gw._native.wsframe import Decoder, encode_event
from gw.wire import frames
from gw.wire.json import Encoded


def test_an_answer_and_a_failure():
    assert json.loads(frames.answer('a"1', {"x": 1})) == {"type": "res", "id": 'a"1', "ok": True, "payload": {"x": 1}}
    error = {"code": "UNAVAILABLE", "message": "m"}
    assert json.loads(frames.failure("1", error)) == {"type": "res", "id": "1", "ok": False, "error": error}
    assert frames.answer("1", Encoded(b'{"y":2}')).endswith(b'"payload":{"y":2}}')


def test_an_addressed_event_has_no_seq():
    assert json.loads(frames.event("tick", {"ts": 1})) == {"type": "event", "event": "tick", "payload": {"ts": 1}}


def test_a_broadcast_gets_its_seq_from_the_codec():
    body = frames.event_body("health", {"ok": True}, state_version={"presence": 1, "health": 2})
    decoder = Decoder(max_message_bytes=1000, client=True)
    ((_, payload),) = decoder.feed(encode_event(body, 7))
    assert json.loads(payload) == {
        "type": "event",
        "event": "health",
        "payload": {"ok": True},
        "stateVersion": {"presence": 1, "health": 2},
        "seq": 7,
    }


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"type": "req", "id": "1", "method": "m"}, None),
        ({"type": "req", "id": "1", "method": "m", "params": 1, "traceparent": "", "expectedProfileId": ""}, None),
        ([], "must be object"),
        ({"type": "req", "method": "m"}, "must have required property 'id'"),
        ({}, "must have required property 'type'"),
        ({"type": "req", "id": "1", "method": ""}, "at /method: must not have fewer than 1 characters"),
        ({"type": "req", "id": 1, "method": "m"}, "at /id: must be string"),
        ({"type": "req", "id": "1", "method": "m", "zz": 1, "yy": 2}, "at root: unexpected property 'zz'"),
        (
            {"type": "event", "event": "x"},
            "must have required property 'id'; at root: unexpected property 'event';"
            " at /type: must be equal to constant",
        ),
    ],
)
def test_request_problem(frame, expected):
    assert frames.request_problem(frame) == expected
