"""The one agent clients may address, and its tools: it has none, since this gateway runs none.

Invariant: an answer about another agent id is a refusal, not an empty success.
"""

from gw.errors import InvalidRequest
from gw.methods.models import NO_MODEL
from gw.methods.router import Call, rpc
from gw.methods.system import DEFAULT_AGENT
from gw.ports import Json


class Agents:
    @rpc("agents.list", inline=True)
    def list(self, call: Call) -> Json:
        return {
            "defaultId": DEFAULT_AGENT,
            "ownership": "sole",
            "selectionRequired": False,
            "mainKey": "main",
            "scope": "per-sender",
            "agents": [{"id": DEFAULT_AGENT, "kind": "agent", "model": {"primary": NO_MODEL}}],
        }

    @rpc("agent.identity.get", inline=True)
    def identity(self, call: Call) -> Json:
        return {"agentId": known_agent(call), "name": "clawgate", "nameSource": "default", "avatar": "C"}

    @rpc("tools.effective", inline=True)
    def effective_tools(self, call: Call) -> Json:
        return {"agentId": known_agent(call), "profile": "minimal", "groups": []}

    @rpc("tools.catalog", inline=True)
    def tool_catalog(self, call: Call) -> Json:
        return {"agentId": known_agent(call), "profiles": [], "groups": []}


def known_agent(call: Call) -> str:
    """The agent a call names, by `agentId` or its session key. Raises InvalidRequest for one there is not."""
    agent = call.params.get("agentId")
    if agent is None:
        key = call.params.get("sessionKey")
        parts = key.split(":") if isinstance(key, str) else []
        agent = parts[1] if len(parts) > 2 and parts[0] == "agent" else DEFAULT_AGENT
    if agent != DEFAULT_AGENT:
        raise InvalidRequest(f'unknown agent id "{agent}"')
    return DEFAULT_AGENT
