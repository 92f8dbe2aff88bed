"""Settings to a sidecar, and what cannot work said before anything is dialled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gw.config.load import load
from gw.config.settings import Settings, build
from gw.defender.review import Held
from gw.errors import ConfigError, UpstreamError
from gw.modes.beside import build as beside
from gw.modes.build import Gateway
from gw.observe.history import History


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


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    file, config, token = tmp_path / "policy.yaml", tmp_path / "clawgate.yaml", tmp_path / "token"
    file.write_text("version: 1\nkind: policy\nid: test.beside\nrisk: {answer_allow: true}\n")
    config.write_text("")
    token.write_text("secret\n")
    token.chmod(0o600)
    given = {"gateway.state": str(tmp_path / "state"), "policy.path": str(file), "upstream.token_file": str(token)}
    made = Gateway(load(config, {}, given | {"upstream.url": "ws://127.0.0.1:1"}), History(10))
    made.attach("127.0.0.1", 18789)
    yield made
    made.close()


def test_a_sidecar_is_joined_to_its_gateway(gateway: Gateway, tmp_path: Path) -> None:
    sidecar = beside.build_sidecar(gateway)
    beside.follow_reviews(gateway, sidecar)
    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1:1"):
        sidecar.serve_once()
    block = gateway.posture()["sidecar"]
    assert (block["connected"], block["gates"]) == (False, [])
    (tmp_path / "token").write_text("rotated\n")
    gateway.reloads["upstream.token_file"]()
    assert sidecar._login.token == "rotated"
    gateway.hooks.plugin = {"seenMs": gateway.clock.now_ms()}
    assert gateway.posture()["sidecar"]["gates"] == ["plugin"]


def test_the_sidecar_hears_of_answers_beside_those_who_did_before(gateway: Gateway) -> None:
    heard: list[str] = []
    gateway.judging.reviews.listener = lambda held: heard.append(held.id)
    sidecar = beside.build_sidecar(gateway)
    beside.follow_reviews(gateway, sidecar)
    gateway.judging.reviews.listener(Held("dec_1", "b", "m", (), 0, 0, 1))
    assert heard == ["dec_1"]
