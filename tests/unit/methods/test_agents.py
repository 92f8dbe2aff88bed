"""The agents there are, without tools; every other id is refused."""

from typing import Any

import pytest

from gw.errors import InvalidRequest
from gw.methods.agents import Agents
from gw.session.keys import KeyRules
from tests.support import openclaw
from tests.unit.methods.plain import ask

KEY = "agent:main:main"

CALLS = [
    ({}, True),
    ({"agentId": "main"}, True),
    ({"sessionKey": KEY}, True),
    ({"sessionKey": "main"}, True),
    ({"agentId": "other"}, False),
    ({"sessionKey": "agent:other:main"}, False),
]


@pytest.mark.parametrize("method", ["tools.effective", "tools.catalog", "agent.identity.get"])
@pytest.mark.parametrize("params, known", CALLS)
def test_only_the_one_agent_is_known(method: str, params: dict[str, Any], known: bool) -> None:
    if known:
        assert ask(Agents(), method, params)["agentId"] == "main"
    else:
        with pytest.raises(InvalidRequest, match="unknown agent"):
            ask(Agents(), method, params)


def test_the_list_names_its_default() -> None:
    answer = ask(Agents(), "agents.list")
    assert [agent["id"] for agent in answer["agents"]] == [answer["defaultId"]]


def test_several_agents_and_what_they_are_called() -> None:
    agents = Agents(KeyRules(("main", "ops"), "main"), lambda: {"ops": {"name": "Molty"}})
    answer = ask(agents, "agents.list")
    assert [agent["id"] for agent in answer["agents"]] == ["main", "ops"]
    assert (answer["defaultId"], answer["ownership"], answer["selectionRequired"]) == ("main", "explicit", False)
    assert ask(agents, "agent.identity.get", {"agentId": "ops"}) == {
        "agentId": "ops",
        "nameSource": "config",
        "name": "Molty",
        "avatar": "M",
    }
    nobody = Agents(KeyRules(("a", "b"), None))
    assert ask(nobody, "agents.list")["selectionRequired"] is True
    with pytest.raises(InvalidRequest, match="unknown agent"):
        ask(nobody, "agent.identity.get")


@pytest.mark.openclaw
@pytest.mark.parametrize(
    "method, definition",
    [
        ("agents.list", "AgentsListResult"),
        ("tools.catalog", "ToolsCatalogResult"),
        ("tools.effective", "ToolsEffectiveResult"),
    ],
)
def test_answers_fit_the_published_schema(method: str, definition: str) -> None:
    assert openclaw.problems(definition, ask(Agents(), method, {"sessionKey": KEY})) == []
