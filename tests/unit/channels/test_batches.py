"""What is joined, what goes on when, and what one message says for several."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels.base import Command, Inbound, Media, Mentions, Quote, Sender
from gw.channels.batches import MOST_CHARS, MOST_MESSAGES, MOST_WAIT_S, Batch, Batches, chat_of, join
from tests.support.channels import message

PLACE = chat_of(message())
ANN, BOB = Sender("ann"), Sender("bob")
PHOTO = (Media("image", "p1"),)


def ids(batches: list[Batch]) -> list[str]:
    return ["+".join(one.message_id for one in batch) for batch in batches]


def told(*messages: Inbound) -> tuple[Batches, list[str]]:
    """All of them at once, with a second to wait."""
    batches = Batches()
    return batches, ids([batch for one in messages for batch in batches.add(one, 1.0, 0.0)[0]])


def test_silence_ends_the_wait_and_every_message_prolongs_it() -> None:
    batches = Batches()
    assert batches.add(message("1"), 0.3, 0.0) == ([], 0.3)
    assert batches.add(message("2"), 0.3, 0.2) == ([], 0.5)
    assert batches.ripe(PLACE, 0.3) == []
    assert (ids(batches.ripe(PLACE, 0.5)), len(batches)) == (["1+2"], 0)
    assert batches.ripe(PLACE, 0.6) == []


def test_nobody_waits_for_ever() -> None:
    batches = Batches()
    for number in range(MOST_MESSAGES - 1):
        gone, due = batches.add(message(str(number)), 1.0, number * 0.7)
        assert (gone, due) == ([], min(number * 0.7 + 1.0, MOST_WAIT_S))
    assert due == MOST_WAIT_S


def test_a_full_batch_goes_on_at_once() -> None:
    batches, gone = told(*(message(str(number)) for number in range(MOST_MESSAGES)))
    assert gone == ["+".join(map(str, range(MOST_MESSAGES)))]
    assert len(batches) == 0


@pytest.mark.parametrize(
    ("second", "gone"),
    [
        ({}, []),
        ({"text": "x" * (MOST_CHARS - 2)}, []),
        ({"text": "x" * (MOST_CHARS - 1)}, ["1"]),
        ({"quote": Quote("9")}, []),
        ({"mentions": Mentions(True, True)}, []),
        ({"is_forwarded": True}, ["1"]),
        ({"album": "a"}, ["1"]),
        ({"kind": "edit"}, ["1"]),
        ({"sender": Sender("7", "Another name")}, ["1"]),
        ({"sender": BOB}, []),
        ({"chat_id": "8"}, []),
        ({"thread_id": "5"}, []),
    ],
)
def test_what_a_second_message_does_to_the_first(second: dict[str, Any], gone: list[str]) -> None:
    assert told(message("1", "hi"), message("2", **second))[1] == gone


def test_two_different_quotes_are_two_turns() -> None:
    quoting = message("2", quote=Quote("8"))
    assert told(message("1", quote=Quote("9")), quoting, message("3"), message("4", quote=Quote("8")))[1] == ["1"]


def test_a_chat_keeps_its_order() -> None:
    """Also between people: who began first goes on first, and before whatever does not wait."""
    batches = Batches()
    batches.add(message("1", sender=ANN), 1.5, 0.0)
    batches.add(message("2", sender=BOB), 0.3, 0.1)
    batches.add(message("3", sender=ANN), 1.5, 0.2)
    batches.add(message("4", sender=ANN, chat_id="8"), 1.5, 0.2)
    assert ids(batches.ripe(PLACE, 0.4)) == [], "the second waits for the first, who may be in the middle of it"
    assert ids(batches.ripe(PLACE, 1.7)) == ["1+3", "2"]
    batches.add(message("5", sender=ANN), 0.3, 0.5)
    batches.add(message("6", sender=BOB), 0.3, 0.6)
    assert ids(batches.add(message("7", media=PHOTO), 0.0, 0.7)[0]) == ["5", "6", "7"]
    assert len(batches) == 1


def test_one_message_says_what_all_said() -> None:
    first = message(
        "1",
        "look",
        timestamp_ms=5,
        mentions=Mentions(True, True, ("reply_to_bot",), ("a",)),
        quote=Quote("9", text="q"),
    )
    second = message("2", "at this", timestamp_ms=6, mentions=Mentions(False, True, ("reply_to_bot",), ("b", "a")))
    assert join((first, second)) == second._replace(
        text="look\nat this",
        mentions=Mentions(True, True, ("reply_to_bot",), ("a", "b")),
        quote=Quote("9", text="q"),
        parts=2,
    )
    assert join((first,)) is first


def test_an_album_is_one_message() -> None:
    files = [Media("image", "p1"), Media("video", "v1"), Media("image", "p2")]
    texts = ["<media:image>", "our trip", "<media:image>"]
    album = [message(str(n), texts[n], media=(files[n],), album="a") for n in range(3)]
    assert told(*album)[1] == []
    whole = join(album)
    assert (whole.text, whole.media, whole.message_id) == ("our trip", tuple(files), "2")
    assert join(album[::2]).text == "<media:image>"


def test_what_waits_is_nobodys_command() -> None:
    """A command has its own arguments; another message's words are never among them."""
    assert told(message("1", "/new", commands=(Command("new"),)), message("2", "idea"))[1] == ["1"]


SAID = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from([0.0, 0.3, 1.5]), st.floats(0, 2))


@given(st.lists(SAID, max_size=60))
def test_everything_leaves_once_in_the_order_it_began(said: list[tuple[str, str, float, float]]) -> None:
    batches, now = Batches(), 0.0
    gone: list[Batch] = []
    told: list[Inbound] = []
    timers: list[tuple[float, str]] = []
    for number, (place, who, wait_s, pause_s) in enumerate(said):
        now += pause_s
        for due, chat in sorted(timers):
            if due <= now:
                gone += batches.ripe(chat, due)
        timers = [(due, chat) for due, chat in timers if due > now]
        told.append(message(str(number), chat_id=place, sender=Sender(who)))
        left, due_at = batches.add(told[-1], wait_s, now)
        gone += left
        if due_at is not None:
            assert now < due_at <= now + wait_s
            timers.append((due_at, chat_of(told[-1])))
        assert len(batches) == len(told) - sum(map(len, gone))
    for due, chat in sorted(timers):
        gone += batches.ripe(chat, due)
    assert len(batches) == 0
    for chat in "ab":
        mine = [int(batch[0].message_id) for batch in gone if batch[0].chat_id == chat]
        assert mine == sorted(mine)
    for who in "xyz":
        for chat in "ab":
            heard = [one for batch in gone for one in batch if (one.chat_id, one.sender.id) == (chat, who)]
            assert heard == [one for one in told if (one.chat_id, one.sender.id) == (chat, who)]
    assert all(len({(one.chat_id, one.sender) for one in batch}) == 1 for batch in gone)
