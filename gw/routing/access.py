"""May this sender talk to an agent here? Policies for direct messages and for groups.

Knows no driver, no store and no text: lists and names come in. Invariant: what is not understood (an unknown policy
word, a list that cannot be resolved, a channel without configuration) admits nobody; the pairing store opens direct
messages under `pairing`, and nothing else.

Source: openclaw/ROUTING.md section 3, with vectors/activation.json (group_policy, sender_access) as executed truth.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from gw.ports import Json

ANY: Final = "*"
DM_POLICIES: Final = ("pairing", "allowlist", "open", "disabled")
GROUP_POLICIES: Final = ("allowlist", "open", "disabled")
ACCESS_GROUP: Final = "accessGroup:"


class Access(NamedTuple):
    decision: str  # allow | block | pairing
    reason: str

    @property
    def is_allowed(self) -> bool:
        return self.decision == "allow"


class Group(NamedTuple):
    """What the configuration says about one group."""

    listed: bool  # a list of groups is in force
    allowed: bool
    require_mention: bool = True


def direct(
    ids: Collection[str], *, policy: str | None = None, allow_from: Collection[str] = (), paired: Collection[str] = ()
) -> Access:
    """`ids` are the ways a list may name the sender; `paired` is the pairing store of this channel account."""
    policy = policy or DM_POLICIES[0]
    if policy == "disabled":
        return Access("block", "dm_policy_disabled")
    if policy == "open" and ANY in allow_from:
        return Access("allow", "dm_policy_open")
    if _listed(ids, allow_from) or (policy == "pairing" and _listed(ids, paired)):
        return Access("allow", "dm_policy_allowlisted")
    if policy == "pairing":
        return Access("pairing", "dm_policy_pairing_required")
    return Access("block", "dm_policy_not_allowlisted")


def group_sender(
    ids: Collection[str],
    *,
    policy: str | None = None,
    group_allow_from: Collection[str] = (),
    allow_from: Collection[str] = (),
    fallback: bool = True,
) -> Access:
    """`fallback`: an empty group list means the direct one."""
    if policy == "disabled":
        return Access("block", "group_policy_disabled")
    if policy == "open":
        return Access("allow", "group_policy_allowed")
    wanted = group_allow_from or (allow_from if fallback else ())
    if not wanted:
        return Access("block", "group_policy_empty_allowlist")
    if _listed(ids, wanted):
        return Access("allow", "group_policy_allowed")
    return Access("block", "group_policy_not_allowlisted")


def group(settings: Mapping[str, Json], group_id: str, *, has_senders: bool = False) -> Group:
    """Is the group itself allowed, and must the agent be mentioned in it?

    `settings` are the account's (see `account_settings`); a channel without any is the caller's to refuse.
    `has_senders`: a list of senders exists, which then filters in place of a list of groups.
    """
    policy = settings.get("groupPolicy")
    groups: Mapping[str, Json] | None = settings.get("groups")
    own: Mapping[str, Json] = (groups or {}).get(group_id) or {}
    everyone: Mapping[str, Json] = (groups or {}).get(ANY) or {}
    require_mention = own.get("requireMention", everyone.get("requireMention", True)) is not False
    listed = policy == "allowlist" or bool(groups)
    if policy == "disabled":
        return Group(listed, False, require_mention)
    if groups:
        return Group(listed, group_id in groups or ANY in groups, require_mention)
    return Group(listed, not listed or has_senders, require_mention)


def guild(
    settings: Mapping[str, Json], guild_id: str, channels: Collection[str], ids: Collection[str], roles: Collection[str]
) -> tuple[Access, bool]:
    """Discord's own table: (access, whether the agent must be mentioned). A guild must be listed; then a listed user or
    role is enough; a guild that lists channels has no others. `channels`: the channel, and the parent of a thread."""
    row: Mapping[str, Json] | None = (settings.get("guilds") or {}).get(guild_id)
    if settings.get("groupPolicy") == "disabled":
        return Access("block", "group_policy_disabled"), True
    if row is None:
        return Access("block", "group_policy_not_allowlisted"), True
    listed: Mapping[str, Json] | None = row.get("channels")
    own: Mapping[str, Json] = next((listed[one] or {} for one in channels if one in listed), {}) if listed else {}
    mention = own.get("requireMention", row.get("requireMention", True)) is not False
    if listed and not any(one in listed for one in channels):
        return Access("block", "group_policy_not_allowlisted"), mention
    users, wanted = row.get("users") or (), row.get("roles") or ()
    if _listed(ids, users) or _listed(roles, wanted) or (not users and not wanted):
        return Access("allow", "group_policy_allowed"), mention
    return Access("block", "group_policy_not_allowlisted"), mention


def account_settings(channel: Mapping[str, Json], account: str) -> dict[str, Json]:
    """A channel's settings with one account's in their place, field by field; maps are replaced whole."""
    accounts: Mapping[str, Mapping[str, Json]] = channel.get("accounts") or {}
    return {**{name: value for name, value in channel.items() if name != "accounts"}, **(accounts.get(account) or {})}


def resolve(entries: Collection[str], members: Callable[[str], Collection[str]]) -> list[str]:
    """Put an access group's members in place of `accessGroup:<name>`; `members` of an unknown name raises KeyError,
    and then the entry admits nobody."""
    found: list[str] = []
    for entry in map(str, entries):
        if not entry.startswith(ACCESS_GROUP):
            found.append(entry)
            continue
        try:
            found += map(str, members(entry.removeprefix(ACCESS_GROUP)))
        except KeyError:
            continue
    return found


def _listed(ids: Collection[str], entries: Collection[str]) -> bool:
    wanted = {str(one).strip().lower() for one in entries}
    return ANY in wanted or any(one.strip().lower() in wanted for one in ids if one)
