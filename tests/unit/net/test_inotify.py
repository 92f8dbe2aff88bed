"""Against the kernel: every kind of change is heard, gone folders are forgotten, bounds hold."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gw.hub import Deadline, sleep
from gw.net import inotify
from gw.net.inotify import Inotify


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.inotify = Inotify(self.heard.append)

    def wait(self) -> str:
        with Deadline(2, "waiting for inotify"):
            while not self.heard:
                sleep(0.005)
        found = self.heard[-1]
        sleep(0.01)
        self.heard.clear()
        return found


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.inotify.close()
    ear.inotify.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "file").write_text("other"),
        lambda folder: (folder / "file").chmod(0o600),
        lambda folder: (folder / "file").unlink(),
        lambda folder: (folder / "planted").touch(),
        lambda folder: os.replace(folder / "file", folder / "renamed"),
    ],
)
def test_changes_are_heard(ear: Ear, tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_text("as it was")
    assert ear.inotify.watch(str(tmp_path))
    change(tmp_path)
    assert ear.wait() == str(tmp_path)


def test_a_folder_that_goes_is_heard_and_forgotten(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    ear.inotify.watch(str(folder))
    folder.rmdir()
    assert ear.wait() == str(folder)
    assert ear.inotify.folders == ()


@pytest.mark.parametrize("name", ["missing", "file", "link"])
def test_only_real_folders(ear: Ear, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert not ear.inotify.watch(str(tmp_path / name))


def test_no_more_than_the_bound(ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inotify, "MOST_FOLDERS", 1)
    (tmp_path / "sub").mkdir()
    assert ear.inotify.watch(str(tmp_path))
    assert not ear.inotify.watch(str(tmp_path / "sub"))


def test_lost_events_mean_everything(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = inotify.HEADER.pack(-1, inotify.IN_Q_OVERFLOW, 0, 0)
    monkeypatch.setattr(os, "read", lambda descriptor, size: lost)
    ear.inotify._read()
    assert ear.heard == [""]
