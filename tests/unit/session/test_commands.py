"""Which messages are commands, and what their arguments mean."""

import pytest

from gw.errors import InvalidRequest
from gw.session import commands
from gw.session.commands import Command


@pytest.mark.parametrize(
    "text, expected",
    [
        ("/new", Command("reset", "", "new")),
        (" /RESET  tell me\nmore ", Command("reset", "tell me\nmore", "reset")),
        ("/new\nhello", Command("reset", "hello", "new")),
        ("/stop", Command("stop", "", "stop")),
        ("/stop it", None),
        ("/queue collect cap:3", Command("queue", "collect cap:3", "queue")),
        ("/queue: Collect", Command("queue", "collect", "queue")),
        ("/activation: always", Command("activation", "always", "activation")),
        ("/newest", None),
        ("please /new", None),
        ("", None),
        ("/", None),
    ],
)
def test_what_is_a_command(text: str, expected: Command | None) -> None:
    assert commands.parse(text) == expected


def test_reset_triggers_can_be_chosen() -> None:
    assert commands.parse("!Over go on", ["!over"]) == Command("reset", "go on", "!over")
    assert commands.parse("/new", ["!over"]) is None


@pytest.mark.parametrize(
    "arguments, fields",
    [
        ("collect", {"queueMode": "collect"}),
        (
            "followups debounce:0.5s cap:25 drop:oldest",
            {"queueMode": "followup", "queueDebounceMs": 500, "queueCap": 25, "queueDrop": "old"},
        ),
        ("debounce:250 ", {"queueDebounceMs": 250}),
        ("debounce:2m", {"queueDebounceMs": 120_000}),
        ("default", dict.fromkeys(commands.QUEUE_FIELDS)),
        ("reset", dict.fromkeys(commands.QUEUE_FIELDS)),
        ("", {}),
    ],
)
def test_queue_arguments(arguments: str, fields: dict[str, object]) -> None:
    assert commands.queue_fields(arguments) == fields


@pytest.mark.parametrize("arguments", ["fast", "cap:0", "cap:x", "cap:1001", "drop:all", "debounce:soon", "collect x"])
def test_words_that_mean_nothing_are_named(arguments: str) -> None:
    with pytest.raises(InvalidRequest, match="is not understood"):
        commands.queue_fields(arguments)
