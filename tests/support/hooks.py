"""Webhook requests as drivers see them."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Request(NamedTuple):
    method: str = "POST"
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


def posted(value: Any, **headers: str) -> Request:
    """A POST of JSON; header names with `_` for `-`."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", "", {name.replace("_", "-"): text for name, text in headers.items()}, body)


def stamped(request: Request, **headers: str) -> Request:
    """The same with more headers."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return request._replace(headers={**request.headers, **named})
