"""One effect per idempotency key in the guard proxy: what became of a keyed request, and who else asked for it.

Knows no frames, no clock and no verdicts. Invariant: the same key with the same content is passed on once and
everybody who asked gets that one answer; with other content it is a conflict; a request that certainly had no effect
leaves no trace.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from gw._native.envelope import Envelope
from gw.errors import InvalidRequest, RequestError, Unavailable
from gw.limits import IDEMPOTENCY_ENTRIES, IDEMPOTENCY_TTL_MS
from gw.wire import json

MOST_ANSWER_BYTES: Final = 64 * 1024  # of an answer that is kept for repeats
MOST_ASKERS: Final = 16  # repeats that wait for the answer to one request


Name = tuple[str, str, str]  # method, caller and key


class Answer(NamedTuple):
    """The rest of a `res` frame behind its id: `,"ok":true,"payload":...}`."""

    rest: bytes


class Entry:
    __slots__ = ("answer", "askers", "at_ms", "digest", "passed", "raw_digest")

    def __init__(self, digest: str, raw_digest: bytes) -> None:
        self.digest = digest
        self.raw_digest = raw_digest  # of the very bytes that are judged
        self.at_ms = 0  # of the answer
        self.passed = False  # handed to the gateway
        self.answer: Answer | None = None
        self.askers: list[Callable[[Answer], None]] = []

    @property
    def may_ask(self) -> bool:
        return len(self.askers) < MOST_ASKERS


class Repeats:
    """Shared by all connections of a proxy."""

    def __init__(self, ttl_ms: int = IDEMPOTENCY_TTL_MS, most: int = IDEMPOTENCY_ENTRIES) -> None:
        self._ttl_ms = ttl_ms
        self._most = most
        self._open: dict[Name, Entry] = {}  # without an answer
        self._answered: OrderedDict[Name, Entry] = OrderedDict()  # least recently answered first

    def __len__(self) -> int:
        return len(self._open) + len(self._answered)

    def begin(self, name: Name, digest: str, raw_digest: bytes, now_ms: int) -> Entry | None:
        """None: the first of its name, go on. Else what is known of it.

        Raises:
            InvalidRequest: the key was used for something else (upstream's reason, `chat-request-conflict`).
        """
        self._sweep(now_ms)
        known = self._open.get(name) or self._answered.get(name)
        if known is None:
            self._open[name] = Entry(digest, raw_digest)
            return None
        if known.digest != digest:
            raise InvalidRequest(
                "idempotencyKey was already used for a different request", details={"reason": "chat-request-conflict"}
            )
        return known

    def passed(self, name: Name) -> None:
        """It went to the gateway: from now on it may have had an effect."""
        entry = self._open.get(name)
        if entry is not None:
            entry.passed = True

    def finish(self, name: Name, answer: Answer, now_ms: int) -> None:
        """Its answer is known: tell those who asked, and whoever asks from now on."""
        entry = self._open.pop(name, None)
        if entry is None:
            return
        entry.at_ms = now_ms
        entry.answer = answer if len(answer.rest) <= MOST_ANSWER_BYTES else TOO_LARGE
        self._answered[name] = entry
        self._tell(entry, answer)

    def release(self, name: Name, answer: Answer) -> None:
        """It had no effect: those who asked are told, and the next of its name is a first again."""
        entry = self._open.pop(name, None)
        if entry is not None:
            self._tell(entry, answer)

    def _tell(self, entry: Entry, answer: Answer) -> None:
        askers, entry.askers = entry.askers, []
        for tell in askers:
            tell(answer)

    def _sweep(self, now_ms: int) -> None:
        """Forget what was answered long ago, and past the bound the oldest; never one without an answer."""
        while self._answered:
            oldest = next(iter(self._answered.values()))
            if len(self) <= self._most and now_ms - oldest.at_ms < self._ttl_ms:
                return
            self._answered.popitem(last=False)


TOO_LARGE: Final = Answer(
    b',"ok":false,"error":{"code":"INVALID_REQUEST","message":"this idempotencyKey was served already; '
    b'its answer was too large to be kept","details":{"reason":"answer-not-kept"}}}'
)


# What a repeat is told when nobody was there any more to hear the answer to the first.
UNKNOWN: Final = Answer(
    b',"ok":false,"error":{"code":"INVALID_REQUEST","message":"this idempotencyKey was passed on already; '
    b'its caller left before the answer came","details":{"reason":"outcome-unknown"}}}'
)


def failure_of(error: RequestError) -> Answer:
    return Answer(b',"ok":false,"error":%b}' % json.dumps(error.shape()))


def answer_of(data: bytes, envelope: Envelope) -> Answer:
    """What a `res` frame of the gateway says, whatever its id."""
    if envelope.ok:
        body = data[envelope.body_start : envelope.body_end]
        return Answer(b',"ok":true,"payload":%b}' % body if body else b',"ok":true}')
    return Answer(b',"ok":false,"error":%b}' % (data[envelope.error_start : envelope.error_end] or b"{}"))


def had_effect(data: bytes, envelope: Envelope) -> bool:
    """A gateway that says "try again" has done nothing; any other answer may stand for something done."""
    if envelope.ok:
        return True
    error = json.loads(data[envelope.error_start : envelope.error_end] or b"{}")
    return not (isinstance(error, dict) and (error.get("code") == Unavailable.code or error.get("retryable") is True))
