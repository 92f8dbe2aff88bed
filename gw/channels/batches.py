"""Messages that wait a moment for what their sender says next, and the one message they become.

Pure: times are monotonic seconds and come in. Knows no provider and no settings: how long a message may wait is told
with it. Invariant: every message leaves once; a chat's batches leave in the order they began, and before whatever does
not wait; a batch has at most MOST_MESSAGES, MOST_CHARS and MOST_WAIT_S, and what would be more begins the next.

Source: openclaw/ROUTING.md section 7 (text), CHANNELS.md section 4.1 (albums).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gw.channels.base import Inbound, Mentions

MOST_MESSAGES: Final = 12
MOST_CHARS: Final = 50_000
MOST_WAIT_S: Final = 7.5

Batch = Sequence[Inbound]


@dataclass(slots=True)
class _Open:
    messages: list[Inbound]
    until: float  # the latest, whatever comes
    due: float

    def takes(self, message: Inbound) -> bool:
        last, chars = self.messages[-1], sum(len(one.text) for one in self.messages)
        quotes = {one.quote for one in (*self.messages, message) if one.quote is not None}
        return chars + len(message.text) <= MOST_CHARS and len(quotes) < 2 and _frame(last) == _frame(message)


class Batches:
    def __init__(self) -> None:
        self._chats: dict[str, list[_Open]] = {}  # one of each sender, the oldest first
        self._waiting = 0

    def __len__(self) -> int:
        """Messages that wait."""
        return self._waiting

    def add(self, message: Inbound, wait_s: float, now: float) -> tuple[list[Batch], float | None]:
        """Returns what goes on now, in order, and when to ask `ripe`; None: *message* is among it and does not wait.

        It waits for `wait_s` of silence of its sender.
        """
        place = chat_of(message)
        chat = self._chats.get(place, [])
        if wait_s <= 0:
            return [*self._leave(place, len(chat)), (message,)], None
        gone: list[Batch] = []
        senders = [one.messages[0].sender.id for one in chat]
        at = senders.index(message.sender.id) if message.sender.id in senders else len(chat)
        if at < len(chat) and not chat[at].takes(message):
            gone = self._leave(place, at + 1)
            at = len(chat)
        if at == len(chat):
            chat.append(_Open([], now + MOST_WAIT_S, now))
            self._chats[place] = chat
        found = chat[at]
        found.messages.append(message)
        found.due = min(now + wait_s, found.until)
        self._waiting += 1
        if len(found.messages) >= MOST_MESSAGES:
            return gone + self._leave(place, at + 1), None
        return gone, found.due

    def ripe(self, place: str, now: float) -> list[Batch]:
        """What has waited long enough in a chat; nothing overtakes what began before it."""
        chat = self._chats.get(place, [])
        return self._leave(place, next((count for count, one in enumerate(chat) if one.due > now), len(chat)))

    def _leave(self, place: str, count: int) -> list[Batch]:
        """The oldest *count* batches of a chat."""
        chat = self._chats.get(place, [])
        gone = [one.messages for one in chat[:count]]
        del chat[:count]
        if not chat:
            self._chats.pop(place, None)
        self._waiting -= sum(map(len, gone))
        return list(gone)


def chat_of(message: Inbound) -> str:
    """Within it messages are handled in order."""
    return f"{message.chat_id}|{message.thread_id}"


def join(batch: Batch) -> Inbound:
    """The newest message, saying what all of them said."""
    newest = batch[-1]
    if len(batch) == 1:
        return newest
    said = [one.mentions for one in batch]
    return newest._replace(
        text="\n".join(one.own_text for one in batch if one.own_text) or newest.text,
        mentions=Mentions(
            any(one.bot for one in said),
            any(one.any for one in said),
            tuple(dict.fromkeys(kind for one in said for kind in one.implicit)),
            tuple(dict.fromkeys(user for one in said for user in one.users)),
        ),
        quote=next((one.quote for one in reversed(batch) if one.quote is not None), None),
        media=tuple(file for one in batch for file in one.media),
        parts=len(batch),
    )


def _frame(message: Inbound) -> Inbound:
    """All but what is said: messages are joined when this is the same."""
    return message._replace(message_id="", timestamp_ms=0, text="", mentions=Mentions(), quote=None, media=())
