"""What only macOS has: its protections, its accounts, its ways to start things, its backups.

Adds facts to drafts. Invariant: asking for a state is never taken for changing it.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names


def protection(draft: Draft) -> None:
    words = [w.lstrip("-") for w in draft.argv[1:]]
    if any(w.endswith("disable") or w in ("remove", "global-disable") for w in words[:2]):
        draft.facts.add("disables-guard")


def attributes(draft: Draft) -> None:
    """The mark of what came from the network, taken off so that it starts without a question."""
    if draft.has("-d", "-c", "-rd", "-cr", "-dr") and (draft.has("-c") or "com.apple.quarantine" in draft.argv):
        draft.facts.add("skips-approval")


def start(draft: Draft) -> None:
    if draft.operands[:1] in (["load"], ["bootstrap"], ["submit"], ["enable"]):
        draft.facts.add("installs-service")
    elif draft.operands[:1] in (["unload"], ["bootout"], ["disable"], ["remove"]):
        draft.facts.add("stops-service")


def setting(draft: Draft) -> None:
    if draft.operands[:1] == ["write"] and any("Hook" in o or "LoginItems" in o for o in draft.operands):
        draft.facts.add("writes-startup")


def directory(draft: Draft) -> None:
    words = [w.lstrip("-") for w in draft.argv[1:6]]
    if any("ShadowHash" in o for o in draft.operands):
        draft.facts.add("reads-secret")
    if any(o.rpartition("/")[2] == "admin" for o in draft.operands) or "adminuser" in words:
        draft.facts.add("adds-root-user")
    elif not {"create", "append", "passwd", "addUser", "enableroot"}.isdisjoint(words):
        draft.facts.add("creates-account")
    elif not {"delete", "deleteUser"}.isdisjoint(words):
        draft.facts.add("deletes-account")


def firmware(draft: Draft) -> None:
    if any("=" in o for o in draft.operands) or draft.has("-d", "-c"):
        draft.facts.add("writes-system")


def backup(draft: Draft) -> None:
    if draft.operands[:1] in (["delete"], ["disable"], ["deletelocalsnapshots"], ["removedestination"]):
        draft.facts.add("service-destroys")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(("csrutil", "spctl", "fdesetup"), protection),
    "xattr": attributes,
    "launchctl": start,
    "defaults": setting,
    **dict.fromkeys(names("dscl sysadminctl dsenableroot dseditgroup"), directory),
    "nvram": firmware,
    "tmutil": backup,
}
