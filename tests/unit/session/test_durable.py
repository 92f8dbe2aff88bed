"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from gw.session import durable


def test_a_file_is_replaced_with_private_folders_made_on_the_way(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    durable.replace_file(file, b"one")
    durable.replace_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert (file.stat().st_mode & 0o077, file.parent.stat().st_mode & 0o077) == (0, 0)
    assert os.listdir(file.parent) == ["b"]


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    durable.replace_file(file, b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        durable.replace_file(file, b"new")
    assert file.read_bytes() == b"old"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:3])))
    durable.replace_file(tmp_path / "f", b"0123456789")
    assert (tmp_path / "f").read_bytes() == b"0123456789"
