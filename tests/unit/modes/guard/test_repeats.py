"""gw/modes/guard/repeats: one effect per key."""

import pytest

from gw._native.envelope import scan
from gw.errors import InvalidRequest, Unavailable
from gw.modes.guard.repeats import (
    MOST_ANSWER_BYTES,
    MOST_ASKERS,
    TOO_LARGE,
    Answer,
    Name,
    Repeats,
    answer_of,
    failure_of,
    had_effect,
)

YES = Answer(b',"ok":true}')


def name(key: str) -> Name:
    return "chat.send", "device", key


def test_the_first_goes_on_and_the_others_wait_for_its_answer() -> None:
    repeats, told = Repeats(), list[Answer]()
    assert repeats.begin(name("n"), "content", b"raw", 0) is None
    known = repeats.begin(name("n"), "content", b"raw", 1)
    assert known is not None and known.answer is None
    known.askers += [told.append] * (MOST_ASKERS - 1)
    room = [known.may_ask]
    known.askers.append(told.append)
    assert [*room, known.may_ask] == [True, False]
    repeats.passed(name("n"))
    assert known.passed
    repeats.finish(name("n"), YES, 2)
    assert told == [YES] * MOST_ASKERS
    again = repeats.begin(name("n"), "content", b"raw", 3)
    assert again is known and again.answer == YES


def test_other_content_is_a_conflict() -> None:
    repeats = Repeats()
    repeats.begin(name("n"), "content", b"", 0)
    with pytest.raises(InvalidRequest) as caught:
        repeats.begin(name("n"), "other", b"", 0)
    assert caught.value.details == {"reason": "chat-request-conflict"}


def test_what_had_no_effect_leaves_no_trace() -> None:
    repeats, told = Repeats(), list[Answer]()
    repeats.begin(name("n"), "content", b"", 0)
    known = repeats.begin(name("n"), "content", b"", 0)
    assert known is not None
    known.askers.append(told.append)
    repeats.release(name("n"), YES)
    assert told == [YES] and len(repeats) == 0
    assert repeats.begin(name("n"), "other", b"", 0) is None


def test_names_that_are_not_known_are_harmless() -> None:
    repeats = Repeats()
    repeats.passed(name("x"))
    repeats.finish(name("x"), YES, 0)
    repeats.release(name("x"), YES)
    assert len(repeats) == 0


def test_answered_ones_are_forgotten_by_age_and_by_number_and_open_ones_never() -> None:
    repeats = Repeats(ttl_ms=100, most=3)
    for i in range(5):
        repeats.begin(name(f"open{i}"), "c", b"", 0)
    for i in range(3):
        repeats.begin(name(f"done{i}"), "c", b"", 0)
        repeats.finish(name(f"done{i}"), YES, 10 * i)
    repeats.begin(name("more"), "c", b"", 20)
    assert len(repeats) == 6, "five open ones and the newcomer"
    repeats = Repeats(ttl_ms=100)
    repeats.begin(name("a"), "c", b"", 0)
    repeats.finish(name("a"), YES, 50)
    assert repeats.begin(name("a"), "c", b"", 149) is not None
    assert repeats.begin(name("a"), "c", b"", 150) is None


def test_a_large_answer_is_told_but_not_kept() -> None:
    repeats, told = Repeats(), list[Answer]()
    repeats.begin(name("n"), "c", b"", 0)
    known = repeats.begin(name("n"), "c", b"", 0)
    assert known is not None
    known.askers.append(told.append)
    large = Answer(b"x" * (MOST_ANSWER_BYTES + 1))
    repeats.finish(name("n"), large, 0)
    assert told == [large] and known.answer == TOO_LARGE


ANSWERS = [
    (b'{"type":"res","id":"1","ok":true,"payload":{"a": 1}}', b',"ok":true,"payload":{"a": 1}}', True),
    (b'{"type":"res","id":"1","ok":true}', b',"ok":true}', True),
    (b'{"type":"res","id":"1","ok":false,"error":{"code":"X"}}', b',"ok":false,"error":{"code":"X"}}', True),
    (b'{"ok":false,"error":{"code":"UNAVAILABLE"},"type":"res","id":"1"}', None, False),
    (b'{"ok":false,"error":{"code":"X","retryable":true},"type":"res","id":"1"}', None, False),
]


@pytest.mark.parametrize("frame, rest, effect", ANSWERS)
def test_what_an_answer_says(frame: bytes, rest: bytes | None, effect: bool) -> None:
    envelope = scan(frame, max_depth=64)
    assert had_effect(frame, envelope) is effect
    if rest is not None:
        assert answer_of(frame, envelope) == Answer(rest)


def test_our_own_failure_has_the_same_form() -> None:
    assert failure_of(Unavailable("m")).rest.startswith(b',"ok":false,"error":{"code":"UNAVAILABLE","message":"m"')
