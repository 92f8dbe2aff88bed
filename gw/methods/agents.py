"""The agents clients may address, and their tools: they have none, since this gateway runs none.

Invariant: an answer about another agent id is a refusal, not an empty success.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gw.errors import InvalidRequest
from gw.methods.models import NO_MODEL
from gw.methods.router import Call, rpc
from gw.ports import Json
from gw.session import keys
from gw.session.keys import KeyRules

SOLE: Final = KeyRules()


class Agents:
    """`identities()` returns what the configuration calls them, by agent."""

    def __init__(
        self, rules: KeyRules = SOLE, identities: Callable[[], Mapping[str, Mapping[str, Json]]] = dict
    ) -> None:
        self._rules = rules
        self._identities = identities

    @rpc("agents.list", inline=True)
    def list(self, call: Call) -> Json:
        rules = self._rules
        return {
            "defaultId": rules.default_agent or rules.agents[0],
            "ownership": "sole" if len(rules.agents) == 1 else "explicit",
            "selectionRequired": rules.default_agent is None,
            "mainKey": "main",
            "scope": rules.scope,
            "agents": [{"id": agent, "kind": "agent", "model": {"primary": NO_MODEL}} for agent in rules.agents],
        }

    @rpc("agent.identity.get", inline=True)
    def identity(self, call: Call) -> Json:
        agent = self._known(call)
        name = str(self._identities().get(agent, {}).get("name") or "")
        found = {"name": name or "clawgate", "avatar": (name or "clawgate")[0].upper()}
        return {"agentId": agent, "nameSource": "config" if name else "default", **found}

    @rpc("tools.effective", inline=True)
    def effective_tools(self, call: Call) -> Json:
        return {"agentId": self._known(call), "profile": "minimal", "groups": []}

    @rpc("tools.catalog", inline=True)
    def tool_catalog(self, call: Call) -> Json:
        return {"agentId": self._known(call), "profiles": [], "groups": []}

    def _known(self, call: Call) -> str:
        """The agent a call names, by `agentId` or its session key. Raises InvalidRequest for one there is not."""
        agent = call.params.get("agentId")
        if agent is None:
            key = call.params.get("sessionKey")
            parsed = keys.parse(key) if isinstance(key, str) else None
            agent = parsed.agent_id if parsed is not None else self._rules.default_agent
        if agent not in self._rules.agents:
            raise InvalidRequest(f'unknown agent id "{agent}"')
        return str(agent)
