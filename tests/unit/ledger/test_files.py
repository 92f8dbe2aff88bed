import os
from pathlib import Path

import pytest

from gw.ledger import files


def test_a_new_file_has_its_content_and_is_private(tmp_path: Path) -> None:
    files.write_new(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    files.write_new(tmp_path / "a", b"x")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "a", b"y")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_append_is_cut_off_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    size = files.append(descriptor, b"whole\n", 0)
    real = os.write
    calls = iter([3])

    def full(fd: int, data: bytes) -> int:
        if (take := next(calls, None)) is None:
            raise OSError(28, "No space left on device")
        return real(fd, data[:take])

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        files.append(descriptor, b"never\n", size)
    assert path.read_bytes() == b"whole\n"
    os.close(descriptor)


def test_a_short_write_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda fd, data: real(fd, data[:2]))
    assert files.append(descriptor, b"abcde", 0) == 5
    assert path.read_bytes() == b"abcde"
    os.close(descriptor)


def test_folders_are_private(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
