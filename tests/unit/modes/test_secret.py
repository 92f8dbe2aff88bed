import stat

import pytest

from gw.config.settings import build
from gw.errors import ConfigError
from gw.modes.secret import SharedSecret


def settings(tmp_path, **values):
    return build(
        {"gateway.state": tmp_path / "state", **{key.replace("__", "."): value for key, value in values.items()}}
    )


def test_a_token_is_generated_once_and_private(tmp_path):
    secret = SharedSecret(settings(tmp_path))
    assert stat.S_IMODE(secret.path.stat().st_mode) == 0o600
    mode, token = secret.current()
    assert (mode, len(token)) == ("token", 48)
    assert SharedSecret(settings(tmp_path)).current().secret == token


def test_a_chosen_file_is_never_made(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        SharedSecret(settings(tmp_path, auth__token_file=tmp_path / "mine"))


def test_a_password_must_be_there(tmp_path):
    with pytest.raises(ConfigError):
        SharedSecret(settings(tmp_path, auth__mode="password"))
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    file.chmod(0o600)
    secret = SharedSecret(settings(tmp_path, auth__mode="password", auth__password_file=file))
    assert secret.current() == ("password", "open sesame")


def test_reloading_takes_the_new_secret_and_keeps_the_old_when_it_cannot(tmp_path):
    secret = SharedSecret(settings(tmp_path))
    secret.path.write_text("another\n")
    secret.reload()
    assert secret.current().secret == "another"
    secret.path.chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        secret.reload()
    assert secret.current().secret == "another"


def test_mode_none_has_no_file(tmp_path):
    secret = SharedSecret(settings(tmp_path, auth__mode="none"))
    assert (secret.path, secret.current().secret) == (None, None)
    secret.reload()
