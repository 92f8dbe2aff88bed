"""An account that runs: what it asks, in which order things become durable, and how it says how it is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gw.channels import load
from gw.channels.account import Account
from gw.channels.base import AccountConfig, Inbound, Outbound, Receipt
from gw.errors import UpstreamError
from tests.support.channels import End, Reply, Socket, World
from tests.support.hooks import posted

SECRETS = {"botToken": "t", "appToken": "a", "signingSecret": "s", "webhookSecret": "s3cret"}
ME: dict[str, Any] = {"ok": True, "result": {"id": 99, "username": "MyBot"}, "user_id": "UBOT", "id": "900"}


def reply(status: int = 200, headers: Mapping[str, str] | None = None, **body: Any) -> Reply:
    return status, headers or {}, json.dumps(body).encode()


ENOUGH = End()


def update(number: int, text: str = "hi") -> dict[str, Any]:
    chat = {"id": 7, "type": "private"}
    message = {"message_id": number, "date": 1, "chat": chat, "from": {"id": 7}, "text": text}
    return {"update_id": number, "message": message}


def make(world: World, channel: str = "telegram", transport: str = "poll") -> tuple[Account, list[Inbound]]:
    handled: list[Inbound] = []
    config = AccountConfig(channel, "default", transport, {}, SECRETS)
    account = Account(load(channel)(config), config, world.folder, world.wires(), handled.append)
    account.load()
    return account, handled


def run(account: Account) -> None:
    with pytest.raises(End):
        account.run()


def params(world: World, index: int) -> Any:
    return json.loads(world.http.asked[index][2])


def test_polling_stores_then_moves_on(tmp_path: Path) -> None:
    world = World(tmp_path, reply(**ME), reply(ok=True, result=True), reply(ok=True, result=[update(5)]), ENOUGH)
    account, handled = make(world)
    run(account)
    assert params(world, 3)["offset"] == 6
    world.tasks.run()
    assert [message.text for message in handled] == ["hi"]
    status = account.status()
    assert (status["state"], status["received"], status["running"]) == ("running", 1, True)
    again = World(tmp_path, reply(**ME), reply(ok=True, result=True), reply(ok=True, result=[update(5)]), ENOUGH)
    account, handled = make(again)
    run(account)
    again.tasks.run()
    assert params(again, 2)["offset"] == 6
    assert handled == []
    assert account.status()["repeated"] == 1


def test_a_server_that_does_not_wait_is_not_asked_all_the_time(tmp_path: Path) -> None:
    nothing = reply(ok=True, result=[])
    world = World(tmp_path, reply(**ME), reply(ok=True, result=True), *[nothing] * 4, ENOUGH)
    account, _ = make(world)
    account._cursor.value = {"offset": 6}
    run(account)
    assert sum(world.clock.slept) == 2.0


def test_what_cannot_be_stored_is_asked_for_again(tmp_path: Path) -> None:
    world = World(tmp_path, reply(**ME), reply(ok=True, result=True), reply(ok=True, result=[update(5)]))
    account, _ = make(world)
    exchange = world.http.exchange

    def full(*args: Any) -> Reply:
        found = exchange(*args)
        world.store.fail = OSError(28, "full") if len(world.http.asked) == 3 else None
        return found

    world.http.exchange = full  # type: ignore[method-assign,assignment]  # fails on one call
    world.http.replies += [reply(ok=True, result=[update(5)]), ENOUGH]
    run(account)
    assert "offset" not in params(world, 3)
    assert params(world, 4)["offset"] == 6


def test_failures_are_paced_and_said(tmp_path: Path) -> None:
    busy = reply(429, ok=False, parameters={"retry_after": 9})
    world = World(tmp_path, UpstreamError("timeout"), UpstreamError("network"), busy, ENOUGH)
    account, _ = make(world)
    run(account)
    assert [round(pause) for pause in world.clock.slept][2] == 9
    assert world.clock.slept[0] < world.clock.slept[1]
    assert (account.status()["state"], account.status()["lastError"]) == ("retrying", "429")


def test_a_refused_token_stops_it(tmp_path: Path) -> None:
    world = World(tmp_path, reply(401, ok=False))
    account, _ = make(world)
    account.run()
    assert account.status()["state"] == "stopped"
    assert world.clock.slept == []


HELLO = b'{"op":10,"d":{"heartbeat_interval":40000}}'
READY = b'{"op":0,"t":"READY","s":1,"d":{"session_id":"S","resume_gateway_url":"wss://resume"}}'


def said(seq: int) -> bytes:
    data = {"id": str(seq), "channel_id": "C", "author": {"id": "7"}, "content": "hi", "type": 0}
    return json.dumps({"op": 0, "t": "MESSAGE_CREATE", "s": seq, "d": data}).encode()


def test_a_socket_is_resumed_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, reply(**ME), reply(url="wss://gateway"), ENOUGH)
    world.sockets = [Socket(HELLO, READY, said(2)), End()]
    account, handled = make(world, "discord", "socket")
    run(account)
    world.tasks.run()
    assert (len(handled), world.dialled[0]) == (1, "wss://gateway/?v=10&encoding=json")
    after = World(tmp_path, reply(**ME), ENOUGH)
    socket = Socket(HELLO)
    after.sockets = [socket]
    account, _ = make(after, "discord", "socket")
    run(account)
    assert after.dialled[0] == "wss://resume/?v=10&encoding=json"
    assert json.loads(socket.sent[0])["d"]["seq"] == 2


def test_an_envelope_is_acknowledged_after_the_disk(tmp_path: Path) -> None:
    event = {"type": "message", "user": "U1", "ts": "1.2", "channel": "D1", "text": "hi"}
    envelope = {"type": "events_api", "envelope_id": "E1", "payload": {"team_id": "T", "event": event}}
    frame = json.dumps(envelope).encode()
    located = reply(ok=True, url="wss://x")
    world = World(tmp_path, reply(**ME), located, located, located)
    first, second = Socket(frame), Socket(frame, frame)
    world.sockets = [first, second, End()]
    account, handled = make(world, "slack", "socket")

    def full(url: str, timeout_s: float) -> Any:
        found = World.dial(world, url, timeout_s)
        world.store.fail = OSError(28, "full") if found is first else None
        return found

    account._wires = world.wires()._replace(dial=full)
    run(account)
    world.tasks.run()
    assert first.sent == []
    assert [json.loads(sent) for sent in second.sent] == [{"envelope_id": "E1"}] * 2
    assert len(handled) == 1


def test_a_socket_that_ends_at_once_is_not_tried_at_once(tmp_path: Path) -> None:
    located = reply(ok=True, url="wss://x")
    world = World(tmp_path, reply(**ME), *[located] * 4)
    world.sockets = [Socket(1006), Socket(1006), Socket(1006), End()]
    account, _ = make(world, "slack", "socket")
    run(account)
    assert world.clock.slept == sorted(world.clock.slept)
    assert world.clock.slept[2] >= 4


def hook(world: World, account: Account, number: int = 5) -> int:
    return account.hook(posted(update(number), x_telegram_bot_api_secret_token="s3cret")).status


def test_webhooks(tmp_path: Path) -> None:
    world = World(tmp_path, reply(**ME))
    account, handled = make(world, transport="webhook")
    assert hook(world, account) == 503, "not before it knows who it is"
    account.run()
    assert [hook(world, account), hook(world, account)] == [200, 200]
    assert account.hook(posted(update(6))).status == 401
    world.tasks.run()
    assert len(handled) == 1
    status = account.status()
    assert (status["received"], status["repeated"], status["refused"]) == (1, 1, 1)
    world.store.fail = OSError(28, "full")
    assert hook(world, account, 7) == 503


def test_a_minute_of_forgeries_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path, reply(**ME))
    account, _ = make(world, transport="webhook")
    account.run()
    for _ in range(50):
        assert account.hook(posted(update(6))).status == 401
    assert caplog.text.count("hook_refused") == 1
    world.clock.at += 60
    account.hook(posted(update(6)))
    assert caplog.text.count("hook_refused") == 2
    assert account.status()["refused"] == 51


def test_courtesies_are_tried_once_the_message_is_stored(tmp_path: Path) -> None:
    query = {"id": "77", "from": {"id": 7}, "data": "yes", "message": update(1)["message"]}
    pressed = {"update_id": 5, "callback_query": query}
    world = World(tmp_path, reply(**ME), reply(ok=True, result=True), reply(ok=True, result=[pressed]), ENOUGH)
    account, handled = make(world)
    run(account)
    world.tasks.run()
    assert [message.text for message in handled] == ["yes"]
    assert world.http.asked[-1][1].endswith("/answerCallbackQuery")


def test_a_channel_that_polls_takes_no_webhooks(tmp_path: Path) -> None:
    world = World(tmp_path)
    account, _ = make(world)
    assert hook(world, account) == 404


def test_replies_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path, reply(ok=True, result={"message_id": 1}), reply(400, ok=False))
    account, _ = make(world)
    done: list[Receipt] = []
    account.send(Outbound("7", "hi"), done.append)
    account.send(Outbound("7", "hi"))
    world.tasks.run()
    assert done == [Receipt("7", ("1",))]
    assert (account.status()["sent"], account.status()["failed"]) == (1, 1)
    assert account.status()["waiting"] == {"in": 0, "out": 0}


def test_typing_never_fails(tmp_path: Path) -> None:
    world = World(tmp_path, reply(ok=True, result=True))
    account, _ = make(world)
    account.typing("7")
    account.typing("7")
    assert len(world.http.asked) == 2
    assert account.capabilities.channel == "telegram"


def test_a_stop_leaves_what_is_left_to_the_next_process(tmp_path: Path) -> None:
    world = World(tmp_path, reply(429, ok=False, parameters={"retry_after": 5}))
    account, _ = make(world)
    account.send(Outbound("7", "hi"))
    world.clock.sleep = lambda seconds: account.stop(1.0)  # type: ignore[method-assign]
    account._outbox._sleep = world.clock.sleep
    world.tasks.run()
    assert len(world.http.asked) == 1
    after = World(tmp_path, reply(ok=True, result={"message_id": 1}))
    make(after)
    after.tasks.run()
    assert len(after.http.asked) == 1


def test_a_stop_waits_for_an_answer_but_not_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path)
    account, _ = make(world)
    account._outbox.asking = 1
    account.stop(0.5)
    assert 0.4 < sum(world.clock.slept) < 0.6
