"""Login, requests and answers against a scripted gateway."""

import json
from typing import Any

import pytest

from gw.errors import UpstreamError
from gw.hub import Greenlets, Latch
from gw.modes.beside.device import OwnDevice
from gw.modes.beside.operator import Login, Operator, RefusedError
from tests.support.upstream import HELLO, FakeUpstream, Refuse

WHO = Login("the-token", OwnDevice("s" * 48), ("operator.admin",), ("approvals",))


def connected(upstream: FakeUpstream, heard: list[Any] | None = None) -> Operator:
    made: list[Operator] = []

    def make_peer(link: Any) -> Operator:
        take = lambda name, payload: (heard if heard is not None else []).append((name, payload))  # noqa: E731
        made.append(Operator(link, Latch, take, {"wanted"}))
        return made[0]

    upstream.connect(make_peer)
    return made[0]


def test_login_proves_the_device_and_shows_the_token() -> None:
    upstream = FakeUpstream()
    assert connected(upstream).login(WHO) == HELLO
    [params] = upstream.params("connect")
    assert (params["client"]["id"], params["client"]["mode"]) == ("gateway-client", "backend")
    assert (params["role"], params["scopes"], params["caps"]) == ("operator", ["operator.admin"], ["approvals"])
    assert params["auth"] == {"token": "the-token"}
    assert params["device"]["nonce"] == "n"


def test_a_refused_login_says_why() -> None:
    def refuse(params: Any) -> Any:
        raise Refuse(code="INVALID_REQUEST", message="unauthorized", details={"reason": "token_mismatch"})

    with pytest.raises(RefusedError, match="unauthorized") as refused:
        connected(FakeUpstream(connect=refuse)).login(WHO)
    assert refused.value.reason == "token_mismatch"


def test_wanted_events_are_handed_on_and_others_are_not() -> None:
    upstream = FakeUpstream()
    heard: list[Any] = []
    operator = connected(upstream, heard)
    upstream.event("wanted", {"a": 1})
    upstream.event("other", {"a": 2})
    assert operator.message(b"{nonsense") and operator.message(b'{"type":"res","id":"unknown","ok":true}')
    assert heard == [("wanted", {"a": 1})]


def test_the_end_of_the_connection_fails_whoever_waits() -> None:
    upstream = FakeUpstream()
    operator = connected(upstream)
    failed: list[str] = []

    def ask() -> None:
        with pytest.raises(UpstreamError) as error:
            operator.call("never.answered")
        failed.append(str(error.value))

    tasks = [Greenlets().spawn(ask) for _ in range(3)]
    while len(upstream.asked) < 3:
        tasks[0].join(0.01)
    operator.closed(1012, "service restart")
    for task in tasks:
        task.join(30)
    assert failed == ["the connection ended (1012 service restart)"] * 3
    assert operator.gone.wait(0)
    with pytest.raises(UpstreamError, match="1012"):
        operator.call("health")


def test_an_answer_that_does_not_come_in_time() -> None:
    with pytest.raises(UpstreamError, match=r"no answer within 0\.01 s"):
        connected(FakeUpstream()).call("never.answered", {}, 0.01)


def test_who_speaks_no_protocol_is_left() -> None:
    operator = Operator(FakeUpstream(), Latch, lambda name, payload: None, ())  # type: ignore[arg-type]
    operator.closed(1006, "")
    with pytest.raises(UpstreamError, match="1006"):
        operator.login(WHO)


@pytest.mark.parametrize("payload", [None, {}, [1], {"nonce": "n"}, {"nonce": "n", "ts": "soon"}, {"ts": 1}])
def test_a_challenge_that_is_none_is_an_error_of_the_other_side(payload: object) -> None:
    operator = Operator(FakeUpstream(), Latch, lambda name, payload: None, ())  # type: ignore[arg-type]
    operator.message(json.dumps({"type": "event", "event": "connect.challenge", "payload": payload}).encode())
    with pytest.raises(UpstreamError, match="no OpenClaw gateway"):
        operator.login(WHO)


def test_so_is_a_hello_that_is_none() -> None:
    with pytest.raises(UpstreamError, match="no OpenClaw gateway"):
        connected(FakeUpstream(connect=["hello"])).login(WHO)


def test_close() -> None:
    upstream = FakeUpstream()
    connected(upstream).close()
    assert upstream.closed_with == (1000, "")
