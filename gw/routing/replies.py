"""What goes back to a chat: silence, tags that choose what is answered, and threading.

Pure text. Invariant: a reply never chooses its channel or chat; `NO_REPLY` and reply tags never reach a chat as text.

Source: openclaw/ROUTING.md section 9.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

SILENT: Final = "NO_REPLY"
MODES: Final = ("off", "first", "all", "batched")
HONOURS_TAGS: Final = frozenset({"telegram", "discord"})  # also where replies are switched off
_TAG: Final = re.compile(r"\[\[\s*reply_to(?:_current|:\s*([^\]\s]{1,128}))\s*\]\]")
_AROUND: Final = re.compile(r"[ \t]{2,}")


class Reply(NamedTuple):
    text: str
    reply_to: str = ""  # id of the message that is answered; empty: none
    silent: bool = False


def read(text: str, *, mode: str, channel: str, message_id: str, joined: bool = False) -> Reply:
    """Take tags out of what a model said and decide what it answers.

    `mode` is `replyToMode`; `message_id` the newest message the turn answers; `joined`: it answers several at once.
    """
    tags = list(_TAG.finditer(text))
    if tags:
        text = _AROUND.sub(" ", _TAG.sub("", text))
    text = text.strip()
    if not text or text.upper() == SILENT:
        return Reply("", silent=True)
    if tags and (mode != "off" or channel in HONOURS_TAGS):
        return Reply(text, tags[-1][1] or message_id)
    answers = mode in ("first", "all") or (mode == "batched" and joined)
    return Reply(text, message_id if answers else "")


def mode_of(chosen: object) -> str:
    return chosen if isinstance(chosen, str) and chosen in MODES else MODES[0]


class Said(NamedTuple):
    sender: str
    text: str


def prompt(text: str, *, quote: Said | None = None, quote_id: str = "", history: Sequence[Said] = ()) -> str:
    """A message with what its reader saw around it: the quoted message, and what was said since the last reply."""
    if quote is not None:
        text = f"{text}\n\n[Replying to {quote.sender} id:{quote_id}]\n{quote.text}\n[/Replying]"
    if not history:
        return text
    lines = "\n".join(f"{one.sender}: {one.text}" for one in history)
    return (
        f"[Chat messages since your last reply - for context]\n{lines}\n\n[Current message - respond to this]\n{text}"
    )
