"""May a session send? The entry's own word, then the configured rules, then the default.

Knows no store and no channel. Invariant: once a policy exists, a key that can be read in two ways is denied.

Source: openclaw/SESSIONS.md section 3.2, with vectors/session_policy.json as executed truth.
"""

from collections.abc import Mapping

from gw.ports import Json
from gw.session import keys


def decide(
    policy: Mapping[str, Json] | None,
    session_key: str,
    entry: Mapping[str, Json] | None = None,
    *,
    channel: str | None = None,
    chat_type: str | None = None,
) -> str:
    """Return allow | deny. `policy` is the configuration's `session.sendPolicy`; channel and chat type come from the
    delivery context when there is one and are otherwise read off the key."""
    own = (entry or {}).get("sendPolicy")
    if own in ("allow", "deny"):
        return str(own)
    if policy is None:
        return "allow"
    if keys.is_ambiguous(session_key):
        return "deny"
    facts = _facts(session_key, channel, chat_type)
    allowed = False
    for rule in policy.get("rules") or ():
        if not _holds(rule.get("match") or {}, facts):
            continue
        if rule.get("action") == "deny":
            return "deny"
        allowed = True
    if allowed:
        return "allow"
    return "deny" if policy.get("default") == "deny" else "allow"


def _facts(session_key: str, channel: str | None, chat_type: str | None) -> Mapping[str, str | None]:
    raw = keys.normalise(session_key)
    parsed = keys.parse(raw)
    place = keys.delivery(raw)
    shape = keys.chat_type(raw)
    return {
        "raw": raw,
        "rest": parsed.rest if parsed is not None else raw,
        "channel": (channel or (place.channel if place is not None else "")).lower() or None,
        "chatType": chat_type or (shape if shape != "unknown" else None),
    }


def _holds(match: Mapping[str, Json], facts: Mapping[str, str | None]) -> bool:
    return all(_field_holds(field, str(wanted).strip().lower(), facts) for field, wanted in match.items() if wanted)


def _field_holds(field: str, wanted: str, facts: Mapping[str, str | None]) -> bool:
    raw = facts["raw"] or ""
    if field == "channel":
        return facts["channel"] == wanted
    if field == "chatType":
        return facts["chatType"] == keys.PEER_KINDS.get(wanted, wanted)
    if field == "keyPrefix":
        return raw.startswith(wanted) or (facts["rest"] or "").startswith(wanted)
    if field == "rawKeyPrefix":
        return raw.startswith(wanted)
    return True  # fields later versions may add do not narrow a rule upstream either
