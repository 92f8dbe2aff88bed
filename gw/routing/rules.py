"""The channels file, read: agents, bindings, and what every channel and account may do.

Names and meanings of the keys are upstream's configuration; docs/channels.md lists those that are served. Knows no
driver: an account's `options` and `secretFiles` are its driver's to check. Invariant: every problem of the file is
reported at once; a key nobody serves is a problem, never ignored.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gw.config.load import Tree
from gw.errors import ConfigError, InvalidRequest
from gw.model.problem import Problem, closest
from gw.ports import Json
from gw.routing import access, bindings, broadcast, hook_mappings, replies, tool_policy
from gw.routing.bindings import Binding
from gw.routing.schedule import duration_ms
from gw.session import keys
from gw.session.keys import KeyRules

Table = Mapping[str, Json]
EMPTY: Final[Table] = MappingProxyType({})
DEFAULT_ACCOUNT: Final = "default"

# What a running gateway keeps until its restart: names that sessions have, and what has timers or addresses of its own.
FIXED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "keys": "the agents' names",
        "session": "session",
        "hooks": "hooks",
        "cron": "cron",
        "heartbeats": "heartbeat",
        "queue": "messages.queue",
    }
)

# Key -> what it must be: a type, or the words it may be.
Kind = type | tuple[str, ...]
TOP: Final[Mapping[str, Kind]] = {
    "agents": dict,
    "bindings": list,
    "broadcast": dict,
    "tools": dict,
    "accessGroups": dict,
    "commands": dict,
    "session": dict,
    "messages": dict,
    "channels": dict,
    "hooks": dict,
    "cron": dict,
}
ACCOUNT: Final[Mapping[str, Kind]] = {
    "enabled": bool,
    "transport": str,
    "options": dict,
    "secretFiles": dict,
    "dmPolicy": access.DM_POLICIES,
    "allowFrom": list,
    "groupPolicy": access.GROUP_POLICIES,
    "groupAllowFrom": list,
    "groups": dict,
    "guilds": dict,
    "replyToMode": replies.MODES,
    "allowBots": bool,
    "mentionPatterns": dict,
    "implicitMentions": dict,
}
CHANNEL: Final[Mapping[str, Kind]] = {**ACCOUNT, "accounts": dict}
TOOLS: Final[Mapping[str, Kind]] = {
    "profile": tuple(tool_policy.PROFILES),
    "allow": list,
    "alsoAllow": list,
    "deny": list,
}
AGENT: Final[Mapping[str, Kind]] = {
    "tools": dict,
    "default": bool,
    "name": str,
    "identity": dict,
    "groupChat": dict,
    "heartbeat": dict,
}
BINDING: Final[Mapping[str, Kind]] = {"agentId": str, "match": dict, "session": dict, "comment": str}
SESSION: Final[Mapping[str, Kind]] = {
    "scope": ("per-sender", "global"),
    "dmScope": bindings.DM_SCOPES,
    "groupScope": bindings.GROUP_SCOPES,
    "identityLinks": dict,
    "sendPolicy": dict,
    "reset": dict,
    "resetByType": dict,
    "resetByChannel": dict,
}
HOOKS: Final[Mapping[str, Kind]] = {
    "enabled": bool,
    "path": str,
    "tokenFile": str,
    "defaultSessionKey": str,
    "allowRequestSessionKey": bool,
    "allowedSessionKeyPrefixes": list,
    "allowedAgentIds": list,
    "mappings": list,
}
MAPPING: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(hook_mappings.FIELDS, str),
    "match": dict,
    "action": hook_mappings.ACTIONS,
    "wakeMode": ("now", "next-heartbeat"),
    "deliver": bool,
    "timeoutSeconds": int,
}
CRON: Final[Mapping[str, Kind]] = {"enabled": bool}
HEARTBEAT: Final[Mapping[str, Kind]] = {"every": str}
MESSAGES: Final[Mapping[str, Kind]] = {"groupChat": dict, "queue": dict, "inbound": dict}
INBOUND: Final[Mapping[str, Kind]] = {"debounceMs": int, "byChannel": dict}


class Rules(NamedTuple):
    keys: KeyRules = KeyRules()
    agents: Mapping[str, Table] = EMPTY
    bindings: tuple[Binding, ...] = ()
    broadcast: Table = EMPTY
    groups: Mapping[str, Mapping[str, Collection[str]]] = EMPTY  # access group -> channel -> members
    owners: frozenset[str] = frozenset()  # `channel:id`, lower-case
    session: Table = EMPTY
    messages: Table = EMPTY
    queue: Table = EMPTY
    channels: Mapping[str, Table] = EMPTY
    hooks: Table = EMPTY
    cron: Table = EMPTY
    heartbeats: Mapping[str, int] = {}  # agent -> milliseconds between two
    tools: Table = EMPTY

    def accounts(self) -> list[tuple[str, str, Table]]:
        """(channel, account, settings) of everything that is to run."""
        found: list[tuple[str, str, Table]] = []
        for channel, settings in self.channels.items():
            for account in settings.get("accounts") or {DEFAULT_ACCOUNT: None}:
                own = access.account_settings(settings, account)
                if own.get("enabled", True) is not False:
                    found.append((channel, keys.account_id(account), own))
        return found

    def settings(self, channel: str, account: str) -> Table:
        """Empty for a channel nobody configured, which then admits nobody."""
        for one, name, own in self.accounts():
            if (one, name) == (channel, account):
                return own
        return EMPTY

    def listed(self, settings: Table, key: str, channel: str) -> list[str]:
        """A list of people, with access groups resolved for this channel."""
        return access.resolve(settings.get(key) or (), lambda name: self.groups[name].get(channel) or ())

    def followed_by(self, newer: "Rules") -> "tuple[Rules, list[str]]":
        """What a reload to *newer* leads to, and what of it has to wait for a restart.

        With other agents nothing is taken: bindings would lead to names that no session can have.
        """
        waits = [said for field, said in FIXED.items() if getattr(self, field) != getattr(newer, field)]
        if self.keys != newer.keys:
            return self, waits
        return newer._replace(**{field: getattr(self, field) for field in FIXED}), waits

    def is_owner(self, channel: str, ids: Iterable[str]) -> bool:
        return any(f"{channel}:{one}".lower() in self.owners for one in ids if one)


def read(tree: Tree) -> Rules:
    """Raises ConfigError with every problem."""
    return _Reader(tree).rules()


class _Reader:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._problems: list[Problem] = []

    def rules(self) -> Rules:
        top = self._table(self._tree.values, "", TOP)
        agents = self._agents(top.get("agents") or {})
        rows = [row for number, row in enumerate(top.get("bindings") or ()) if self._binding(row, number, agents)]
        session = self._table(top.get("session") or {}, "session", SESSION)
        messages = self._table(top.get("messages") or {}, "messages", MESSAGES)
        channels = {
            str(name).strip().lower(): self._channel(value, f"channels.{name}")
            for name, value in (top.get("channels") or {}).items()
        }
        self._inbound(messages.get("inbound") or {}, channels)
        key_rules = KeyRules(tuple(agents), _default(agents), scope=session.get("scope") or "per-sender")
        commands = top.get("commands") or {}
        rules = Rules(
            key_rules,
            agents,
            bindings.read_bindings(rows),
            self._broadcast(top.get("broadcast") or {}, agents),
            self._groups(top.get("accessGroups") or {}),
            frozenset(str(one).strip().lower() for one in commands.get("ownerAllowFrom") or ()),
            session,
            messages,
            messages.get("queue") or EMPTY,
            channels,
            self._hooks(top.get("hooks") or {}),
            self._table(top.get("cron") or {}, "cron", CRON),
            self._heartbeats(top.get("agents") or {}, agents),
            self._table(top.get("tools") or {}, "tools", TOOLS),
        )
        if self._problems:
            raise ConfigError(sorted(self._problems))
        return rules

    def _agents(self, table: Table) -> dict[str, Table]:
        entries = self._table(table, "agents", {"entries": dict, "defaults": dict}).get("entries") or {"main": {}}
        found: dict[str, Table] = {}
        for name, value in entries.items():
            path = f"agents.entries.{name}"
            if keys.maybe_id(str(name)) is None:
                self._complain(path, "is no usable agent id", "letters, digits, - and _")
            found[keys.agent_id(str(name))] = agent = self._table(value or {}, path, AGENT)
            self._table(agent.get("tools") or {}, f"{path}.tools", TOOLS)
        return found

    def _binding(self, row: Json, number: int, agents: Collection[str]) -> bool:
        path = f"bindings.{number}"
        table = self._table(row, path, BINDING)
        match = self._table(table.get("match") or {}, f"{path}.match")
        agent = keys.agent_id(str(table.get("agentId") or ""))
        if not match.get("channel"):
            self._complain(path, "needs match.channel")
        if agent not in agents and agent != "main":
            self._complain(path, f"names agent {agent}, which is not in agents.entries", _meant(agent, agents))
        if match.get("peer") is not None:
            self._table(match["peer"], f"{path}.match.peer", {"kind": tuple(keys.PEER_KINDS), "id": str})
        return bool(table)

    def _channel(self, value: Json, path: str) -> Table:
        table = self._table(value or {}, path, CHANNEL)
        for name, account in (table.get("accounts") or {}).items():
            self._table(account or {}, f"{path}.accounts.{name}", ACCOUNT)
        return table

    def _broadcast(self, table: Table, agents: Collection[str]) -> Table:
        for key, row in table.items():
            path = f"broadcast.{key}"
            if key == "strategy":
                if row not in broadcast.STRATEGIES:
                    self._complain(path, f"must be {_said(broadcast.STRATEGIES)}")
                continue
            found = broadcast.find({key: row}, *_conversation(key))
            if found is None:
                self._complain(path, "must name agents: a list, or {agents: [...]}")
            for agent in found.agents if found is not None else ():
                if agent not in agents:
                    self._complain(path, f"names agent {agent}, which is not in agents.entries", _meant(agent, agents))
        return table

    def _inbound(self, table: Table, channels: Collection[str]) -> None:
        found = self._table(table, "messages.inbound", INBOUND)
        by_channel = found.get("byChannel") or {}
        for name in by_channel:
            if name not in channels:
                self._complain(f"messages.inbound.byChannel.{name}", "is none of channels", _meant(name, channels))
        waits = {
            "debounceMs": found.get("debounceMs", 0),
            **{f"byChannel.{name}": ms for name, ms in by_channel.items()},
        }
        for key, ms in waits.items():
            if not _fits(ms, int) or ms < 0:
                self._complain(f"messages.inbound.{key}", "must be milliseconds, 0 or more")

    def _hooks(self, table: Table) -> Table:
        found = self._table(table, "hooks", HOOKS)
        for number, row in enumerate(found.get("mappings") or ()):
            path = f"hooks.mappings.{number}"
            if not (self._table(row, path, MAPPING).get("match") or {}).get("path"):
                self._complain(path, "needs match.path")
        return found

    def _heartbeats(self, table: Table, agents: Mapping[str, Table]) -> dict[str, int]:
        found: dict[str, int] = {}
        common = ((table.get("defaults") or {}).get("heartbeat") or {}) if isinstance(table, Mapping) else {}
        for name, agent in agents.items():
            own = agent.get("heartbeat")
            path = f"agents.entries.{name}.heartbeat" if own else "agents.defaults.heartbeat"
            every = self._table(own or common, path, HEARTBEAT).get("every")
            if every is None:
                continue
            try:
                found[name] = duration_ms(str(every))
            except InvalidRequest as error:
                self._complain(f"{path}.every", error.message)
        return found

    def _groups(self, table: Table) -> dict[str, Table]:
        return {name: self._table(row or {}, f"accessGroups.{name}") for name, row in table.items()}

    def _table(self, value: Json, path: str, known: Mapping[str, Kind] | None = None) -> dict[str, Json]:
        """The mapping with its wrong and unknown keys reported; those are left out."""
        if not isinstance(value, dict):
            self._complain(path, "must hold `key: value` lines")
            return {}
        if known is None:
            return value
        found = {}
        for key, given in value.items():
            at = f"{path}.{key}".lstrip(".")
            kind = known.get(key)
            if kind is None:
                self._complain(at, "unknown key", _meant(key, known))
            elif given is None or _fits(given, kind):
                found[key] = given
            else:
                self._complain(at, f"must be {_said(kind)}")
        return found

    def _complain(self, path: str, message: str, hint: str = "") -> None:
        self._problems.append(self._tree.problem(path, message, hint))


def _fits(value: Json, kind: Kind) -> bool:
    if isinstance(kind, tuple):
        return value in kind
    return isinstance(value, (str, int) if kind is str else kind) and (kind is bool or not isinstance(value, bool))


def _said(kind: Kind) -> str:
    if isinstance(kind, tuple):
        return f"one of {', '.join(kind)}"
    words = {dict: "`key: value` lines", list: "a list", bool: "true or false", int: "a whole number", str: "a word"}
    return words[kind]


def _conversation(key: str) -> tuple[str, str]:
    """Channel and peer of a broadcast's key; without a channel it is WhatsApp's old form."""
    channel, colon, peer = key.partition(":")
    return (channel, peer) if colon else ("whatsapp", key)


def _meant(word: str, known: Iterable[str]) -> str:
    return "".join(f"did you mean {one}?" for one in closest(word, known))


def _default(agents: Mapping[str, Table]) -> str | None:
    """The agent marked as default, or the only one."""
    marked = next((name for name, agent in agents.items() if agent.get("default") is True), None)
    return marked or (next(iter(agents)) if len(agents) == 1 else None)
