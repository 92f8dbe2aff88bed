"""Secret files: what is accepted, what is refused and why, and that nothing leaks."""

import os
from pathlib import Path

import pytest

from gw.config.secrets import MAX_SECRET_BYTES, credential_file, ensure_token, read_secret, secret_file
from gw.errors import ConfigError


def write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("data", [b"hunter2", b"hunter2\n", b"  hunter2 \r\nsecond line\n"])
def test_the_first_line_is_the_secret(tmp_path: Path, data: bytes) -> None:
    assert read_secret(write(tmp_path / "s", data)) == "hunter2"


def test_a_service_group_may_read_it(tmp_path: Path) -> None:
    assert read_secret(write(tmp_path / "s", b"hunter2", 0o640)) == "hunter2"


REFUSED = [
    (b"hunter2", 0o644, "open to others"),
    (b"hunter2", 0o604, "open to others"),
    (b"hunter2", 0o660, "open to others"),
    (b"\n", 0o600, "empty"),
    (b"\xff\xfe", 0o600, "not UTF-8"),
    (b"hunter2" * MAX_SECRET_BYTES, 0o600, "larger than"),
]


@pytest.mark.parametrize("data, mode, words", REFUSED)
def test_unusable_files_are_refused_without_their_content(tmp_path: Path, data: bytes, mode: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(write(tmp_path / "s", data, mode))
    assert "hunter2" not in str(caught.value)


def test_absent_files_and_other_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read: No such file .*\(is --state right"):
        read_secret(tmp_path / "absent")
    with pytest.raises(ConfigError, match="cannot read"):
        read_secret(tmp_path)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_secret(Path(os.devnull))


def test_a_token_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    assert ensure_token(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    token = read_secret(path)
    assert len(token) == 48 and int(token, 16)
    assert not ensure_token(path)
    assert read_secret(path) == token


def test_a_token_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    assert not ensure_token(tmp_path / "link"), "O_EXCL does not follow a planted link"
    with pytest.raises(ConfigError, match="cannot write"):
        ensure_token(tmp_path / ("x" * 300))


def test_the_setting_wins_over_the_credential_over_the_state_folder(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert secret_file(None, "token", Path("/state"), environ) == Path("/state/token")
    assert credential_file("token", environ) is None
    write(tmp_path / "token", b"x")
    assert secret_file(None, "token", Path("/state"), environ) == tmp_path / "token"
    assert secret_file(Path("/mine"), "token", Path("/state"), environ) == Path("/mine")
    assert credential_file("token", {}) is None
