"""Which agent a message is for, and in which session: bindings by tier, then the session key.

Knows no channel driver and no store. Invariant: the first binding in configuration order wins within the best tier that
matches at all; a binding with an unusable peer never widens into one without; a binding to an agent that does not exist
is an error, never another agent.

Source: openclaw/ROUTING.md section 5, with vectors/routing_bindings.json as executed truth.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.model.identity import SessionKey
from gw.ports import Json
from gw.session import keys
from gw.session.keys import KeyRules

ANY: Final = "*"
DM_SCOPES: Final = ("main", "per-peer", "per-channel-peer", "per-account-channel-peer")
GROUP_SCOPES: Final = ("per-group", "main")
# Best first.
TIERS: Final = (
    *("binding.peer", "binding.peer.parent", "binding.peer.wildcard", "binding.guild+roles"),
    *("binding.guild", "binding.team", "binding.account", "binding.channel"),
)


class Peer(NamedTuple):
    kind: str  # direct | group | channel
    id: str


class Place(NamedTuple):
    """Where a message was said, as the provider tells it."""

    channel: str
    account: str = ""
    peer: Peer | None = None
    parent: Peer | None = None  # of a thread
    guild: str = ""
    team: str = ""
    roles: Sequence[str] = ()  # of the sender, in the guild


class Binding(NamedTuple):
    agent: str
    channel: str
    account: str  # a normalised id, or `*`
    peer: Peer | None = None  # its id may be `*`
    guild: str = ""
    team: str = ""
    roles: frozenset[str] = frozenset()
    dm_scope: str | None = None
    group_scope: str | None = None


class Route(NamedTuple):
    agent: str
    channel: str
    account: str
    dm_scope: str
    group_scope: str
    session_key: SessionKey
    main_key: SessionKey
    matched_by: str

    @property
    def is_main(self) -> bool:
        """Whether the message lands in the agent's main session, whose last route it then sets."""
        return self.session_key == self.main_key


def read_bindings(rows: Iterable[Mapping[str, Json]]) -> tuple[Binding, ...]:
    """Read `bindings` of the configuration; those with an unusable peer are left out."""
    return tuple(one for one in map(_read, rows) if one is not None)


def select(
    bindings: Iterable[Binding], place: Place, rules: KeyRules, session: Mapping[str, Json], default: str | None = None
) -> Route:
    """Find agent and session. `session` is the configuration's own object (dmScope, groupScope, identityLinks).

    Raises:
        InvalidRequest: no binding matches and several agents have no default, or the binding names no known agent.
    """
    channel, account = place.channel.strip().lower(), keys.account_id(place.account)
    place = place._replace(channel=channel, account=account, peer=_peer(place.peer), parent=_peer(place.parent))
    found, matched_by = _best(bindings, place)
    agent = _agent(found, rules, default)
    dm_scope = (found and found.dm_scope) or session.get("dmScope") or DM_SCOPES[0]
    group_scope = (found and found.group_scope) or session.get("groupScope") or GROUP_SCOPES[0]
    main = keys.main_key(agent)
    if place.peer is None:
        key = main
    else:
        links = session.get("identityLinks")
        peer = place.peer
        key = keys.peer_key(
            agent,
            channel,
            peer.kind,
            peer.id,
            account=account,
            dm_scope=dm_scope,
            group_scope=group_scope,
            identity_links=links,
        )
    return Route(agent, channel, account, dm_scope, group_scope, key, main, matched_by)


def _best(bindings: Iterable[Binding], place: Place) -> tuple[Binding | None, str]:
    best: Binding | None = None
    rank = len(TIERS)
    for binding in bindings:
        tier = _tier(binding, place)
        if tier < rank:
            best, rank = binding, tier
    return best, TIERS[rank] if best is not None else "default"


def _tier(binding: Binding, place: Place) -> int:
    """How well a binding matches; len(TIERS): not at all."""
    if not _holds(binding, place):
        return len(TIERS)
    if binding.peer is not None:
        return _peer_tier(binding.peer, place)
    if binding.guild:
        return TIERS.index("binding.guild+roles" if binding.roles else "binding.guild")
    if binding.team:
        return TIERS.index("binding.team")
    return TIERS.index("binding.channel" if binding.account == ANY else "binding.account")


def _holds(binding: Binding, place: Place) -> bool:
    """Every field but the peer."""
    return (
        binding.channel == place.channel
        and binding.account in (ANY, place.account)
        and binding.guild in ("", place.guild)
        and binding.team in ("", place.team)
        and (not binding.roles or not binding.roles.isdisjoint(place.roles))
    )


def _peer_tier(peer: Peer, place: Place) -> int:
    if place.peer is not None and _same_kind(peer, place.peer):
        if peer.id == place.peer.id:
            return TIERS.index("binding.peer")
        if peer.id == ANY:
            return TIERS.index("binding.peer.wildcard")
    if place.parent is not None and _same_kind(peer, place.parent) and peer.id == place.parent.id:
        return TIERS.index("binding.peer.parent")
    return len(TIERS)


def _same_kind(one: Peer, other: Peer) -> bool:
    """Groups and channels are one kind here; providers disagree on what is which."""
    return (one.kind == "direct") == (other.kind == "direct")


def _agent(found: Binding | None, rules: KeyRules, default: str | None) -> str:
    if found is None:
        if default is None and rules.default_agent is None:
            raise InvalidRequest("several agents are configured, none is the default and no binding matches")
        return keys.agent_id(default or rules.default_agent or "")
    if found.agent != "main" and found.agent not in rules.agents:
        raise InvalidRequest(f'a binding names agent "{found.agent}", which is not configured')
    return found.agent


def _peer(peer: Peer | None) -> Peer | None:
    if peer is None or not peer.id.strip():
        return None
    return Peer(keys.PEER_KINDS.get(peer.kind.strip().lower(), peer.kind), peer.id.strip())


def _read(row: Mapping[str, Json]) -> Binding | None:
    match: Mapping[str, Json] = row.get("match") or {}
    session: Mapping[str, Json] = row.get("session") or {}
    peer = None
    if match.get("peer") is not None:
        given = match["peer"]
        peer = _peer(Peer(str(given.get("kind") or ""), str(given.get("id") or "")))
        if peer is None or peer.kind not in keys.PEER_KINDS.values():
            return None
    account = str(match.get("accountId") or "").strip()
    return Binding(
        keys.agent_id(str(row.get("agentId") or "")),
        str(match.get("channel") or "").strip().lower(),
        ANY if account == ANY else keys.account_id(account),
        peer,
        str(match.get("guildId") or "").strip(),
        str(match.get("teamId") or "").strip(),
        frozenset(map(str, match.get("roles") or ())),
        session.get("dmScope"),
        session.get("groupScope"),
    )
