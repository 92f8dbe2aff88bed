"""Session keys: their grammar, and the way from what a caller types to the one spelling that is stored.

Knows nothing of entries, stores or who is asking. Invariant: the functions are total over `str` (any text is
classified, none raises) except `to_store_key`, which refuses what has no honest answer; a stored key is a fixed point
of `normalise`.

Source: openclaw/SESSIONS.md section 1, with vectors/session_keys.json as executed truth.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.model.identity import SessionKey

SENTINELS: Final = frozenset({"global", "unknown"})
PEER_KINDS: Final = {"direct": "direct", "dm": "direct", "group": "group", "channel": "channel"}  # `dm` is only read
INCOGNITO_FAMILIES: Final = ("dashboard:", "subagent:", "internal-session-effects:")
MAX_KEY_CHARS: Final = 512  # published schema: chat.send.sessionKey
MAX_ID_CHARS: Final = 64
# JavaScript object names upstream refuses as account ids.
RESERVED_ACCOUNT_IDS: Final = frozenset({"__proto__", "prototype", "constructor"})

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NOT_ID: Final = re.compile(r"[^a-z0-9_-]+")
_SIGNAL_GROUP: Final = re.compile(r"signal:group:", re.IGNORECASE)
_MATRIX_ROOM: Final = re.compile(r"(?:agent:[^:]*:)*matrix:(?:channel|group):", re.IGNORECASE)
_CRON_RUN: Final = re.compile(r"(cron:[^:]+):run:([^:]+)(?::.*)?", re.IGNORECASE | re.DOTALL)
_SUBAGENT: Final = re.compile(r"(?:^|:)subagent:", re.IGNORECASE)
_THREAD: Final = ":thread:"


class AgentKey(NamedTuple):
    agent_id: str
    rest: str  # normalised; opaque, may itself begin with `agent:`


class Delivery(NamedTuple):
    """Where a key says its conversation lives. Good for routing; never for trust (see `chat_type`)."""

    channel: str
    peer_kind: str  # as the key spells it, so `dm` stays `dm`
    peer_id: str
    account_id: str | None = None
    thread_id: str | None = None


class KeyRules(NamedTuple):
    """What the configuration says about keys. `default_agent` is None when several agents have no owner."""

    agents: tuple[str, ...] = ("main",)
    default_agent: str | None = "main"
    main_key: str = "main"
    scope: str = "per-sender"  # per-sender | global


# --- reading --------------------------------------------------------------------------------------------------


def classify(key: str) -> str:
    """Return missing | agent | malformed_agent | legacy_or_alias."""
    text = key.strip()
    if not text:
        return "missing"
    if not text.lower().startswith("agent:"):
        return "legacy_or_alias"
    return "agent" if _split_agent(text) is not None else "malformed_agent"


def normalise(key: str) -> str:
    """Trim and lower-case, except Signal group ids and Matrix room tails, whose case carries meaning."""
    text = key.strip()
    room = _MATRIX_ROOM.match(text)
    if room is not None:
        head, tail = text[: room.end()].lower(), text[room.end() :]
        marker = tail.lower().rfind(_THREAD)
        if marker >= 0:
            tail = tail[:marker] + _THREAD + tail[marker + len(_THREAD) :]
        return head + tail
    parts: list[str] = []
    at = 0
    for group in _SIGNAL_GROUP.finditer(text):
        if group.start() < at:
            continue
        end = text.find(":", group.end())
        end = len(text) if end < 0 else end
        parts += text[at : group.end()].lower(), text[group.end() : end].strip()
        at = end
    parts.append(text[at:].lower())
    return "".join(parts)


def parse(key: str) -> AgentKey | None:
    """Split an agent key at the first colon after `agent:`; None when it is not one or is malformed."""
    return _split_agent(normalise(key))


def split_thread(key: str) -> tuple[str, str | None]:
    """Return (base key, thread id) with the caller's spelling kept."""
    text = key.strip()
    marker = text.lower().rfind(_THREAD)
    if marker <= 0 or not text[marker + len(_THREAD) :].strip():
        return text, None
    return text[:marker], text[marker + len(_THREAD) :]


def split_cron_run(key: str) -> tuple[str, str | None]:
    """Return (key of the job's session, run id); the key itself and None when it is not a cron run."""
    text = key.strip()
    parsed = parse(text)
    match = _CRON_RUN.fullmatch(parsed.rest) if parsed is not None else None
    if parsed is None or match is None:
        return text, None
    return f"agent:{parsed.agent_id}:{match[1]}", match[2]


def subagent_depth(key: str) -> int:
    return len(_SUBAGENT.findall(_body(key))) if is_subagent(key) else 0


def is_subagent(key: str) -> bool:
    return _body(key).startswith("subagent:")


def is_acp(key: str) -> bool:
    return _body(key).startswith("acp:")


def is_cron(key: str) -> bool:
    parsed = parse(key)
    return parsed is not None and parsed.rest.startswith("cron:")


def is_cron_run(key: str) -> bool:
    return split_cron_run(key)[1] is not None


def is_incognito(key: str) -> bool:
    """A memory-only session: nothing of it may reach the store."""
    parsed = parse(key)
    return parsed is not None and any(parsed.rest.startswith(f + "incognito-") for f in INCOGNITO_FAMILIES)


def is_hidden(key: str) -> bool:
    """An internal session that listings never show."""
    return _body(key).startswith("internal-session-effects:")


def is_main(key: str) -> bool:
    parsed = parse(key)
    return parsed is not None and parsed.rest == "main"


def kind(key: str, *, spawned: bool = False, chat_type: str | None = None) -> str:
    """Return global | unknown | cron | spawn-child | group | direct.

    The substring test is upstream's and is loose on purpose; decisions about trust use the stored chat type.
    """
    if key in SENTINELS:
        return key
    if is_cron(key):
        return "cron"
    if spawned:
        return "spawn-child"
    if chat_type in ("group", "channel") or ":group:" in key or ":channel:" in key:
        return "group"
    return "direct"


def chat_type(key: str) -> str:
    """Return direct | group | channel when exactly one reading of the key's shape fits, else unknown."""
    readings = _shape_readings(key)
    return readings[0] if len(readings) == 1 else "unknown"


def is_ambiguous(key: str) -> bool:
    """More than one reading of the peer shape fits, e.g. `telegram:direct:group:direct:x`."""
    return len(_shape_readings(key)) > 1


def delivery(key: str) -> Delivery | None:
    """Read channel, account, peer and thread off an agent key; None when it names no conversation."""
    base, thread_id = split_thread(key)
    parsed = parse(base)
    if parsed is None:
        return None
    segments = parsed.rest.split(":")
    for at in (1, 2):
        if len(segments) > at + 1 and segments[at] in PEER_KINDS and segments[0]:
            peer_id = ":".join(segments[at + 1 :])
            if not peer_id:
                return None
            account = segments[1] if at == 2 else None
            return Delivery(segments[0], segments[at], peer_id, account, thread_id)
    return None


# --- ids ------------------------------------------------------------------------------------------------------


def maybe_id(value: str) -> str | None:
    """Normalise an agent or account id; None when nothing of it survives."""
    text = value.strip()
    if _ID.fullmatch(text):
        return text.lower()
    return _NOT_ID.sub("-", text.lower()).strip("-")[:MAX_ID_CHARS] or None


def agent_id(value: str) -> str:
    return maybe_id(value) or "main"


def maybe_account_id(value: str) -> str | None:
    account = maybe_id(value)
    return None if account in RESERVED_ACCOUNT_IDS else account


def account_id(value: str) -> str:
    return maybe_account_id(value) or "default"


# --- writing --------------------------------------------------------------------------------------------------


def main_key(agent: str) -> SessionKey:
    return SessionKey(f"agent:{agent}:main")


def request_key(key: str, agent: str) -> str:
    """Give a request key its agent; agent keys (malformed ones too) are only normalised."""
    text = normalise(key)
    if text.lower().startswith("agent:"):
        return text
    return f"agent:{agent_id(agent)}:{text or 'main'}"


def to_store_key(key: str, rules: KeyRules, agent: str | None = None) -> SessionKey:
    """Return the stored spelling of what a caller typed.

    Raises:
        InvalidRequest: the key is empty, too long or malformed, names another agent than `agent`, or needs an agent
            when several exist and none is the default.
    """
    text = normalise(key)
    if not text:
        raise InvalidRequest("session key required")
    if len(text) > MAX_KEY_CHARS:
        raise InvalidRequest(f"session key is longer than {MAX_KEY_CHARS} characters")
    if text.lower() in SENTINELS:
        return SessionKey(text.lower())
    asked = text if text.lower().startswith("agent:") else f"agent:{_owner(rules, agent)}:{text}"
    parsed = _split_agent(asked)
    owner = maybe_id(parsed.agent_id) if parsed is not None else None
    if parsed is None or owner is None:
        raise InvalidRequest(f'malformed session key "{text}" (use agent:<agentId>:<rest>)')
    rest = parsed.rest
    if asked is text:
        if agent is not None and agent_id(agent) != owner:
            raise InvalidRequest("session key agent does not match agentId")
        if owner == "main" and "main" not in rules.agents and rest in ("main", rules.main_key):
            owner = _owner(rules, None)  # keys written before agents had names
    if rest in ("main", rules.main_key):
        return SessionKey("global") if rules.scope == "global" else main_key(owner)
    return SessionKey(normalise(f"agent:{owner}:{rest}"))


def owner_of(key: str, rules: KeyRules) -> str:
    """Return the agent a stored key belongs to; sentinels belong to the default agent."""
    parsed = parse(key)
    return parsed.agent_id if parsed is not None else (rules.default_agent or rules.agents[0])


def peer_key(
    agent: str,
    channel: str,
    peer_kind: str,
    peer_id: str,
    *,
    account: str | None = None,
    dm_scope: str = "main",
    group_scope: str = "per-group",
    identity_links: Mapping[str, Sequence[str]] | None = None,
) -> SessionKey:
    """Build the key for a conversation with a peer (SESSIONS.md section 1.5)."""
    owner = agent_id(agent)
    place = channel.strip().lower() or "unknown"
    peer = peer_id.strip()
    if PEER_KINDS.get(peer_kind, peer_kind) == "direct":
        peer = peer.lower()
        if dm_scope == "main" or not peer:
            return main_key(owner)
        peer = _linked_identity(place, peer, identity_links or {}).lower()
        prefix = {
            "per-peer": "",
            "per-channel-peer": f"{place}:",
            "per-account-channel-peer": f"{place}:{account_id(account or '')}:",
        }[dm_scope]
        return SessionKey(f"agent:{owner}:{prefix}direct:{peer}")
    if group_scope == "main":
        return main_key(owner)
    return SessionKey(normalise(f"agent:{owner}:{place}:{peer_kind}:{peer or 'unknown'}"))


def thread_key(base: str, thread_id: str, *, use_suffix: bool = True) -> SessionKey:
    """Append a thread; a blank id or a channel with its own thread form changes nothing."""
    thread = thread_id.strip().lower()
    return SessionKey(base + _THREAD + thread if thread and use_suffix else base)


# --- inside ---------------------------------------------------------------------------------------------------


def _split_agent(text: str) -> AgentKey | None:
    if not text.lower().startswith("agent:"):
        return None
    agent, colon, rest = text[len("agent:") :].partition(":")
    agent, rest = agent.strip(), rest.strip()
    if not colon or not agent or not rest or rest.startswith(":"):
        return None
    return AgentKey(agent.lower(), rest)


def _body(key: str) -> str:
    """Return what follows `agent:<id>:`, or the whole normalised key."""
    text = normalise(key)
    parsed = _split_agent(text)
    return parsed.rest if parsed is not None else text


def _shape_readings(key: str) -> list[str]:
    """Every way to read `[channel][account]kind:peer` off the first three positions."""
    segments = _body(split_thread(key)[0]).split(":")
    return [
        PEER_KINDS[segments[at]]
        for at in range(3)
        if len(segments) > at + 1 and segments[at] in PEER_KINDS and ":".join(segments[at + 1 :])
    ]


def _owner(rules: KeyRules, agent: str | None) -> str:
    if agent is not None:
        return agent_id(agent)
    if rules.default_agent is None:
        raise InvalidRequest("several agents are configured and none is the default: name one with agentId")
    return rules.default_agent


def _linked_identity(channel: str, peer: str, links: Mapping[str, Sequence[str]]) -> str:
    for name, ids in links.items():
        if any(one.strip().lower() in (peer, f"{channel}:{peer}") for one in ids):
            return name
    return peer
