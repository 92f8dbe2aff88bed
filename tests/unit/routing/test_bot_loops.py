"""Bots that answer each other are ignored after twenty messages in a minute."""

from gw.routing import bot_loops
from gw.routing.bot_loops import BotLoops


def test_both_directions_count_together() -> None:
    loops = BotLoops()
    told = [loops.admit(*("ab" if n % 2 else "ba"), n) for n in range(bot_loops.MOST_EVENTS)]
    assert told == [True] * (bot_loops.MOST_EVENTS - 1) + [False]
    until = bot_loops.MOST_EVENTS - 1 + bot_loops.SILENCE_MS
    assert not loops.admit("a", "b", until - 1)
    assert loops.admit("a", "c", until - 1)
    assert loops.admit("a", "b", until)


def test_a_slow_conversation_goes_on() -> None:
    loops = BotLoops()
    step = bot_loops.WINDOW_MS // (bot_loops.MOST_EVENTS - 1) + 1
    assert all(loops.admit("a", "b", n * step) for n in range(200))


def test_pairs_are_bounded() -> None:
    loops = BotLoops()
    for n in range(bot_loops.PAIRS + 5):
        loops.admit("me", f"bot{n}", n)
    assert len(loops._seen) == bot_loops.PAIRS
