"""Vouching by dpkg's own checksums, in a folder made up like its database."""

import hashlib
from pathlib import Path

import pytest

from gw.defender.integrity.baseline import Change
from gw.defender.integrity.dpkg import vouching


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "info").mkdir()
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/tool").write_bytes(b"new version")
    digest = hashlib.md5(b"new version").hexdigest()
    (tmp_path / "info/tool.md5sums").write_text(f"{digest}  usr/tool\n{digest}  usr/gone\n")
    return tmp_path


@pytest.mark.parametrize(
    "path, kind, expected",
    [
        ("/usr/tool", "content", True),
        ("/usr/tool", "appeared", True),
        ("/usr/tool", "mode", False),
        ("/usr/tool", "owner", False),
        ("/usr/gone", "missing", False),
        ("/usr/gone", "content", False),
        ("/usr/other", "appeared", False),
    ],
)
def test_only_the_recorded_content_is_vouched_for(host: Path, path: str, kind: str, expected: bool) -> None:
    vouched = vouching(host / "info", host)
    assert vouched(Change("w", path, kind, None, None)) is expected


def test_tampered_content_is_not(host: Path) -> None:
    (host / "usr/tool").write_bytes(b"new version plus something")
    assert not vouching(host / "info", host)(Change("w", "/usr/tool", "content", None, None))


def test_a_link_is_not(host: Path) -> None:
    (host / "usr/tool").rename(host / "usr/real")
    (host / "usr/tool").symlink_to(host / "usr/real")
    assert not vouching(host / "info", host)(Change("w", "/usr/tool", "content", None, None))


def test_without_dpkg_nobody_vouches(tmp_path: Path) -> None:
    assert not vouching(tmp_path / "absent", tmp_path)(Change("w", "/usr/tool", "content", None, None))
