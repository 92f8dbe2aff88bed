"""Accounts from the channels file: secrets from files only, every problem told."""

from pathlib import Path
from typing import Any

import pytest

from gw.channels.settings import read_account
from gw.errors import ConfigError


def secret(folder: Path, name: str, text: str = "t0ken") -> str:
    path = folder / name
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def test_an_account_with_its_secret_file(tmp_path: Path) -> None:
    fields = {
        "options": {"apiRoot": "http://127.0.0.1:8081", "textChunkLimit": 1000},
        "secretFiles": {"botToken": secret(tmp_path, "token")},
    }
    config = read_account("telegram", "work", fields, {})
    assert (config.channel, config.account, config.transport) == ("telegram", "work", "poll")
    assert config.secrets == {"botToken": "t0ken"}
    assert config.options == {"apiRoot": "http://127.0.0.1:8081", "textChunkLimit": 1000}


def test_a_service_credential_stands_in(tmp_path: Path) -> None:
    for name in ("botToken", "webhookSecret"):
        secret(tmp_path, f"channel-telegram-default-{name}", name)
    config = read_account("telegram", "default", {"transport": "webhook"}, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert config.secrets == {"botToken": "botToken", "webhookSecret": "webhookSecret"}


def test_bots_are_let_in_by_the_account(tmp_path: Path) -> None:
    fields = {"allowBots": True, "secretFiles": {"botToken": secret(tmp_path, "token")}}
    assert read_account("discord", "default", fields, {}).options == {"allowBots": True}
    assert read_account("telegram", "default", fields, {}).options == {}


WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("telegram", {}, ["botToken: is missing"]),
    ("telegram", {"transport": "socket"}, ["is not one of this channel's", "botToken"]),
    ("telegram", {"options": {"apiroot": "x"}}, ["unknown option", "did you mean apiRoot", "botToken"]),
    ("telegram", {"options": {"pollSeconds": True}}, ["must be a whole number", "botToken"]),
    ("telegram", {"secretFiles": {"botToken": "relative"}}, ["absolute path", "is missing"]),
    ("telegram", {"secretFiles": {"botTokn": "/x"}}, ["unknown secret", "botToken"]),
    ("slack", {}, ["botToken", "appToken"]),
    ("slack", {"options": {"apiRoot": "slack.com/api"}}, ["must be an address", "botToken", "appToken"]),
    ("discord", {"transport": "webhook"}, ["publicKey: is missing", "botToken"]),
    ("whatsapp", {}, ["phoneNumberId: is missing", "accessToken", "appSecret", "verifyToken"]),
    ("carrier-pigeon", {}, ["is no channel we drive"]),
]


@pytest.mark.parametrize(("channel", "fields", "said"), WRONG)
def test_every_problem_is_told(channel: str, fields: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        read_account(channel, "default", fields, {})
    told = [f"{problem.path}: {problem.message} {problem.hint}" for problem in raised.value.problems]
    assert len(told) >= len(said) - 1
    for words in said:
        assert any(words in line for line in told), told


@pytest.mark.parametrize("place", ["file", "credential"])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, place: str) -> None:
    name = "channel-telegram-default-botToken"
    path = Path(secret(tmp_path, name))
    path.chmod(0o644)
    fields = {"secretFiles": {"botToken": str(path)}} if place == "file" else {}
    with pytest.raises(ConfigError, match="open to others") as raised:
        read_account("telegram", "default", fields, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "t0ken" not in str(raised.value)
