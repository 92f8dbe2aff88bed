"""gw/modes/guard/relay: what passes, what waits, what is answered in the gateway's place, and how it ends."""

import json

import pytest

from gw import hub, limits
from gw._native.wsframe import BINARY, TEXT
from gw.modes.beside.coverage import Coverage
from gw.modes.guard import relay as relaying
from gw.observe.metrics import Metrics
from tests.support.relays import FakeDesk, Line, shared_by

# --- the handshake is not ours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"no json",
        b'{"type":"event","event":"x"}',
        b'{"type":"req","id":"1","id":"2","method":"chat.send"}',
        b"\xff\xfe",
    ],
)
def test_the_first_message_goes_on_whatever_it_is(first: bytes) -> None:
    line = Line(greeted=False)
    assert line.say(first) is False, "nothing more is read until hello-ok"
    assert line.gateway.raw == [first] and line.desk.asked == []


def test_the_challenge_and_hello_pass_untouched_and_open_the_way() -> None:
    line = Line(greeted=False)
    challenge = b'{"type":"event","event":"connect.challenge","payload":{"nonce":"n", "ts":1}}'
    line.hear(challenge)
    connect = b'{"type":"req","id":"1","method":"connect","params":{"client":{"id":"cli"},"device":{"id":"d"}}}'
    line.say(connect)
    hello = b'{"type":"res","id":"1","ok":true,"payload":{"type":"hello-ok","x":9007199254740993}}'
    line.hear(hello.replace(b"9007199254740993", b"1"))
    assert line.client.raw == [challenge, hello.replace(b"9007199254740993", b"1")] and line.gateway.raw == [connect]
    assert line.relay.is_open and line.client.most_bytes == limits.MAX_PAYLOAD_BYTES and line.client.resumed == 1
    assert (line.relay.caller.client_id, line.relay.caller.device_id) == ("cli", "d")


def test_a_refused_connect_leaves_the_way_closed() -> None:
    line = Line(greeted=False)
    line.say({"type": "req", "id": "1", "method": "connect", "params": {}})
    line.hear({"type": "res", "id": "1", "ok": False, "error": {"code": "INVALID_REQUEST", "message": "no"}})
    assert not line.relay.is_open and line.client.resumed == 0
    line.relay.upstream_gone(1008, "no")
    assert line.client.closed_with == (1008, "no") and list(line.answers) == ["1"]


# --- what passes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_what_is_not_guarded_passes_byte_for_byte(opcode: int) -> None:
    line = Line()
    frame = b' {"id" : "7","method":"health" , "type":"req","params":{"a":[1.50,"\\u00e9"]}} '
    assert line.say(frame, opcode) is True
    answer = b'{"ok":true, "type":"res","id":"7","payload":{"b":1e3}}'
    line.hear(answer, opcode)
    assert line.gateway.raw == [frame] and line.client.raw == [answer]
    assert line.gateway.opcodes == line.client.opcodes == [opcode]


def test_what_is_guarded_passes_byte_for_byte_after_its_verdict() -> None:
    line = Line()
    frame = b' {"type":"req", "id":"1","method":"chat.send","params":{"sessionKey":"s","message":"caf\xc3\xa9"} }'
    line.say(frame, BINARY)
    assert line.gateway.raw == []
    assert line.desk.asked[0][1].raw == b'{"sessionKey":"s","message":"caf\xc3\xa9"}', "judged: what will be acted on"
    line.desk.allow()
    assert line.gateway.raw == line.gateway.at_once == [frame] and line.gateway.opcodes == [BINARY]


def test_a_method_nobody_knows_is_judged() -> None:
    line = Line()
    line.ask("brand.new")
    assert len(line.desk.asked) == 1 and line.passed == []


def test_of_what_a_node_tells_only_what_somebody_reads_is_judged() -> None:
    line = Line()
    line.ask("node.event", "1", event="node.presence.alive", payloadJSON="{}")
    assert line.passed == ["1"] and line.desk.asked == []
    line.ask("node.event", "2", event="agent.request", payloadJSON='{"message":"m","sessionKey":"s"}')
    line.ask("chat.history", "3", sessionKey="s")
    assert line.passed == ["1"] and len(line.desk.asked) == 1, "and it has its place in the order of its session"
    line.desk.allow()
    assert line.passed == ["1", "2", "3"]


def test_what_is_stopped_waits_for_the_disk_alone() -> None:
    line = Line()
    for number in "123":
        line.ask("chat.send", number, sessionKey="s", message=number)
    line.desk.stop()
    assert [item.id for _, item in line.desk.asked] == ["2"], "the next has its turn before the first is answered"
    line.desk.allow()
    line.desk.allow()
    assert line.passed == ["2", "3"] and line.answers == {} and line.relay.unanswered == 3
    line.desk.record()
    assert line.answers == {"1": "GUARD_BLOCKED"} and line.relay.unanswered == 2


def test_a_lost_gateway_answers_what_is_stopped_too() -> None:
    line = Line()
    line.ask("chat.send", "1", sessionKey="s", message="m")
    line.desk.stop()
    line.relay.upstream_gone(1006, "")
    assert line.answers == {"1": "UPSTREAM_LOST"}
    line.desk.record()
    assert line.answers == {"1": "UPSTREAM_LOST"}


AMBIGUOUS = [
    b'{"type":"req","id":"1","method":"health","method":"chat.send"}',
    b'{"type":"req","id":"1","method":"health","m\\u0065thod":"chat.send"}',
    b'{"type":"req","id":"1","method":"chat.send","params":{"message":"a","message":"b"}}',
    b'{"type":"req","id":"1","method":"chat.send","params":{"n":9007199254740993}}',
    b'{"type":"req","id":"1","method":"chat.send","params":{"n":1e400}}',
    b'{"type":"req","id":"1","method":"chat.send","params":{"n":"\\ud800"}}',
    b'{"type":"req","id":"1","method":"health","more":1}',
    b'{"type":"event","event":"x"}',
    b'{"type":"req","id":"","method":"health"}',
]


@pytest.mark.parametrize("frame", AMBIGUOUS)
def test_what_two_parsers_could_read_differently_is_answered_and_does_not_pass(frame: bytes) -> None:
    line = Line()
    assert line.say(frame) is True
    assert line.gateway.raw == [] and line.desk.asked == []
    (answer,) = line.client.frames
    assert answer["error"]["code"] == "INVALID_REQUEST" and "invalid request frame" in answer["error"]["message"]


@pytest.mark.parametrize("text", [b"{", b"\xef\xbb\xbf{}", b"NaN", b"\xed\xa0\x80", b""])
def test_what_is_no_json_is_ignored_as_the_gateway_does(text: bytes) -> None:
    line = Line()
    line.say(text)
    assert line.gateway.raw == line.client.raw == []


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_a_blocked_request_is_answered_and_never_passes() -> None:
    line = Line()
    line.ask("chat.send", "9", sessionKey="s", message="x", idempotencyKey="k")
    line.desk.block()
    assert line.passed == [] and line.answers == {"9": "GUARD_BLOCKED"}
    told = line.client.frames[-1]
    assert told["event"] == "chat" and "seq" not in told
    assert told["payload"]["errorMessage"] == "blocked by clawgate: no Do less."
    assert (told["payload"]["runId"], told["payload"]["sessionKey"]) == ("k", "s")


def test_a_blocked_call_of_another_method_has_no_chat_event() -> None:
    line = Line()
    line.ask("node.invoke", "9", command="system.run")
    line.desk.block()
    assert [frame["type"] for frame in line.client.frames] == ["res"]


@pytest.mark.parametrize("params", [["x"], "x", None, {"message": 5, "sessionKey": 7, "idempotencyKey": []}])
def test_parameters_of_any_shape_are_judged_and_answered(params: object) -> None:
    line = Line()
    for method in ("chat.send", "node.invoke", "chat.abort"):
        line.say({"type": "req", "id": method, "method": method, "params": params})
    line.desk.block()
    line.desk.allow()
    assert line.answers == {"chat.send": "GUARD_BLOCKED"} and line.passed == ["chat.abort", "node.invoke"]


def test_a_held_request_passes_after_leave_and_not_before() -> None:
    line = Line()
    line.ask("node.invoke", "1", nodeId="n", command="system.run", params={"command": ["ls"]})
    line.desk.hold()
    assert line.passed == [] and line.answers == {}
    line.desk.approve()
    assert line.passed == [], "judged again, with the leave"
    line.desk.allow()
    assert line.passed == ["1"] and line.desk.waiting == []


def test_a_held_request_does_not_pass_after_deny() -> None:
    line = Line()
    line.ask("wake", "1", text="x")
    line.desk.hold()
    line.desk.deny()
    assert line.passed == [] and line.answers == {"1": "GUARD_BLOCKED"} and line.desk.waiting == []


def test_leave_that_was_for_another_keeps_it_waiting() -> None:
    line = Line()
    line.ask("wake", "1", text="x")
    line.desk.hold()
    line.desk.approve()
    line.desk.hold()
    assert line.passed == [] and len(line.desk.waiting) == 1
    line.desk.approve()
    line.desk.allow()
    assert line.passed == ["1"]


def test_what_cannot_be_held_is_answered_at_once() -> None:
    line = Line()
    for i in range(relaying.MAX_HELD + 1):
        line.ask("wake", str(i), text="x")
        line.desk.hold()
    assert list(line.answers) == [str(relaying.MAX_HELD)] and len(line.desk.waiting) == relaying.MAX_HELD


# --- order -----------------------------------------------------------------------------------------------------------


def test_order_is_kept_within_a_session_and_not_across() -> None:
    line = Line()
    line.ask("chat.send", "a1", sessionKey="a", message="1")
    line.ask("chat.send", "a2", sessionKey="a", message="2")
    line.ask("chat.history", "a3", sessionKey="a")
    line.ask("chat.history", "b1", sessionKey="b")
    line.ask("health", "h")
    line.ask("chat.send", "b2", sessionKey="b", message="1")
    assert line.passed == ["b1", "h"]
    line.desk.allow(1)
    assert line.passed == ["b1", "h", "b2"]
    line.desk.allow(0)
    assert line.passed[3:] == ["a1"]
    line.desk.allow(0)
    assert line.passed[4:] == ["a2", "a3"]


def test_a_held_request_does_not_stall_others() -> None:
    line = Line()
    line.ask("chat.send", "1", sessionKey="a", message="1")
    line.ask("chat.history", "2", sessionKey="a")
    line.ask("chat.send", "3", sessionKey="a", message="2")
    line.desk.hold()
    assert line.passed == ["2"], "what is not guarded goes on, what is keeps its place"
    line.ask("chat.history", "4", sessionKey="a")
    line.ask("chat.send", "5", sessionKey="b", message="2")
    line.desk.allow()
    assert line.passed == ["2", "4", "5"]
    line.desk.approve()
    line.desk.allow()
    line.desk.allow()
    assert line.passed == ["2", "4", "5", "1", "3"]


def test_requests_without_a_session_do_not_wait_behind_a_held_one() -> None:
    line = Line()
    for i in "123":
        line.ask("node.invoke", i, command="x")
    line.desk.hold()
    line.desk.allow()
    line.desk.allow()
    assert line.passed == ["2", "3"]


# --- stopping --------------------------------------------------------------------------------------------------------


def test_an_abort_reaches_what_is_held_and_is_answered() -> None:
    line = Line()
    line.ask("chat.send", "1", sessionKey="a", message="1", idempotencyKey="run-1")
    line.desk.hold()
    line.ask("chat.abort", "2", sessionKey="a", runId="run-1")
    assert line.passed == [], "the gateway has never heard of that run"
    assert line.answers == {"1": "ABORTED", "2": {"ok": True, "aborted": True, "runIds": ["run-1"]}}
    assert line.desk.waiting == []


def test_an_abort_of_a_session_drops_what_waits_and_goes_on() -> None:
    line = Line()
    for i in "123":
        line.ask("chat.send", i, sessionKey="a", message=i, idempotencyKey=i)
    line.ask("chat.send", "other", sessionKey="b", message="x")
    line.ask("chat.abort", "4", sessionKey="a")
    assert line.passed == ["4"]
    assert {key: line.answers[key] for key in "123"} == dict.fromkeys("123", "ABORTED")
    line.desk.allow(0)
    line.desk.allow(0)
    assert line.passed == ["4", "other"], "a verdict that comes too late changes nothing"


def test_an_abort_of_a_run_of_the_gateways_passes() -> None:
    line = Line()
    line.ask("chat.abort", "1", sessionKey="a", runId="x")
    assert line.passed == ["1"]


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_reading_pauses_while_too_much_is_being_judged() -> None:
    line = Line()
    takes = [line.ask("wake", str(i), text="x") for i in range(limits.MAX_PENDING_REQUESTS)]
    assert takes[-1] is False and all(takes[:-1])
    line.desk.allow()
    assert line.client.resumed == 1


def test_an_abort_is_still_read_when_held_requests_fill_everything() -> None:
    line = Line()
    line.ask("chat.send", "0", sessionKey="a", message="x")
    line.desk.hold()
    for i in range(1, limits.MAX_PENDING_REQUESTS + 5):
        assert line.ask("chat.send", str(i), sessionKey="a", message="x"), "a person may take long: reading goes on"
    assert line.answers[str(limits.MAX_PENDING_REQUESTS + 1)] == "UNAVAILABLE"
    line.ask("chat.abort", "stop", sessionKey="a")
    assert line.passed == ["stop"]


def test_becoming_held_resumes_reading() -> None:
    line = Line()
    for i in range(limits.MAX_PENDING_REQUESTS):
        line.ask("chat.send", str(i), sessionKey="a", message="x")
    assert line.client.resumed == 0
    line.desk.hold()
    assert line.client.resumed == 1


def test_requests_the_gateway_does_not_answer_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "MAX_UNANSWERED", 3)
    line = Line()
    for i in range(4):
        line.ask("health", str(i))
    assert line.passed == ["0", "1", "2"] and line.answers == {"3": "UNAVAILABLE"}


# --- keys ------------------------------------------------------------------------------------------------------------


def invoke(line: Line, request_id: str, key: str, words: str = "ls") -> None:
    params = {"command": [words]}
    line.ask("node.invoke", request_id, nodeId="n", command="system.run", params=params, idempotencyKey=key)


def test_the_same_key_and_content_passes_once_and_all_are_answered() -> None:
    line = Line()
    invoke(line, "1", "k")
    invoke(line, "2", "k")
    line.desk.allow()
    invoke(line, "3", "k")
    assert line.passed == ["1"] and line.desk.asked == []
    line.hear(b'{"type":"res","id":"1","ok":true,"payload":{"n":1}}')
    invoke(line, "4", "k")
    assert line.answers == {key: {"n": 1} for key in "1234"} and line.passed == ["1"]


def test_the_same_key_with_other_content_is_a_conflict() -> None:
    line = Line()
    invoke(line, "1", "k")
    invoke(line, "2", "k", "rm")
    (answer,) = line.client.frames
    assert answer["error"]["details"] == {"reason": "chat-request-conflict"} and answer["id"] == "2"


def test_a_blocked_key_is_answered_the_same_again() -> None:
    line = Line()
    invoke(line, "1", "k")
    invoke(line, "2", "k")
    line.desk.block()
    invoke(line, "3", "k")
    assert line.answers == dict.fromkeys("123", "GUARD_BLOCKED") and line.desk.asked == []


def test_what_the_gateway_could_not_do_may_be_tried_again() -> None:
    line = Line()
    invoke(line, "1", "k")
    line.desk.allow()
    line.hear({"type": "res", "id": "1", "ok": False, "error": {"code": "UNAVAILABLE", "message": "later"}})
    invoke(line, "2", "k")
    line.desk.allow()
    assert line.passed == ["1", "2"]


def test_the_gateway_tells_a_repeated_message_itself_what_became_of_it() -> None:
    line = Line()
    for request_id in "12":
        line.ask("chat.send", request_id, sessionKey="s", message="x", idempotencyKey="k")
        if request_id == "1":
            line.desk.allow()
    assert line.passed == ["1", "2"] and line.desk.asked == []


def test_a_repeat_in_other_bytes_is_never_passed_unjudged() -> None:
    line = Line()
    line.ask("chat.send", "1", sessionKey="s", message="x", idempotencyKey="k")
    line.desk.allow()
    line.ask("chat.send", "2", sessionKey="s", message="x", idempotencyKey="k", timeoutMs=5)
    assert line.passed == ["1"]


def test_keys_of_two_callers_are_two_keys_and_of_one_are_one() -> None:
    one = Line()
    invoke(one, "1", "k")
    two = Line(one.desk, one.shared, greeted=False)
    two.greet("another device")
    invoke(two, "1", "k", "other content")
    again = Line(one.desk, one.shared)
    invoke(again, "5", "k")
    assert two.answers == {} and len(one.desk.asked) == 2
    one.desk.allow()
    one.hear({"type": "res", "id": "1", "ok": True, "payload": 1})
    assert again.answers == {"5": 1}, "the same device on a second connection"


def test_an_answer_nobody_heard_is_not_a_reason_to_do_it_again() -> None:
    line = Line()
    invoke(line, "1", "k")
    line.desk.allow()
    line.relay.client_gone(1000, "")
    line.relay.upstream_gone(1000, "")
    back = Line(line.desk, line.shared)
    invoke(back, "1", "k")
    assert back.passed == [] and back.client.frames[0]["error"]["details"] == {"reason": "outcome-unknown"}


# --- events ----------------------------------------------------------------------------------------------------------


def node_event(words: str, key: str = "k", seq: int | None = None, **more: object) -> bytes:
    params = json.dumps({"command": [words], "runId": "r"})
    payload = {"id": "i1", "nodeId": "n", "command": "system.run", "paramsJSON": params, "idempotencyKey": key, **more}
    frame = {"type": "event", "event": "node.invoke.request", "payload": payload}
    return json.dumps(frame if seq is None else {**frame, "seq": seq}).encode()


def test_what_a_node_is_asked_is_judged() -> None:
    line = Line()
    line.hear(node_event("ls"))
    assert line.client.raw == []
    line.desk.allow()
    assert line.client.raw == [node_event("ls")]


def test_what_a_node_must_not_do_is_refused_in_its_name() -> None:
    line = Line()
    line.hear(node_event("rm"))
    line.desk.block()
    assert line.client.raw == []
    (frame,) = line.gateway.frames
    assert frame["method"] == "node.invoke.result"
    error = {"code": "GUARD_BLOCKED", "message": "blocked by clawgate: no"}
    assert frame["params"] == {"id": "i1", "nodeId": "n", "ok": False, "error": error}
    line.hear({"type": "res", "id": frame["id"], "ok": True, "payload": {}})
    assert line.client.raw == [], "the node never asked that"


def test_what_was_let_through_on_its_way_in_is_not_judged_again_but_only_once() -> None:
    operator = Line()
    invoke(operator, "1", "k")
    operator.desk.allow()
    node = Line(operator.desk, operator.shared)
    node.hear(node_event("other"))
    assert len(node.desk.asked) == 1, "other content"
    node.hear(node_event("ls"))
    assert node.client.raw == [node_event("ls")]
    node.hear(node_event("ls"))
    assert len(node.desk.asked) == 1, "waits behind the first of its lane"
    node.desk.allow()
    node.desk.block()
    assert len(node.client.raw) == 2


def test_what_a_node_says_it_has_done_is_set_against_what_it_was_let_do() -> None:
    desk, coverage = FakeDesk(), Coverage(hub.SystemClock(), Metrics())
    operator = Line(desk, shared_by(desk, coverage))
    node = Line(desk, operator.shared)

    def done(invocation: str) -> int:
        node.ask("node.invoke.result", id=invocation, nodeId="n", ok=True, payloadJSON="{}")
        hub.sleep(0)
        return coverage.gaps

    invoke(operator, "1", "k")
    desk.allow()
    node.hear(node_event("ls"))
    assert done("i1") == 0, "judged on its way in"
    node.hear(node_event("ls", id="i2"))
    desk.allow()
    assert done("i2") == 0, "judged on its way out"
    node.hear(node_event("rm", id="i3"))
    desk.block()
    assert done("i3") == 1 and done("never asked") == 2
    assert coverage.executions == 4 and len(node.passed) == 5, "what it says passes all the same"


def test_numbers_have_no_gap_when_an_event_is_left_out_or_comes_later() -> None:
    line = Line()

    def tick(seq: int) -> bytes:
        return b'{"type":"event","event":"tick","payload":{"seq":9},"seq":%d}' % seq

    line.hear(tick(1))
    line.hear(node_event("rm", seq=2))
    line.hear(tick(3))
    line.hear(node_event("ls", key="j", seq=4))
    line.desk.block()
    line.hear(tick(5))
    line.desk.allow()
    line.hear(tick(6))
    assert [frame["seq"] for frame in line.client.frames] == [1, 2, 3, 4, 5]
    assert line.client.raw[:3] == [tick(1), tick(2), tick(3)]


@pytest.mark.parametrize(
    "odd",
    [b"not json", b'{"type":"event","event":"x","payload":{"n":9007199254740993}}', b'{"type":"res","id":"1","ok":1}'],
)
def test_what_only_a_gateway_would_say_passes(odd: bytes) -> None:
    line = Line()
    line.hear(odd)
    assert line.client.raw == [odd]


def test_what_could_make_a_node_act_must_be_readable() -> None:
    line = Line()
    line.hear(node_event("rm").replace(b'"nodeId"', b'"nodeId": 1e999, "nodeId"'))
    assert line.client.raw == []


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_lost_gateway_is_answered_for() -> None:
    line = Line()
    line.ask("health", "1")
    line.ask("wake", "2", text="x")
    line.ask("chat.send", "3", sessionKey="s", message="x")
    line.ask("chat.send", "4", sessionKey="s", message="x")
    line.desk.hold(1)
    line.relay.upstream_gone(1006, "")
    assert line.answers == dict.fromkeys("1234", "UPSTREAM_LOST")
    errors = [frame["error"] for frame in line.client.frames if frame["type"] == "res"]
    assert all(error["code"] == "UNAVAILABLE" and error["retryable"] for error in errors)
    assert line.client.closed_with == (1012, "the gateway behind clawgate is gone")
    line.desk.allow()
    assert line.passed == ["1"] and line.desk.waiting == []


def test_the_gateways_own_goodbye_is_passed_on() -> None:
    line = Line()
    line.relay.upstream_gone(4001, "bye")
    assert line.client.closed_with == (4001, "bye")


def test_a_client_that_leaves_takes_what_is_held_with_it_but_not_what_it_said() -> None:
    line = Line()
    line.ask("chat.send", "1", sessionKey="a", message="x")
    line.ask("chat.send", "2", sessionKey="a", message="behind")
    line.ask("chat.send", "3", sessionKey="b", message="y")
    line.ask("chat.send", "4", sessionKey="b", message="z")
    line.desk.hold(0)
    line.relay.client_gone(1006, "")
    assert line.desk.waiting == [] and line.gateway.closed_with is None
    line.desk.allow()
    line.desk.hold()
    assert line.passed == ["3"] and line.gateway.closed_with == (1001, "client gone")


def test_a_client_that_leaves_with_nothing_waiting_is_passed_on_at_once() -> None:
    line = Line()
    line.relay.client_gone(1000, "done")
    assert line.gateway.closed_with == (1000, "done")


def test_nothing_is_left_behind() -> None:
    line = Line(FakeDesk())
    for i in range(20):
        line.ask("chat.send", str(i), sessionKey=str(i % 3), message="x", idempotencyKey=str(i))
    line.desk.hold()
    while line.desk.asked:
        line.desk.allow()
    line.desk.deny()
    while line.desk.asked:
        line.desk.allow()
    for frame in line.gateway.frames:
        line.hear({"type": "res", "id": frame["id"], "ok": True, "payload": {}})
    assert line.relay.unanswered == 0
