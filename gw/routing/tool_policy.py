"""Which tools a turn may use: groups and profiles of tools, one policy, and layers of policies that can only narrow.

Pure. Invariant: a denial wins within a layer, and no layer gives back what one before it took; an empty list of
allowed tools means "all that are not denied", as everywhere in the configuration.

Source: openclaw/TOOLS.md sections 2 and 3, with vectors/tool_policy.json as executed truth. The defender's own limits
on tools are in policies, and hold whatever stands here.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from gw.defender.tool_fields import tool_id
from gw.ports import Json

ALL: Final = "*"
_GROUPS: Final[Mapping[str, str]] = {
    "fs": "ls read write edit apply_patch",
    "runtime": "exec process code_execution secrets",
    "web": "web_search web_fetch x_search",
    "memory": "memory_search memory_get",
    "sessions": "sessions sessions_list sessions_history sessions_search conversations_list conversations_send"
    " conversations_turn sessions_send sessions_spawn github_identity_status github_publish agents_wait"
    " sessions_yield subagents session_status suggest_task dismiss_task",
    "ui": "browser screen theme dashboard terminal portal canvas show_widget",
    "messaging": "message",
    "automation": "heartbeat_respond automations gateway plugins openclaw",
    "nodes": "nodes computer mobile_ui",
    "agents": "agents_list get_goal create_goal update_goal progress_card ask_user skill_workshop",
    "media": "view_image image_generate music_generate video_generate tts pdf",
}
_NOT_OWN: Final = frozenset({"exec", "process", "canvas", *_GROUPS["fs"].split()})
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "group:openclaw": tuple(tool for members in _GROUPS.values() for tool in members.split() if tool not in _NOT_OWN),
    **{f"group:{name}": tuple(members.split()) for name, members in _GROUPS.items()},
}
_CODING: Final = (
    "group:fs group:runtime group:web group:memory group:sessions screen theme dashboard terminal portal automations"
    " gateway plugins get_goal create_goal update_goal progress_card ask_user skill_workshop view_image"
    " image_generate music_generate video_generate bundle-mcp"
)
_MESSAGING: Final = (
    "secrets sessions sessions_list sessions_history sessions_search conversations_list conversations_send"
    " conversations_turn sessions_send sessions_spawn sessions_yield subagents session_status theme message gateway"
    " ask_user bundle-mcp"
)
PROFILES: Final[Mapping[str, str]] = {
    "minimal": "session_status gateway",
    "coding": _CODING,
    "messaging": _MESSAGING,
    "full": ALL,
}
# What a sandboxed turn has by default; channels it may not speak for are tools there too.
SANDBOX_ALLOW: Final = tuple(
    "exec process read ls write edit apply_patch view_image sessions_list sessions_history sessions_search"
    " sessions_send sessions_spawn sessions_yield subagents session_status".split()
)
SANDBOX_DENY: Final = tuple(
    "browser canvas computer mobile_ui nodes automations gateway feishu googlechat nostr buzz msteams mattermost"
    " nextcloud-talk matrix raft a2a line zalo clickclack zalouser sms synology-chat tlon discord imessage irc reef"
    " signal slack telegram twitch whatsapp".split()
)


class Layer(NamedTuple):
    """None: the configuration says nothing."""

    allow: Sequence[str] | None = None
    deny: Sequence[str] | None = None


def expand(names: Iterable[str]) -> list[str]:
    """Put a group's members in its place; an unknown group stays a name, which no tool has."""
    found: dict[str, None] = {}
    for name in map(tool_id, names):
        found |= dict.fromkeys(GROUPS.get(name, (name,)) if name else ())
    return list(found)


def profile(name: str | None) -> Layer | None:
    """None for a profile that is not set or not known."""
    members = PROFILES.get(name or "")
    return Layer(expand(members.split())) if members is not None else None


def pick(config: Mapping[str, Json] | None) -> Layer | None:
    """Read `{allow, deny, alsoAllow}`; None when it says nothing."""
    config = config or {}
    allow: Sequence[str] | None = config.get("allow")
    more: Sequence[str] | None = config.get("alsoAllow")
    if more:
        allow = [*(allow or (ALL,)), *more]
    deny: Sequence[str] | None = config.get("deny")
    return None if allow is None and deny is None else Layer(allow, deny)


def allows(layer: Layer | None, tool: str) -> bool:
    if layer is None:
        return True
    name = tool_id(tool)
    if _among(name, expand(layer.deny or ())):
        return False
    allowed = expand(layer.allow or ())
    return not allowed or _among(name, allowed) or (name == "apply_patch" and _among("write", allowed))


def remaining(tools: Iterable[str], layers: Sequence[Layer | None]) -> list[str]:
    """The tools that every layer allows."""
    return [tool for tool in tools if all(allows(layer, tool) for layer in layers)]


def sandbox(common: Mapping[str, Json] | None, own: Mapping[str, Json] | None) -> Layer:
    """The layer of a sandboxed turn: `common` and `own` are `tools.sandbox.tools` of the gateway and of the agent."""
    common, own = common or {}, own or {}
    chosen = next((one["allow"] for one in (own, common) if one.get("allow") is not None), None)
    more = [*(common.get("alsoAllow") or ()), *(own.get("alsoAllow") or ())]
    allow = expand([*(SANDBOX_ALLOW if chosen is None else chosen), *more])
    deny = next((one["deny"] for one in (own, common) if one.get("deny") is not None), None)
    if deny is None:
        explicit = expand([*(chosen or ()), *more])
        denied = [name for name in SANDBOX_DENY if name not in explicit]
    else:
        denied = expand(deny)
    if allow and "view_image" not in allow and not _among("view_image", denied):
        allow.append("view_image")
    return Layer(allow, denied)


def by_provider(tools: Mapping[str, Json], provider: str, model: str) -> Mapping[str, Json]:
    """The part of `byProvider` for a model; `provider/model` goes before `provider`."""
    table: Mapping[str, Mapping[str, Json]] = tools.get("byProvider") or {}
    return table.get(f"{provider}/{model}") or table.get(provider) or {}


def for_sender(table: Mapping[str, Json] | None, channel: str, names: Mapping[str, str]) -> Mapping[str, Json] | None:
    """A row of `toolsBySender`. `names` are the sender's by kind: id, e164, username, name."""
    table = table or {}
    keys = [f"channel:{channel}:{names.get('id', '')}", *(f"{kind}:{name}" for kind, name in names.items() if name)]
    for key in (*keys, names.get("id", ""), ALL):
        if key and key in table:
            row: Mapping[str, Json] = table[key]
            return row
    return None


def for_group(groups: Mapping[str, Json] | None, group: str, channel: str, names: Mapping[str, str]) -> Layer | None:
    """What a group's own settings leave: by the sender there, by the group, then the same of `*`."""
    for key in (group, ALL):
        row: Mapping[str, Json] = (groups or {}).get(key) or {}
        found = pick(for_sender(row.get("toolsBySender"), channel, names)) or pick(row.get("tools"))
        if found is not None:
            return found
    return None


def layers(tools: Mapping[str, Json], agent: Mapping[str, Json], group: Layer | None) -> list[Layer]:
    """Every layer that says something: profile, everybody's, the agent's, the group's. An agent's profile goes before
    everybody's; `alsoAllow` widens the profile it stands beside."""
    chosen = profile(agent.get("profile") or tools.get("profile"))
    if chosen is not None:
        more = expand([*(tools.get("alsoAllow") or ()), *(agent.get("alsoAllow") or ())])
        chosen = Layer([*(chosen.allow or ()), *more], chosen.deny)
    return [one for one in (chosen, pick(tools), pick(agent), group) if one is not None]


def _among(name: str, patterns: Iterable[str]) -> bool:
    """Exact, or with `*`, which alone is special."""
    return any(name == one or ("*" in one and fnmatchcase(name, _literal(one))) for one in patterns)


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")
