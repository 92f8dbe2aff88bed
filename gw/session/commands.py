"""Slash commands that act on the session itself, ahead of its queue: recognising them and reading their arguments.

Pure text in, values out; what they do is elsewhere. Invariant: only a whole message is a command (reset triggers alone
may be followed by the next prompt), and a word that is not understood makes it an ordinary message or a plain refusal,
never another command.

Source: openclaw/SESSIONS.md section 3.1, ROUTING.md sections 4.1 and 8.1.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session import queueing

RESET_TRIGGERS: Final = ("/new", "/reset")
ACTIVATIONS: Final = ("mention", "always")
QUEUE_FIELDS: Final = ("queueMode", "queueDebounceMs", "queueCap", "queueDrop")
_DURATION: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?")
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000}


class Command(NamedTuple):
    name: str  # reset | stop | queue | activation
    rest: str  # the next prompt, or the arguments
    word: str  # as it was typed, lower-case and without the slash


def parse(text: str, reset_triggers: Sequence[str] = RESET_TRIGGERS) -> Command | None:
    """Return the command a message is, or None."""
    head, _, rest = text.strip().partition(" ")
    head, newline, more = head.partition("\n")
    if newline:
        rest = f"{more} {rest}"
    word, rest = head.lower(), rest.strip()
    if word in {trigger.lower() for trigger in reset_triggers}:
        return Command("reset", rest, word.lstrip("/"))
    if word == "/stop" and not rest:
        return Command("stop", "", "stop")
    if word.rstrip(":") in ("/queue", "/activation"):
        name = word.rstrip(":")[1:]
        return Command(name, rest.removeprefix(":").strip().lower(), name)
    return None


def queue_fields(arguments: str) -> dict[str, Json]:
    """Read `/queue <mode> [debounce:0.5s] [cap:25] [drop:old]`; `default` and `reset` clear all (null).

    Raises:
        InvalidRequest: a word that is neither, with the words there are.
    """
    words = arguments.split()
    if words in (["default"], ["reset"]):
        return dict.fromkeys(QUEUE_FIELDS)
    fields: dict[str, Json] = {}
    for word in words:
        name, colon, value = word.partition(":")
        if not colon and queueing.mode_of(word):
            fields["queueMode"] = queueing.mode_of(word)
        elif name == "debounce" and (duration := _DURATION.fullmatch(value)):
            fields["queueDebounceMs"] = int(float(duration[1]) * _UNIT_MS[duration[2] or "ms"])
        elif name == "cap" and value.isdecimal() and 0 < int(value) <= 1000:
            fields["queueCap"] = int(value)
        elif name == "drop" and queueing.drop_of(value):
            fields["queueDrop"] = queueing.drop_of(value)
        else:
            raise InvalidRequest(
                f'"{word[:40]}" is not understood (use steer|followup|collect|interrupt, debounce:0.5s, cap:20, '
                f"drop:old|new|summarize, or default)"
            )
    return fields
