"""Who is on a connection: role, scopes, device, client.

Knows nothing of how that was proved (gw.access) or of the socket.
"""

from enum import StrEnum
from typing import NamedTuple, NewType

SessionKey = NewType("SessionKey", str)
Scope = str  # upstream accepts unknown scope names, so this stays open


class Role(StrEnum):
    OPERATOR = "operator"
    NODE = "node"


class ConnInfo(NamedTuple):
    """Facts about one accepted connection; fixed for its life."""

    conn_id: str
    role: Role
    scopes: frozenset[Scope]  # with the implied ones added
    protocol: int  # 3 or 4
    client_id: str
    client_mode: str
    client_version: str
    platform: str
    remote: str  # peer address, without port
    is_local: bool
    device_id: str | None
    caps: frozenset[str]
    auth_method: str  # token | password | none | device-token
    instance_id: str | None = None
    display_name: str | None = None
