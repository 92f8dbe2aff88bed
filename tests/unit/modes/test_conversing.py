"""The session half from settings: where the state lives and what the configuration becomes."""

from pathlib import Path
from typing import Any

import pytest

from gw.config.load import Tree
from gw.config.settings import Sessions, Settings
from gw.modes import conversing
from gw.routing.rules import read
from gw.session import queueing, reset


def settings(**chosen: object) -> Settings:
    return Settings()._replace(sessions=Sessions(**chosen))  # type: ignore[arg-type]


@pytest.mark.parametrize("store, name", [(None, "sessions.json"), (Path("/x/y.sqlite"), "y.sqlite")])
def test_where_the_state_lives(store: Path | None, name: str) -> None:
    assert conversing.store_path(settings(store=store)).name == name


def test_settings_mean_the_same_as_upstreams_configuration() -> None:
    config = conversing.config_of(
        settings(queue_mode="collect", queue_cap=3, queue_drop="old", queue_debounce_ms=7, max_runs=2, max_pending=9)
    )
    queue = queueing.resolve(config.messages, channel_debounce_ms=config.debounce_ms)
    assert queue == queueing.Settings("collect", 7, 3, "old")
    assert (config.max_runs, config.max_pending) == (2, 9)
    assert reset.resolve_policy(config.session, "direct") == reset.ResetPolicy()


@pytest.mark.parametrize("said, mode", [({}, "collect"), ({"messages": {"queue": {"mode": "interrupt"}}}, "interrupt")])
def test_the_channels_file_goes_first(said: dict[str, Any], mode: str) -> None:
    config = conversing.config_of(settings(queue_mode="collect"), read(Tree("channels.yaml", said, {})))
    assert queueing.resolve(config.messages).mode == mode


def test_reset_settings() -> None:
    config = conversing.config_of(settings(reset="idle", idle_minutes=30, reset_hour=6))
    assert reset.resolve_policy(config.session, "group") == reset.ResetPolicy("idle", 6, 30, True)
