"""logs.tail: the last log lines, from memory.

Invariant: a line that reaches a client is exactly a line that was written, so it is as free of payloads as the log.
"""

from gw.methods.router import Call, rpc
from gw.observe.history import History
from gw.ports import Json

# Upstream's bounds of the request (published schema) and its defaults.
MOST_LINES = 5000
MOST_BYTES = 1_000_000
DEFAULT_LINES = 500
DEFAULT_BYTES = 250_000


class Logs:
    def __init__(self, history: History) -> None:
        self._history = history

    @rpc("logs.tail", inline=True)
    def tail(self, call: Call) -> Json:
        limit = min(int(call.params.get("limit", DEFAULT_LINES)), MOST_LINES)
        room = min(int(call.params.get("maxBytes", DEFAULT_BYTES)), MOST_BYTES)
        tail = self._history.tail(call.params.get("cursor"), limit, room)
        return {
            "file": "memory",
            "cursor": tail.cursor,
            "size": tail.cursor,
            "lines": list(tail.lines),
            "truncated": tail.truncated,
            "reset": tail.reset,
        }
