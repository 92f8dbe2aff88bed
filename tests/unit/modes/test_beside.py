"""Settings to a sidecar, and what cannot work said before anything is dialled."""

from pathlib import Path

import pytest

from gw.config.settings import Settings, build
from gw.errors import ConfigError
from gw.modes import beside


def settings(tmp_path: Path, **values: object) -> Settings:
    token = tmp_path / "upstream-token"
    token.write_text("secret\n")
    token.chmod(0o600)
    named = {name.replace("__", "."): value for name, value in values.items()}
    return build({"gateway.state": tmp_path, "upstream.url": "ws://127.0.0.1:18789", **named})


def test_the_token_is_found_in_state_or_where_it_is_said(tmp_path: Path) -> None:
    assert beside.upstream_token(settings(tmp_path)) == "secret"
    with pytest.raises(ConfigError):
        beside.upstream_token(settings(tmp_path, upstream__token_file=tmp_path / "absent"))


@pytest.mark.parametrize("url, word", [(None, "missing"), ("127.0.0.1:1", "url"), ("ftp://x", "url")])
def test_an_address_that_cannot_work(tmp_path: Path, url: str | None, word: str) -> None:
    with pytest.raises(ConfigError) as error:
        beside.upstream_target(settings(tmp_path, upstream__url=url))
    assert error.value.problems[0].code == f"upstream.{word}"


def test_we_do_not_dial_ourselves(tmp_path: Path) -> None:
    for url in ("ws://127.0.0.1:18789", "ws://localhost:18789"):
        with pytest.raises(ConfigError, match="another port"):
            beside.upstream_target(settings(tmp_path, upstream__url=url))
    assert beside.upstream_target(settings(tmp_path, upstream__url="ws://127.0.0.1:18790")).port == 18790


def test_our_device_stays_the_same(tmp_path: Path) -> None:
    first = beside.own_device(tmp_path)
    assert beside.own_device(tmp_path).id == first.id
    assert (tmp_path / beside.DEVICE_FILE).stat().st_mode & 0o777 == 0o600
