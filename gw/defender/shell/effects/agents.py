"""Agents and their own settings: OpenClaw's command line, coding agents, the hub they get skills from.

Adds facts to drafts. Invariant: what only asks (status, list, get of no secret) adds nothing.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.clients import sends_file, sends_marked
from gw.defender.shell.names import names
from gw.defender.shell.stream import SECRET

# Words of the coding agents for doing without their own questions or sandboxes.
_UNASKED = re.compile(
    r"--(?:dangerously|allow-dangerously|yolo|full-auto|yes-always|auto-approve|trust-all)[a-z-]*"
    r"|--permission-mode=bypassPermissions|bypassPermissions|(?:--sandbox=)?danger-full-access|--ask-for-approval=never|never"
)
_FORCED = {"gemini": "-y", "cursor-agent": "-f", "aider": "--yes"}
# What an agent is extended with, and how.
_EXTENSIONS = names("mcp plugin plugins extensions skills hooks")
_ADDING = names("add add-json install enable link set import")
_TAMPERING = {
    "approvals": names("set allowlist allow"),
    "config": names("set unset patch apply"),
    "plugins": names("disable uninstall"),
    "gateway": names("stop uninstall"),
}
_LETS_IN = names("devices pairing nodes")
_WIDENS = names("agents channels")
_CONFIG_CALLS = re.compile(r"(?:config|exec\.approvals|plugins|update)\.(?!get|list|schema)")
_SECRET_SETTING = re.compile(r"token|password|secret|api_?key", re.I)


def _extends(draft: Draft) -> bool:
    words = draft.operands
    return not _EXTENSIONS.isdisjoint(words[:1]) and not _ADDING.isdisjoint(words[1:3])


def coding(draft: Draft) -> None:
    """Coding agents: started without their own questions, or given more servers and programs."""
    forced = _FORCED.get(draft.program or "") in draft.argv
    if forced or any(_UNASKED.fullmatch(word, 0, 64) for word in draft.argv[1:]):
        draft.facts.add("skips-approval")
    if _extends(draft) or draft.operands[:2] == ["config", "set"]:
        draft.facts.add("steers-agent")


def openclaw(draft: Draft) -> None:
    first, verb = [*draft.operands[:2], "", ""][:2]
    if verb in _TAMPERING.get(first, ()) or first in ("uninstall", "reset") or (first == "gateway" and _exposes(draft)):
        draft.facts.add("tampers-guard")
    elif (
        _extends(draft) or (first in _LETS_IN and verb == "approve") or (first in _WIDENS and verb in ("add", "login"))
    ):
        draft.facts.add("steers-agent")
    elif first == "cron" and verb in ("add", "edit"):
        draft.facts.add("schedules")
    elif (first, verb) == ("config", "get") and any(_SECRET_SETTING.search(o, 0, 128) for o in draft.operands[2:]):
        draft.facts.add("reads-service-secret")
    elif (first, verb) == ("message", "send"):
        _sends_message(draft)


def _exposes(draft: Draft) -> bool:
    """A gateway that asks for no token, listens for other machines, or is told by a call how to be."""
    if draft.operands[1:2] == ["call"]:
        return any(_CONFIG_CALLS.match(word, 0, 64) for word in draft.operands[2:3])
    return draft.value("--auth") == "none" or (draft.value("--bind") or "loopback") not in ("loopback", "auto")


def _sends_message(draft: Draft) -> None:
    for mark in draft.marks:
        sends_marked(draft, mark & SECRET)
    attached = draft.value("--media", "--file")
    if attached:
        sends_file(draft, attached)


def hub(draft: Draft) -> None:
    """clawhub: skills are instructions by strangers."""
    if draft.operands[:1] in (["install"], ["update"]):
        draft.facts.add("steers-agent")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(names("claude codex gemini opencode aider goose cursor-agent amp qwen"), coding),
    "openclaw": openclaw,
    "clawhub": hub,
}
