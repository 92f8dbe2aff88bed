"""Replies on their way out: cut, ordered, repeated within bounds, sent once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gw.channels.base import AccountConfig, Driver, Media, Outbound, Poll, Receipt
from gw.channels.journal import Journal
from gw.channels.outbox import MOST_WAITING, Outbox, decode, encode
from gw.channels.telegram import Telegram
from gw.channels.webchat import Webchat
from gw.errors import Overloaded, UpstreamError
from tests.support.channels import Reply, World


def reply(status: int = 200, headers: Mapping[str, str] | None = None, **body: Any) -> Reply:
    return status, headers or {}, json.dumps(body).encode()


def sent(message_id: int) -> Reply:
    return reply(ok=True, result={"message_id": message_id})


def limited(after_s: float) -> Reply:
    return reply(429, ok=False, parameters={"retry_after": after_s})


TELEGRAM = Telegram(AccountConfig("telegram", secrets={"botToken": "t"}))


def make(world: World, driver: Driver = TELEGRAM, limit: int = 20) -> Outbox:
    journal = Journal(world.folder / "sending.jsonl", world.store)
    journal.load()
    outbox = Outbox(driver, world.http, journal, world.clock, world.tasks, world.clock.sleep, limit)
    outbox.resume()
    return outbox


def texts(world: World) -> list[str]:
    return [json.loads(body)["text"] for _, _, body in world.http.asked]


@pytest.mark.parametrize(
    "out",
    [
        Outbound("7", "x"),
        Outbound("7", "", media=(Media("image", url="u"),), key="k"),
        Outbound("7", "Lunch?", action="poll", poll=Poll(("a", "b"), is_multiple=True, open_s=60, is_anonymous=False)),
    ],
)
def test_a_reply_survives_the_file(out: Outbound) -> None:
    assert decode(json.loads(json.dumps(encode(out)))) == out


def test_a_long_reply_is_several_messages_in_order(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1), sent(2), sent(3))
    done: list[Receipt] = []
    make(world).send(Outbound("7", "first part of it second part of it the end", reply_to="5"), done.append)
    world.tasks.run()
    assert texts(world) == ["first part of it", "second part of it", "the end"]
    assert done == [Receipt("7", ("1", "2", "3"))]
    assert done[0].is_confirmed
    assert ["reply_parameters" in json.loads(body) for _, _, body in world.http.asked] == [True, False, False]
    assert world.clock.slept == [1.0, 1.0, 1.0]  # Telegram's pace in one chat


def test_replies_to_a_chat_keep_their_order_whatever_fails(tmp_path: Path) -> None:
    world = World(tmp_path, limited(3), sent(1), UpstreamError("timeout"), sent(2))
    outbox = make(world)
    for text in ("one", "two"):
        outbox.send(Outbound("7", text))
    world.tasks.run()
    assert texts(world) == ["one", "one", "two", "two"]
    assert world.clock.slept[0] == 3


def test_a_key_is_sent_once(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1))
    outbox = make(world)
    assert outbox.send(Outbound("7", "hi", key="k"))
    assert not outbox.send(Outbound("7", "hi", key="k"))
    world.tasks.run()
    assert not outbox.send(Outbound("7", "hi", key="k"))
    after = World(tmp_path)
    assert not make(after).send(Outbound("7", "hi", key="k"))
    assert len(world.http.asked) == 1


def test_a_restart_goes_on_behind_what_was_taken(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1))

    def end_of_the_process(seconds: float) -> None:
        raise SystemExit

    journal = Journal(tmp_path / "sending.jsonl", world.store)
    outbox = Outbox(TELEGRAM, world.http, journal, world.clock, world.tasks, end_of_the_process, 20)
    outbox.send(Outbound("7", "first part of it second part of it", key="k"))
    with pytest.raises(SystemExit):
        world.tasks.run()
    after = World(tmp_path, sent(2), sent(3))
    make(after).send(Outbound("7", "later"))
    after.tasks.run()
    assert texts(after) == ["second part of it", "later"]


REFUSALS = [
    (reply(400, ok=False, description="Bad Request: chat not found"), "400 Bad Request: chat not found"),
    (reply(401, ok=False), "the bot token is refused"),
]


@pytest.mark.parametrize(("answer", "reason"), REFUSALS)
def test_a_refusal_is_final(tmp_path: Path, answer: Reply, reason: str) -> None:
    world = World(tmp_path, answer)
    done: list[Receipt] = []
    make(world).send(Outbound("7", "hi"), done.append)
    world.tasks.run()
    assert len(world.http.asked) == 1
    assert reason in done[0].error
    assert not done[0].is_confirmed


def test_patience_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    done: list[Receipt] = []
    make(world).send(Outbound("7", "hi"), done.append)
    world.tasks.run()
    assert done[0].error == "network"
    assert 800 < sum(world.clock.slept) <= 940
    assert max(world.clock.slept) <= 33


def test_a_pause_beyond_our_patience_is_not_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, limited(3000))
    done: list[Receipt] = []
    make(world).send(Outbound("7", "hi"), done.append)
    world.tasks.run()
    assert done[0].error.startswith("429")
    assert world.clock.slept == []


def test_one_chat_that_waits_does_not_stop_another(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1), sent(2))
    outbox = make(world)
    outbox.send(Outbound("7", "one"))
    outbox.send(Outbound("8", "two"))
    assert len(world.tasks.waiting) == 2


def test_bounds(tmp_path: Path) -> None:
    world = World(tmp_path)
    outbox = make(world)
    for number in range(MOST_WAITING):
        outbox.send(Outbound(str(number), "x"))
    with pytest.raises(Overloaded):
        outbox.send(Outbound("x", "x"))
    assert len(outbox) == MOST_WAITING


def test_files_follow_the_text(tmp_path: Path) -> None:
    outbox = make(World(tmp_path), limit=2000)
    files = (Media("image", url="https://x/1"), Media("document", url="https://x/2"))
    short = list(outbox.cut(Outbound("7", "look", media=files, reply_to="5")))
    assert [(part.text, len(part.media), part.reply_to) for part in short] == [("look", 1, "5"), ("", 1, "")]
    long = list(outbox.cut(Outbound("7", "x" * 1500, media=files, reply_to="5")))
    assert [(len(part.text), len(part.media), part.reply_to) for part in long] == [
        (1500, 0, "5"),
        (0, 1, ""),
        (0, 1, ""),
    ]


def test_what_is_not_said_is_not_cut(tmp_path: Path) -> None:
    outbox = make(World(tmp_path), limit=5)
    edit = Outbound("7", "more than fits", action="edit", message_id="1")
    assert [part.text for part in outbox.cut(edit)] == ["more"]
    react = Outbound("7", "thumbs up", action="react", message_id="1")
    assert list(outbox.cut(react)) == [react]
    assert list(outbox.cut(Outbound("7", ""))) == []


def test_a_driver_that_crashes_costs_its_reply_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path, sent(1))
    done: list[Receipt] = []

    class Broken(Telegram):
        def send(self, part: Outbound, now_ms: int) -> Any:
            raise RuntimeError

    make(world, Broken(TELEGRAM.config)).send(Outbound("7", "hi"), done.append)
    world.tasks.run()
    assert done[0].error == "RuntimeError"
    assert "send_crashed" in caplog.text


def test_a_channel_without_calls_refuses(tmp_path: Path) -> None:
    world = World(tmp_path)
    done: list[Receipt] = []
    make(world, Webchat(AccountConfig("webchat"))).send(Outbound("main", "hi"), done.append)
    world.tasks.run()
    assert "events of the gateway" in done[0].error


def test_a_disk_that_fails_afterwards_costs_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path, reply(400, ok=False))
    done: list[Receipt] = []
    make(world).send(Outbound("7", "hi"), done.append)
    world.store.fail = OSError(28, "full")
    world.tasks.run()
    assert len(done) == 1
    assert "journal_failed" in caplog.text


def test_a_note_that_cannot_be_written_sends_nothing_twice(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1), sent(2))
    done: list[Receipt] = []
    make(world).send(Outbound("7", "first part of it second part of it"), done.append)
    world.store.fail = Overloaded("store")
    world.tasks.run()
    assert done == [Receipt("7", ("1", "2"))]


def test_a_poll_is_one_message(tmp_path: Path) -> None:
    world = World(tmp_path, sent(1))
    done: list[Receipt] = []
    poll = Outbound("7", "A question that is longer than one message?", action="poll", poll=Poll(("a", "b")))
    make(world).send(poll, done.append)
    world.tasks.run()
    ((_, url, body),) = world.http.asked
    assert url.endswith("/sendPoll")
    assert json.loads(body)["question"] == poll.text
    assert done == [Receipt("7", ("1",))]
