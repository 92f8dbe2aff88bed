"""Is a message meant for the agent? The mention gate, the /activation command, and where patterns count.

Knows no text beyond the command: mentions come in as facts. Invariant: the gate never skips where mentions cannot be
seen, and a command opens it only for somebody who may give it, in a group, when nobody else is addressed.

Source: openclaw/ROUTING.md section 4, with vectors/activation.json (gate, activation_command, mention_pattern_policy).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gw.ports import Json

# Implicit kind -> the switch that turns it off; `native` has none.
IMPLICIT: Final[Mapping[str, str | None]] = {
    "reply_to_bot": "replyToBot",
    "quoted_bot": "quotedBot",
    "bot_thread_participant": "threadParticipation",
    "native": None,
}
MODES: Final = ("mention", "always")
_COMMAND: Final = re.compile(r"/activation(?::\s*|\s+|$)(\S*)", re.IGNORECASE)


class Facts(NamedTuple):
    """What is known of one message; `can_detect` is False on surfaces that do not tell mentions."""

    can_detect: bool = True
    was_mentioned: bool = False
    has_any_mention: bool = False
    implicit: Sequence[str] = ()
    is_group: bool = False
    require_mention: bool = True
    text_commands: bool = True
    is_command: bool = False
    may_command: bool = False


class Gate(NamedTuple):
    implicit: tuple[str, ...]  # kinds that count
    mentioned: bool  # in effect
    bypassed: bool
    skip: bool


def gate(facts: Facts, switches: Mapping[str, bool] | None = None) -> Gate:
    """`switches` is the configuration's `implicitMentions`; direct chats come with `require_mention` False."""
    off = {kind for kind, name in IMPLICIT.items() if name is not None and (switches or {}).get(name) is False}
    implicit = tuple(kind for kind in facts.implicit if kind not in off)
    bypassed = (
        facts.is_group
        and facts.require_mention
        and not facts.was_mentioned
        and not facts.has_any_mention
        and facts.text_commands
        and facts.may_command
        and facts.is_command
    )
    mentioned = facts.was_mentioned or bool(implicit) or bypassed
    return Gate(implicit, mentioned, bypassed, facts.require_mention and facts.can_detect and not mentioned)


def must_be_mentioned(configured: bool, stored: str | None) -> bool:
    """The session's own activation (`groupActivation`) goes before the configuration."""
    return stored == MODES[0] if stored in MODES else configured


class Asked(NamedTuple):
    is_command: bool
    mode: str | None = None


def parse_command(text: str) -> Asked:
    """A whole message `/activation <mode>`; an unknown word is a command without effect."""
    found = _COMMAND.fullmatch(text.strip())
    if found is None:
        return Asked(False)
    word = found[1].lower()
    return Asked(True, word if word in MODES else None)


class PatternSwitch(NamedTuple):
    mode: str
    allow_matched: bool
    deny_matched: bool
    enabled: bool


def patterns_enabled(policy: Mapping[str, Json] | None, conversation: str | None) -> PatternSwitch:
    """Do mention patterns count in this conversation? `policy` is `channels.<c>.mentionPatterns`."""
    policy = policy or {}
    mode = "deny" if policy.get("mode") == "deny" else "allow"
    allow = conversation is not None and conversation in map(str, policy.get("allowIn") or ())
    deny = conversation is not None and conversation in map(str, policy.get("denyIn") or ())
    return PatternSwitch(mode, allow, deny, not deny and (mode == "allow" or allow))
