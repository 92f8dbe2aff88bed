"""What a channels file leads to: accounts, methods and routes, or every problem at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.errors import ConfigError
from gw.modes.channels import ChannelService, ChannelsFile
from gw.net.http import Request
from gw.observe.metrics import Metrics
from tests.support.chats import FakeDefender
from tests.support.scripted_runner import ScriptedRunner
from tests.support.sessions import House, Inline, house
from tests.support.waiting import until


def write(tmp_path: Path, settings: dict[str, Any]) -> Path:
    for name in ("secret", "token"):
        (tmp_path / name).write_text("s3cret")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "channels.yaml"
    file.write_text(json.dumps(settings))
    return file


def generic(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    return {"generic": {"secretFiles": {"secret": str(tmp_path / "secret")}, **fields}}


def build(home: House, file: Path, state: Path) -> ChannelService:
    defender = FakeDefender()
    return ChannelService(
        *(ChannelsFile(file), state, home.talk, home.bus, home.clock, Inline(), Metrics()),
        judge=defender.judge,
        tell=defender.told.append,
    )


def test_accounts_methods_and_routes(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {
            "channels": generic(tmp_path, accounts={"one": {}, "two": {"enabled": False}}),
            "hooks": {"enabled": True, "path": "/in", "tokenFile": str(tmp_path / "token")},
        },
    )
    with house(tmp_path / "s.json", ScriptedRunner()) as home:
        service = build(home, file, tmp_path / "state")
        assert [(one.config.channel, one.config.account) for one in service.accounts] == [("generic", "one")]
        assert set(service.routes()) == {"/channels/", "/in/"}
        home.router.attach(*service.families)
        assert {"cron.list", "send", "channels.pairing.approve"} <= set(home.router.served())
        supervisor = hub.Supervisor()
        service.start(supervisor)
        assert "timers" in supervisor.running()
        route = service.routes()["/channels/"]

        def post(path: str) -> int:
            return route(Request("POST", path, "", {}, b"{}", "127.0.0.1", False)).status

        until(lambda: post("/channels/generic/one") != 503, "the account to run")
        for path, status in (("/channels/generic/one", 401), ("/channels/generic/two", 404), ("/channels/moon", 404)):
            assert post(path) == status
        client = home.client()
        place = {"channel": "generic", "accountId": "one"}
        assert client.call("channels.stop", **place)["stopped"] is True
        assert post("/channels/generic/one") == 503
        assert client.call("channels.start", **place)["started"] is True
        until(lambda: post("/channels/generic/one") != 503, "the account to run again")
        assert post("/channels/generic/one") == 401
        assert "does not run" in client.error("channels.stop", channel="moon")["message"]
        service.shed()
        assert supervisor.stop(1.0) == []
        service.close()


def heard(service: ChannelService, rule: str) -> object:
    return service.inbox._rules.settings("generic", "default").get(rule)


def test_a_reload_takes_who_may_talk_and_says_what_has_to_wait(tmp_path: Path) -> None:
    settings = {"channels": generic(tmp_path, allowFrom=["1"]), "agents": {"entries": {"main": {}}}}
    with house(tmp_path / "s.json") as home:
        service = build(home, write(tmp_path, settings), tmp_path / "state")

        def reload(**changed: Any) -> list[str]:
            return service.reload(ChannelsFile(write(tmp_path, {**settings, **changed})))

        assert reload(channels=generic(tmp_path, allowFrom=["2"])) == []
        assert heard(service, "allowFrom") == ["2"]
        slower = generic(tmp_path, allowFrom=["3"], options={"deliverUrl": "http://127.0.0.1:9/x"})
        assert reload(channels=slower, cron={"enabled": False}) == ["cron", "accounts"]
        assert heard(service, "allowFrom") == ["3"]
        assert "cron" not in service.file.rules.cron, "what waits is still said at the next reload"
        mentioned = {"groupChat": {"mentionPatterns": ["molty"]}, "queue": {"mode": "collect"}}
        assert reload(messages=mentioned, channels=slower) == ["messages.queue", "accounts"]
        assert service.file.rules.messages == mentioned
        both = {"agents": {"entries": {"main": {}, "ops": {}}}, "bindings": [], "channels": generic(tmp_path)}
        assert reload(**both) == ["the agents' names"]
        assert heard(service, "allowFrom") == ["3"], "nothing is taken with other agents"
        with pytest.raises(ConfigError):
            reload(bindings=[{"agentId": "nobody", "match": {"channel": "generic"}}])
        assert heard(service, "allowFrom") == ["3"]
        service.close()


def test_without_timers(tmp_path: Path) -> None:
    file = write(tmp_path, {"cron": {"enabled": False}})
    with house(tmp_path / "s.json") as home:
        service = build(home, file, tmp_path / "state")
        assert service.cron is None
        assert set(service.routes()) == {"/channels/"}
        service.close()


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {
            "channels": {
                "generic": {"options": {"deliverUrl": 5}},
                "telegram": {"secretFiles": {"token": str(tmp_path / "gone")}},
            },
            "hooks": {"enabled": True},
        },
    )
    with pytest.raises(ConfigError) as caught:
        ChannelsFile(file)
    paths = {problem.path for problem in caught.value.problems}
    assert {"channels.generic.options.deliverUrl", "channels.generic.secretFiles.secret"} <= paths
    assert "s3cret" not in str(caught.value)
    assert "hooks.tokenFile" in {problem.file for problem in caught.value.problems}
