"""The one JSON library of the wire: values in, values out, and already encoded answers.

Knows nothing of frames. Invariant: what `dumps` writes is UTF-8 JSON that the strict scanner accepts. What is read
here has passed `_native.envelope.scan`, which decides whether a text is acceptable; `loads` only turns it into values.
"""

from json.encoder import encode_basestring

import ujson

from gw.ports import Json


class Encoded(bytes):
    """JSON that is already encoded; a handler may return it and it is sent as it is."""

    __slots__ = ()


def dumps(value: Json) -> bytes:
    if value.__class__ is Encoded:
        return bytes(value)
    text = ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False, allow_nan=False)
    return text.encode("utf-8", "replace")


def quote(text: str) -> bytes:
    """A JSON string; several times faster for the short ones that every answer carries."""
    return encode_basestring(text).encode("utf-8", "replace")


def loads(data: bytes | str) -> Json:
    """Raises ValueError when `data` is not JSON."""
    return ujson.loads(data)
