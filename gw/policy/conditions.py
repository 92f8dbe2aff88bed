"""The `when:` language: which actions an override, an exception or a rule is about.

Knows nothing of scores. Invariant: a condition is data, never code; an empty one holds for every action, and every
field must hold (values of one field are alternatives).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from gw.model.action import Action
from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import Matcher


def _session_kind(action: Action) -> str | None:
    """`agent:<id>:<kind>:...` as upstream writes session keys: main, direct, group, cron, subagent, ..."""
    parts = (action.session_key or "").split(":")
    if len(parts) < 3:
        return parts[0] or None
    known = ("direct", "group", "channel", "thread", "cron", "subagent", "main", "hook")
    return next((part for part in parts[2:] if part in known), parts[2])


# One row per field of `when`: what of an action it is compared with.
FIELDS: Final[Mapping[str, Callable[[Action], str | None]]] = MappingProxyType(
    {
        "agent": lambda action: action.agent_id,
        "channel": lambda action: action.channel,
        "chat": lambda action: action.chat_type,
        "client": lambda action: action.client_id,
        "method": lambda action: action.method,
        "mode": lambda action: action.mode,
        "provenance": lambda action: action.provenance.value,
        "sender": lambda action: action.sender,
        "session": lambda action: action.session_key,
        "session_kind": _session_kind,
        "tool": lambda action: action.tool,
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """`fields` holds (name, allowed values; `*` is a wildcard); `matchers` must cover what they are asked about."""

    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    matchers: tuple[Matcher, ...] = ()

    @property
    def specificity(self) -> int:
        return len(self.fields) + len(self.matchers)

    def holds(self, action: Action) -> bool:
        """Whether the fields hold; matchers are not looked at."""
        return all(_among(FIELDS[name](action), allowed) for name, allowed in self.fields)

    def covers(self, subject: Subject, spans: tuple[Span, ...]) -> bool:
        """Whether the condition holds and each matcher's own spans contain all of *spans*.

        An exception for `systemctl restart web` must not excuse what follows a semicolon on the same line.
        """
        if not self.holds(subject.action):
            return False
        for matcher in self.matchers:
            found = matcher.match(subject)
            if found is None:
                return False
            if found and not all(any(_inside(span, other) for other in found) for span in spans):
                return False
        return True

    def overlaps(self, other: "Condition") -> bool:
        """Whether some action may satisfy both (used to report ties; matchers are taken to overlap)."""
        mine = dict(self.fields)
        return all(
            name not in mine or any(fnmatchcase(a, b) or fnmatchcase(b, a) for a in mine[name] for b in allowed)
            for name, allowed in other.fields
        )


def _inside(span: Span, other: Span) -> bool:
    return other.start <= span.start and span.end <= other.end


def _among(value: str | None, allowed: tuple[str, ...]) -> bool:
    if value is None:
        return False
    return any(value == one or ("*" in one and fnmatchcase(value, one)) for one in allowed)
