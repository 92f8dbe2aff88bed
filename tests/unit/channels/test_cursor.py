"""The cursor: whole or none, and written when it matters."""

from pathlib import Path

import pytest

from gw.channels.cursor import Cursor
from gw.errors import StoreError
from tests.support.channels import Store


def make(folder: Path, store: Store | None = None) -> Cursor:
    cursor = Cursor(folder / "cursor.json", store or Store())
    cursor.load()
    return cursor


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    cursor = make(tmp_path)
    assert cursor.value is None
    cursor.save({"offset": 5})
    assert make(tmp_path).value == {"offset": 5}


def test_a_lazy_value_is_written_with_the_next(tmp_path: Path) -> None:
    cursor = make(tmp_path)
    cursor.save({"seq": 1}, lazily=True)
    assert make(tmp_path).value is None
    cursor.save({"seq": 1})
    assert make(tmp_path).value == {"seq": 1}


def test_the_same_value_is_not_written_again(tmp_path: Path) -> None:
    store = Store()
    cursor = make(tmp_path, store)
    cursor.save({"offset": 5})
    store.fail = OSError(5, "must not be written")
    cursor.save({"offset": 5})
    with pytest.raises(StoreError):
        cursor.save({"offset": 6})


def test_an_unreadable_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "cursor.json").write_bytes(b"{torn")
    assert make(tmp_path).value is None


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "cursor.json").mkdir()
    with pytest.raises(StoreError):
        make(tmp_path)
