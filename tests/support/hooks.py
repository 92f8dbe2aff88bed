"""Webhook requests as drivers see them."""

import json
from typing import Any, NamedTuple


class Request(NamedTuple):
    method: str = "POST"
    query: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""


def posted(value: Any, **headers: str) -> Request:
    """A POST of JSON; header names with `_` for `-`."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", "", {name.replace("_", "-"): text for name, text in headers.items()}, body)
