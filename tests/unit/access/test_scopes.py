import pytest

from gw.access.scopes import NODE_SCOPES, OPERATOR_SCOPES, covers, expand
from gw.model.identity import Role


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), set()),
        (("operator.read",), {"operator.read"}),
        (("operator.write",), {"operator.write", "operator.read", "operator.talk"}),
        (("operator.admin",), OPERATOR_SCOPES),
        (("operator.fly",), {"operator.fly"}),
        (("operator.sessions.write",), {"operator.sessions.write", "operator.sessions.read"}),
    ],
)
def test_what_a_scope_implies(given, expected):
    assert expand(Role.OPERATOR, given) == expected


def test_a_node_has_the_node_scope_whatever_it_asks():
    assert expand(Role.NODE, ("operator.admin",)) == NODE_SCOPES


@pytest.mark.parametrize(
    ("approved", "requested", "expected"),
    [
        (("operator.admin",), ("operator.read", "operator.pairing"), True),
        (("operator.write",), ("operator.read",), True),
        (("operator.read",), ("operator.write",), False),
        (("operator.admin",), ("operator.fly",), False),
        (("operator.read", "operator.fly"), ("operator.fly",), True),
        ((), (), True),
    ],
)
def test_covers(approved, requested, expected):
    assert covers(approved, requested) is expected
