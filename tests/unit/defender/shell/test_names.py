"""Tables of names."""

from gw.defender.shell.names import names


def test_blanks_separate_names() -> None:
    assert names("a b\n  c a") == {"a", "b", "c"}
    assert names("") == frozenset()
