"""A provider's JSON, read without trusting its shape.

Knows no provider. Invariant: whatever a field holds, the answer has the type the name says; what is missing or wrong
reads as empty, so that a malformed update is an ignored update and never a crash.
"""

from collections.abc import Mapping
from typing import Final

from gw.channels.base import Answer, SendLater
from gw.ports import Json
from gw.wire import json

Table = Mapping[str, Json]
EMPTY: Final[Table] = {}
MAX_AFTER_S: Final = 3600.0


def load(data: bytes) -> Table:
    """A JSON object. Raises ValueError for everything else."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def answer(reply: Answer) -> Table:
    """The JSON object a provider answered; a server that fails, or does not speak JSON, is asked again later."""
    if reply.status >= 500:
        raise SendLater(f"status {reply.status}", after(reply))
    try:
        return load(reply.body)
    except ValueError:
        if 200 <= reply.status < 300:
            raise SendLater("answer without JSON") from None
        return EMPTY


def after(reply: Answer) -> float | None:
    """Seconds of a Retry-After header, when it has some."""
    return seconds(reply.headers.get("retry-after"))


def seconds(value: Json) -> float | None:
    """A pause a provider asked for; bounded, None when it makes no sense."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(number, MAX_AFTER_S) if number >= 0 else None


def socket_url(url: str, api_root: str) -> str:
    """An address a provider gave for its WebSocket; never less protected than the API that gave it."""
    if not url.startswith(("wss://",) if api_root.startswith("https://") else ("wss://", "ws://")):
        raise SendLater("no address for a socket")
    return url


def table(value: Json, *names: str) -> Table:
    """The object found by following *names*."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else EMPTY


def rows(value: Table, name: str) -> list[Table]:
    """The objects in a list."""
    found = value.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def text(value: Table, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def ident(value: Table, name: str) -> str:
    """An id as text, whether the provider writes it as number or as text."""
    found = value.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else ""


def number(value: Table, name: str) -> int:
    """A whole number, also one written as text; 0 when there is none."""
    found = value.get(name)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 16:
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
