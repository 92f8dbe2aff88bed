"""What a scope implies, and whether one set of scopes covers another.

Knows nothing of methods. Invariant: unknown scope names are kept as they are and imply nothing (upstream echoes them).
"""

from collections.abc import Iterable
from typing import Final

from gw.model.identity import Role

READ: Final = "operator.read"
WRITE: Final = "operator.write"
ADMIN: Final = "operator.admin"

OPERATOR_SCOPES: Final = frozenset(
    {READ, WRITE, ADMIN, "operator.approvals", "operator.pairing", "operator.questions", "operator.talk"}
    | {"operator.talk.secrets", "operator.sessions.read", "operator.sessions.write"}
)
IMPLIED: Final = {
    ADMIN: OPERATOR_SCOPES,
    WRITE: frozenset({READ, "operator.talk"}),
    "operator.sessions.write": frozenset({"operator.sessions.read"}),
}
# What a connection of the node role may do; node methods carry it as their scope.
NODE_SCOPES: Final = frozenset({"node"})


def expand(role: Role, scopes: Iterable[str]) -> frozenset[str]:
    """The scopes a connection has, the implied ones added."""
    if role is Role.NODE:
        return NODE_SCOPES
    given = frozenset(scopes)
    return given.union(*(IMPLIED.get(scope, frozenset()) for scope in given))


def covers(approved: Iterable[str], requested: Iterable[str]) -> bool:
    """Whether every requested scope is among the approved ones or implied by one of them."""
    return expand(Role.OPERATOR, approved).issuperset(requested)
