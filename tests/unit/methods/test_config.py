"""config.get shows every setting but no secret; its schema covers what it shows."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gw.config.load import Loaded
from gw.config.settings import SETTINGS, build
from gw.errors import InvalidRequest, Unavailable
from gw.methods.config import Config, schema_document
from tests.unit.methods.plain import ask


def make(**values: Any) -> Config:
    settings = build({path.replace("__", "."): value for path, value in values.items()})
    loaded = Loaded(settings, {}, (Path("/etc/clawgate/clawgate.yaml"),))
    return Config(lambda: loaded, 4711, 1_700_000_000_000)


def test_get_shows_openclaws_own_keys_and_ours() -> None:
    answer = ask(make(auth__token_file=Path("/run/secret-token")), "config.get")
    assert answer["config"]["gateway"] == {"mode": "local", "port": 4711, "bind": "loopback", "auth": {"mode": "token"}}
    shown = {f"{section}.{key}" for section, keys in answer["config"]["clawgate"].items() for key in keys}
    assert shown == {setting.path for setting in SETTINGS if not setting.secret}
    assert "secret-token" not in repr(answer)
    assert answer["path"] == "/etc/clawgate/clawgate.yaml" and answer["exists"] and answer["valid"]


def test_the_hash_follows_the_content() -> None:
    one, same, other = make(), make(), make(log__level="debug")
    hashes = [ask(config, "config.get")["hash"] for config in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_is_shown_fits_the_schema_that_is_served() -> None:
    validator = jsonschema_rs.validator_for(schema_document())
    document = make(gateway__allowed_origins=("https://a",)).document()
    nullable = {s.path for s in SETTINGS if s.optional}
    for section, keys in document["clawgate"].items():
        document["clawgate"][section] = {
            k: v for k, v in keys.items() if v is not None or f"{section}.{k}" not in nullable
        }
    assert validator.is_valid(document)
    document["clawgate"]["log"]["level"] = "loud"
    assert not validator.is_valid(document)


def test_lookup_walks_the_schema() -> None:
    config = make()
    top = ask(config, "config.schema.lookup", {"path": ""})
    assert [child["key"] for child in top["children"]] == ["gateway", "tools", "clawgate"]
    level = ask(config, "config.schema.lookup", {"path": "clawgate.log.level"})
    assert level["schema"]["enum"] == ["debug", "info", "warning", "error"] and level["children"] == []
    with pytest.raises(InvalidRequest, match="not found"):
        ask(config, "config.schema.lookup", {"path": "clawgate.log.nope.deeper"})


def test_schema_has_a_hint_for_every_setting_shown() -> None:
    answer = ask(make(), "config.schema")
    assert set(answer["uiHints"]) == {f"clawgate.{s.path}" for s in SETTINGS if not s.secret}
    assert answer["generatedAt"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize("method", ["config.set", "config.patch", "config.apply"])
def test_settings_are_not_changed_over_the_wire(method: str) -> None:
    with pytest.raises(Unavailable) as caught:
        ask(make(), method, {"raw": "{}"})
    assert caught.value.shape()["details"]["code"] == "CONFIG_READ_ONLY"  # type: ignore[index]
    assert not caught.value.retryable
