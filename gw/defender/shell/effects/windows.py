"""PowerShell and the Windows commands an agent may send to a Windows node: the few that matter.

Adds facts to drafts. Knows that a POSIX parser has eaten the backslashes, so paths are recognised without them.
"""

import re

from gw.defender.shell.draft import Draft, Effect

_DRIVE = re.compile(
    r"(?:^|\s)(?:[a-z]:(?:windows|users|\*)?[\\/*]*|\$env:\w+|~|/(?:home|etc|usr|var|root|opt)?)(?:/\*)?(?:\s|$)", re.I
)
_CREDENTIALS = re.compile(
    r"users[\\/]?[^\\/\s]*[\\/]?\.(?:ssh[\\/]?id_\w+$|aws[\\/]?credentials)|login data|ntds\.dit|\bsam$", re.I
)


def _text(draft: Draft) -> str:
    return " ".join(draft.argv[1:])


def remove_item(draft: Draft) -> None:
    text = _text(draft).lower()
    if "-recurse" in text and "temp" not in text:
        draft.facts.add("deletes-root" if _DRIVE.search(_text(draft)[:512]) else "deletes-tree")


def remove_folder(draft: Draft) -> None:
    words = {a.lower() for a in draft.argv[1:]}
    if "/s" in words and "/q" in words:
        draft.facts.add("deletes-root" if _DRIVE.search(" " + _text(draft)[:512]) else "deletes-tree")


def format_disk(draft: Draft) -> None:
    if any(":" in a for a in draft.operands) or draft.program in ("Format-Volume", "Clear-Disk"):
        draft.facts.add("overwrites-disk")


def local_group(draft: Draft) -> None:
    text = _text(draft).lower()
    if "administrators" in text and (draft.program != "net" or "/add" in text):
        draft.facts.add("adds-root-user")


def get_content(draft: Draft) -> None:
    if any(_CREDENTIALS.search(o[:256]) for o in draft.operands):
        draft.facts.add("reads-secret")


def weaken(draft: Draft) -> None:
    draft.facts.add("disables-guard")


def clear_log(draft: Draft) -> None:
    draft.facts.add("wipes-logs")


def schedule(draft: Draft) -> None:
    draft.facts.add("installs-service")


def service(draft: Draft) -> None:
    """sc: `create` installs, `stop`, `delete` and `config` take away."""
    if "".join(draft.operands[:1]).lower() == "create":
        draft.facts.add("installs-service")
    else:
        stop_service(draft)


def rights(draft: Draft) -> None:
    """icacls: everybody may."""
    if any(a.lower().startswith(("everyone:", "*s-1-1-0:")) for a in draft.argv[1:]):
        draft.facts.add("opens-access")


def stop_everything(draft: Draft) -> None:
    if "*" in draft.argv:
        draft.facts.add("kills-all")


def stop_service(draft: Draft) -> None:
    if draft.program in ("Stop-Computer", "Restart-Computer"):
        draft.facts.add("stops-machine")
    elif draft.operands and (draft.program != "sc" or draft.operands[0].lower() in ("stop", "delete", "config")):
        draft.facts.add("stops-service")


def remove_files(draft: Draft) -> None:
    words = {a.lower() for a in draft.argv[1:]}
    if "/s" in words or any(o.endswith(("*", "*.*")) for o in draft.operands):
        draft.facts.add("deletes-root" if _DRIVE.search(" " + _text(draft)[:512]) else "deletes-tree")


def account(draft: Draft) -> None:
    """`net user name password /add`, `net localgroup administrators name /add`."""
    local_group(draft)
    if draft.operands[:1] == ["user"] and len(draft.operands) > 2 and "adds-root-user" not in draft.facts:
        draft.facts.add("creates-account")
    elif draft.operands[:1] == ["stop"]:
        draft.facts.add("stops-service")


def registry(draft: Draft) -> None:
    verb = "".join(draft.operands[:1]).lower()
    key = _text(draft).lower()
    if verb == "save" or (verb == "query" and "password" in key):
        draft.facts.add("searches-secret")
    elif verb == "add" and ("run" in key or "winlogon" in key or "services" in key):
        draft.facts.add("writes-startup")
    elif verb in ("add", "delete", "import"):
        draft.facts.add("writes-system")


def borrowed(draft: Draft) -> None:
    """System programs that fetch, or run what they are given, for somebody who wants neither seen."""
    text = _text(draft).lower()
    if "http" in text or "ftp:" in text:
        draft.facts.add("executes-fetched")
    elif draft.program in ("mshta", "regsvr32", "wmic", "rundll32") and ("/create" in text or " create " in text):
        draft.facts.add("shell-escape")
    elif draft.program in ("rundll32", "regsvr32", "mshta") and draft.operands:
        draft.facts.add("loads-library")


def network(draft: Draft) -> None:
    """netsh: the firewall switched off, a port handed on, a network's key shown."""
    words = [o.lower() for o in draft.operands]
    if {"firewall", "advfirewall"} & {*words} and ("off" in words or "disable" in words or "reset" in words):
        draft.facts.add("disables-guard")
    elif "portproxy" in words and "add" in words:
        draft.facts.add("tunnels")
    elif "key=clear" in words:
        draft.facts.add("reads-service-secret")


def boot(draft: Draft) -> None:
    if "/set" in draft.argv or "-set" in draft.argv:
        draft.facts.add("writes-system")


def wipe_free(draft: Draft) -> None:
    if any(a.lower().startswith("/w") for a in draft.argv[1:]):
        draft.facts.add("shreds")


def script_disk(draft: Draft) -> None:
    if draft.operands:
        draft.facts.add("edits-disk")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(("Remove-Item", "ri"), remove_item),
    **dict.fromkeys(("rmdir", "rd"), remove_folder),
    **dict.fromkeys(("format", "Format-Volume", "Clear-Disk"), format_disk),
    **dict.fromkeys(("del", "erase"), remove_files),
    "Add-LocalGroupMember": local_group,
    **dict.fromkeys(("net", "net.exe", "net1"), account),
    "reg": registry,
    **dict.fromkeys(("certutil", "bitsadmin", "mshta", "regsvr32", "rundll32", "msiexec", "wmic", "cmstp"), borrowed),
    "bcdedit": boot,
    "netsh": network,
    "cipher": wipe_free,
    "diskpart": script_disk,
    **dict.fromkeys(("Get-Content", "gc"), get_content),
    **dict.fromkeys(("Set-ExecutionPolicy", "Set-MpPreference", "Add-MpPreference"), weaken),
    **dict.fromkeys(("vssadmin", "wevtutil", "Clear-EventLog", "wbadmin"), clear_log),
    **dict.fromkeys(("schtasks", "Register-ScheduledTask", "New-Service"), schedule),
    **dict.fromkeys(("Stop-Service", "Stop-Computer", "Restart-Computer"), stop_service),
    **dict.fromkeys(("sc", "sc.exe"), service),
    **dict.fromkeys(("icacls", "cacls"), rights),
    **dict.fromkeys(("taskkill", "Stop-Process"), stop_everything),
}
