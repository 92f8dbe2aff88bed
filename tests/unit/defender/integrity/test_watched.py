"""Globs against a real folder tree."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gw.defender.integrity.watched import MOST_ALTERNATIVES, absolute, all_files, braces, files, fixed_folder
from gw.errors import StoreError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.md", "b.md", "c.txt", "sub/a.md", "sub/deep/x.js", "sub/deep/y.js", ".hidden.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("a.md", ["a.md"]),
        ("missing.md", []),
        ("sub", []),
        ("*.md", [".hidden.md", "a.md", "b.md", "link.md"]),
        ("?.md", ["a.md", "b.md"]),
        ("[ab].md", ["a.md", "b.md"]),
        ("*/a.md", ["sub/a.md"]),
        ("**/*.js", ["sub/deep/x.js", "sub/deep/y.js"]),
        ("sub/**", ["sub/a.md", "sub/deep/x.js", "sub/deep/y.js"]),
        ("**/a.md", ["a.md", "sub/a.md"]),
        ("link.md", ["link.md"]),
    ],
)
def test_patterns(tree: Path, pattern: str, expected: list[str]) -> None:
    assert sorted(files(f"{tree}/{pattern}")) == [f"{tree}/{name}" for name in expected]


def test_links_to_folders_are_not_followed(tree: Path) -> None:
    assert not [path for path in files(f"{tree}/**") if path.startswith(f"{tree}/loop/")]


def test_what_may_not_be_looked_into_is_not_there(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = str(tree / "closed")
    (tree / "closed" / "deep").mkdir(parents=True)
    (tree / "closed" / "deep" / "file").write_text("x")
    real_stat, real_lstat = os.stat, os.lstat

    def refuse(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def stat(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
            if str(path).startswith(inside + "/"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *args, **kwargs)

        return stat

    assert list(files(f"{inside}/deep/file")) == [f"{inside}/deep/file"]
    monkeypatch.setattr(os, "stat", refuse(real_stat))
    monkeypatch.setattr(os, "lstat", refuse(real_lstat))
    assert list(files(f"{inside}/deep/file")) == list(files(f"{inside}/file")) == []


def test_every_file_once(tree: Path) -> None:
    assert all_files([f"{tree}/a.md", f"{tree}/*.md", f"{tree}/**/a.md"]).count(f"{tree}/a.md") == 1


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("/x", ("/x",)),
        ("/x/{a,b}.md", ("/x/a.md", "/x/b.md")),
        ("/{a,b}/{c,d}", ("/a/c", "/a/d", "/b/c", "/b/d")),
        ("/x{,.bak}", ("/x", "/x.bak")),
    ],
)
def test_braces(pattern: str, expected: tuple[str, ...]) -> None:
    assert braces(pattern) == expected


@pytest.mark.parametrize("pattern", ["/" + "{a,b}" * 7, "/" + "x" * 600])
def test_braces_are_bounded(pattern: str) -> None:
    with pytest.raises(StoreError, match=f"{MOST_ALTERNATIVES} alternatives|longer"):
        braces(pattern)


def test_home_means_every_users() -> None:
    assert absolute(["~/.openclaw/*.json", "/etc/x"], ["/root/", "/home/u"]) == (
        "/root/.openclaw/*.json",
        "/home/u/.openclaw/*.json",
        "/etc/x",
    )


@pytest.mark.parametrize("pattern", ["relative/x", "~other/x", ""])
def test_only_absolute_paths(pattern: str) -> None:
    with pytest.raises(StoreError, match="begins with"):
        absolute([pattern], ["/root"])


@pytest.mark.parametrize(
    "pattern, folder", [("/a/b/c.md", "/a/b"), ("/a/b/*.md", "/a/b"), ("/a/**/c", "/a"), ("/*", "/"), ("/a?/b", "/")]
)
def test_where_watching_begins(pattern: str, folder: str) -> None:
    assert fixed_folder(pattern) == folder
