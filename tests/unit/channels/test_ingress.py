"""Messages on their way in: taken once, handled once, in order, over restarts."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gw.channels.base import Command, Inbound, Media, Mentions, Peer, Quote, Sender
from gw.channels.ingress import MOST_WAITING, Ingress, decode, encode
from gw.channels.journal import Journal
from gw.errors import Overloaded, StoreError, Unavailable
from tests.support.channels import World, message

FULL = message(
    kind="edit",
    edit_of="1",
    thread_id="5",
    parent_peer=Peer("group", "p"),
    sender=Sender("7", "Ann", roles=("R1", "R2")),
    commands=(Command("status", "now"),),
    mentions=Mentions(True, True, ("reply_to_bot",), ("99",)),
    quote=Quote("3", "9", True, "q"),
    media=(Media("image", "f", size_bytes=3),),
    is_forwarded=True,
)


def make(world: World, handle: Callable[[Inbound], object], wait_s: float = 0.0) -> Ingress:
    journal = Journal(world.folder / "received.jsonl", world.store)
    journal.load()
    ingress = Ingress(journal, handle, lambda _: wait_s, world.clock, world.tasks, world.clock.sleep)
    ingress.resume()
    return ingress


@pytest.mark.parametrize("inbound", [message(), FULL])
def test_a_message_survives_the_file(inbound: Inbound) -> None:
    assert decode(json.loads(json.dumps(encode(inbound)))) == inbound


def test_no_two_messages_share_a_key() -> None:
    places = [("a|b", "c"), ("a", "b|c"), ("a%7Cb", "c"), ("a", "b%7Cc"), ("", "a|b|c")]
    assert len({message(number, chat_id=chat).dedupe_key for chat, number in places}) == len(places)
    plain = message("5", chat_id="-100", team_id="T")
    assert plain.dedupe_key == "telegram|default|message|T|-100|5"


def test_copies_are_handled_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []
    ingress = make(world, handled.append)
    assert ingress.take([message("1", "a"), message("2", "b"), message("1", "copy")]) == 2
    assert ingress.take([message("1")]) == 0
    world.tasks.run()
    assert ingress.take([message("1")]) == 0
    world.tasks.run()
    assert [inbound.text for inbound in handled] == ["a", "b"]


def test_what_was_taken_is_handled_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []
    make(world, handled.append).take([message("1"), message("2")])  # and then the process ends
    after = World(tmp_path)
    make(after, handled.append)
    after.tasks.run()
    assert [inbound.message_id for inbound in handled] == ["1", "2"]
    once_more = World(tmp_path)
    assert make(once_more, handled.append).take([message("1")]) == 0
    once_more.tasks.run()
    assert len(handled) == 2


def test_what_waits_for_more_becomes_one_message(tmp_path: Path) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []
    ingress = make(world, handled.append, 0.3)
    assert ingress.take([message("1", "a"), message("2", "b", chat_id="8"), message("3", "c")]) == 3
    assert (handled, len(ingress)) == ([], 3)
    world.tasks.run()
    assert sorted((one.message_id, one.text, one.parts) for one in handled) == [("2", "b", 1), ("3", "a\nc", 2)]
    assert len(ingress) == 0
    assert ingress.take([message("1"), message("3")]) == 0
    ingress.take([message("4", "later")])
    world.tasks.run()
    assert handled[-1].text == "later"
    assert make(World(tmp_path), handled.append, 0.3).take([message("1"), message("3")]) == 0


def test_what_waited_at_the_end_is_handled_after_a_restart(tmp_path: Path) -> None:
    """One by one: which of them were being handled together is not known."""
    make(World(tmp_path), print, 0.3).take([message("1", "a"), message("2", "b")])
    after, handled = World(tmp_path), list[Inbound]()
    make(after, handled.append, 0.3).take([message("3", "c")])
    after.tasks.run()
    assert [one.text for one in handled] == ["a", "b", "c"]


def test_a_joined_message_comes_again_as_it_was(tmp_path: Path) -> None:
    world, seen = World(tmp_path), list[Inbound]()

    def handle(inbound: Inbound) -> None:
        seen.append(inbound)
        raise KeyboardInterrupt  # the process ends in the middle of it

    make(world, handle, 0.3).take([message("1", "a"), message("2", "b")])
    with pytest.raises(KeyboardInterrupt):
        world.tasks.run()
    after = World(tmp_path)
    make(after, seen.append, 0.3).take([message("3", "c")])
    after.tasks.run()
    assert [one.text for one in seen] == ["a\nb", "a\nb", "c"]
    assert seen[0] == seen[1]


def test_nothing_is_handled_that_could_not_be_written_as_one(tmp_path: Path) -> None:
    world, handled, tries = World(tmp_path), list[Inbound](), list[int]()
    run = world.store.run

    def sometimes(job: Callable[[bytes], object], lines: bytes) -> object:
        if lines.startswith(b'["join"'):
            tries.append(len(handled))
            if len(tries) < 3:
                raise OSError(28, "full")
        return run(job, lines)

    ingress = make(world, handled.append, 0.3)
    world.store.run = sometimes  # type: ignore[assignment,method-assign]
    ingress.take([message("1", "a"), message("2", "b")])
    world.tasks.run()
    assert (tries, [one.text for one in handled]) == ([0, 0, 0], ["a\nb"])
    assert world.clock.slept[-2:] == [0.5, 1.0]


def test_who_is_on_the_way_to_the_disk_counts(tmp_path: Path) -> None:
    world = World(tmp_path)
    ingress = make(world, print)
    found: list[int] = []
    run = world.store.run

    def look(job: Callable[[bytes], object], lines: bytes) -> object:
        found.append(len(ingress))
        return run(job, lines)

    world.store.run = look  # type: ignore[assignment,method-assign]
    ingress.take([message("1"), message("2")])
    assert found == [2]


def test_no_room_is_said_before_anything_is_taken(tmp_path: Path) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []
    ingress = make(world, handled.append)
    ingress.take([message(str(number)) for number in range(MOST_WAITING - 1)])
    with pytest.raises(Overloaded):
        ingress.take([message("x"), message("y")])
    assert ingress.take([message("x")]) == 1
    world.tasks.run()
    assert ingress.take([message("y")]) == 1
    assert len(ingress) == 1


def test_a_disk_that_fails_takes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []
    ingress = make(world, handled.append)
    world.store.fail = OSError(28, "full")
    with pytest.raises(StoreError):
        ingress.take([message("1")])
    world.store.fail = None
    assert ingress.take([message("1")]) == 1


@pytest.mark.parametrize("error", [Overloaded("turns"), Unavailable("later"), StoreError("disk")])
def test_who_has_no_room_is_asked_again(tmp_path: Path, error: Exception) -> None:
    world = World(tmp_path)
    calls: list[Inbound] = []

    def handle(inbound: Inbound) -> None:
        calls.append(inbound)
        if len(calls) < 3:
            raise error

    make(world, handle).take([message("1")])
    world.tasks.run()
    assert len(calls) == 3
    assert world.clock.slept == [0.5, 1.0]


def test_patience_ends_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)

    def handle(inbound: Inbound) -> None:
        raise Overloaded("turns")

    with caplog.at_level(logging.ERROR):
        make(world, handle).take([message("1", "s3cret text")])
        world.tasks.run()
    assert "inbound_lost" in caplog.text
    assert "s3cret" not in caplog.text
    assert sum(world.clock.slept) <= 900


def test_a_crash_stops_neither_its_chat_nor_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    handled: list[Inbound] = []

    def handle(inbound: Inbound) -> None:
        if inbound.message_id == "1":
            raise RuntimeError
        handled.append(inbound)

    make(world, handle).take([message("1"), message("2"), message("3", chat_id="8")])
    world.tasks.run()
    assert sorted(inbound.message_id for inbound in handled) == ["2", "3"]
    assert "inbound_lost" in caplog.text


def test_a_disk_that_fails_at_the_end_costs_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)

    def handle(inbound: Inbound) -> None:
        world.store.fail = OSError(28, "full")

    make(world, handle).take([message("1")])
    world.tasks.run()
    assert "journal_failed" in caplog.text
