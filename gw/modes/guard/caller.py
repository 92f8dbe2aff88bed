"""Who is at a client's end of the guard, by its own connect; nothing here has been proved to us.

Knows no verdict. Invariant: total; what the gateway makes of a first message that is no connect, it says itself.
"""

from typing import NamedTuple

from gw._native.envelope import EnvelopeError, scan
from gw.limits import MAX_JSON_DEPTH
from gw.ports import Json
from gw.wire import json


class Caller(NamedTuple):
    conn_id: str
    client_id: str | None = None
    device_id: str | None = None

    @property
    def name(self) -> str:
        """Whose idempotency keys these are; without a device, those of this kind of client."""
        return self.device_id or self.client_id or self.conn_id


def introduced(caller: Caller, data: bytes) -> Caller:
    """The caller as its first message names it."""
    try:
        envelope = scan(data, max_depth=MAX_JSON_DEPTH)
        params = json.loads(data[envelope.body_start : envelope.body_end]) if envelope.body_end else {}
    except (EnvelopeError, ValueError):
        return caller
    if envelope.name != "connect" or not isinstance(params, dict):
        return caller
    return caller._replace(client_id=_id_in(params.get("client")), device_id=_id_in(params.get("device")))


def _id_in(value: Json) -> str | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None
