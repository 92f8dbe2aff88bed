"""The backend of a path; what a backend must do is in test_store.py."""

from pathlib import Path

import pytest

from gw.session.backends import backend_for, chosen_path, is_sqlite
from gw.session.store_json import JsonStore
from gw.session.store_sqlite import SqliteStore


@pytest.mark.parametrize(
    "name, expected",
    [("a.db", True), ("a.sqlite", True), ("a.SQLITE3", True), ("a.json", False), ("a", False), ("db", False)],
)
def test_the_suffix_chooses(name: str, expected: bool) -> None:
    assert is_sqlite(Path(name)) == expected
    assert isinstance(backend_for(Path(name)), SqliteStore if expected else JsonStore)


def test_the_configured_file_goes_before_the_default() -> None:
    assert chosen_path(None, Path("/s")) == Path("/s/sessions.json")
    assert chosen_path(Path("/x.db"), Path("/s")) == Path("/x.db")
