"""The hasher at its edges: kinds of file, errors, cancelling, and what counts as unchanged."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from gw._native.filehash import FILE, LINK, OTHER, Cancel, hash_fd, sweep
from tests.oracle.filehash import look

UNCHANGED = 11
DIGEST = 2


def test_kinds_and_errors_like_the_obvious_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    names = ["file", "empty", "folder", "link", "dangling", "pipe", "missing", "file/below"]
    paths = [os.fsencode(tmp_path / name) for name in names]
    rows = sweep(paths)
    assert rows == [look(path) for path in paths]
    assert [row[1] for row in rows[:6]] == [FILE, FILE, OTHER, LINK, LINK, OTHER]


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    paths = [os.fsencode(path)]
    first = sweep(paths)
    assert [row[UNCHANGED] for row in sweep(paths, first)] == [True]
    second = sweep(paths, first)
    assert second[0][:UNCHANGED] == first[0][:UNCHANGED]
    assert sweep(paths, second) == second


def test_a_forged_modification_time_does_not_hide_a_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    before = path.stat()
    first = sweep([os.fsencode(path)])
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    [row] = sweep([os.fsencode(path)], first)
    assert not row[UNCHANGED]
    assert row[DIGEST] == hashlib.sha256(b"CONTENT").hexdigest()


def test_a_file_that_failed_before_is_read_now(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "late")
    first = sweep([path])
    assert first[0][0] == errno.ENOENT
    (tmp_path / "late").write_bytes(b"x")
    assert sweep([path], first) == [look(path)]


def test_cancelling_ends_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    cancel = Cancel()
    cancel.cancel()
    assert cancel.is_cancelled
    assert [row[0] for row in sweep([os.fsencode(tmp_path / "file")] * 3, None, cancel)] == [errno.ECANCELED] * 3


@pytest.mark.parametrize("size", [0, 1, 256 * 1024 - 1, 256 * 1024, 700_000])
def test_a_descriptor(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        assert hash_fd(file.fileno()) == hashlib.sha256(content).hexdigest()


def test_bad_descriptors_and_cancelled_ones(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot hash"):
        hash_fd(-1)
    (tmp_path / "file").touch()
    cancel = Cancel()
    cancel.cancel()
    with (tmp_path / "file").open("rb") as file, pytest.raises(OSError, match="cannot hash"):
        hash_fd(file.fileno(), cancel)


@pytest.mark.parametrize(
    "paths, known, error",
    [
        (["text"], None, TypeError),
        ([b"a\0b"], None, ValueError),
        ([b"a"], [], ValueError),
        ([b"a"], [(0, 0, "zz", 0, 0, 0, 0, 0, 0, 0, 0, False)], ValueError),
        ([b"a"], [(0, 0, "ab", 0, 0, 0, 0, 0, 0, 0, 0, False)], ValueError),
        ([b"a"], [(1, 2)], ValueError),
    ],
)
def test_misuse_is_refused(paths: list[bytes], known: list[object] | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        sweep(paths, known)  # type: ignore[arg-type]  # that is the point


def test_nothing_to_do() -> None:
    assert sweep([]) == []
