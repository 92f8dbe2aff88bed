"""Accounts and rights: users, groups, passwords, sudo, capabilities.

Adds facts to drafts. Invariant: listing accounts or rights is told apart from changing them.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

_STRONG_GROUP = re.compile(r"(?:^|[ ,])(?:sudo|wheel|root|admin)(?:$|[ ,])")
# Not root by name, but one command away from it.
_NEAR_GROUP = re.compile(r"(?:^|[ ,])(?:docker|lxd|incus|libvirt|disk|shadow|adm|kvm)(?:$|[ ,])")
# Nobody logs in as one of these.
_SERVICE_ACCOUNTS = names(
    "nobody daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc apache nginx"
)
# A program gets a port or a socket with these, and nothing else.
_NETWORK_CAPABILITIES = frozenset(("cap_net_bind_service", "cap_net_raw"))
_CREATORS = frozenset(("useradd", "adduser", "newusers"))
_GROUP_OPTIONS = ("-G", "--groups", "-aG", "-Ga", "-g", "--gid")


def account(draft: Draft) -> None:
    argv, program = draft.argv, draft.program
    uid = draft.value("-u", "--uid")
    duplicate = next((argv[i + 1] for i, a in enumerate(argv[:-1]) if a in ("-ou", "-uo", "-o")), "")
    shell = draft.value("-s", "--shell") or ""
    if program == "usermod" and shell.endswith("sh") and not _SERVICE_ACCOUNTS.isdisjoint(draft.operands):
        draft.facts.add("creates-account")
    if program == "usermod" and (
        draft.has("-L", "-U", "-p", "--lock", "--unlock", "--password", "-e", "--expiredate")
        or ("root" in draft.operands and shell.endswith(("nologin", "false")))
    ):
        draft.facts.add("changes-password")
    if program in ("groupmod", "groupadd") and draft.value("-g", "--gid") == "0":
        uid = "0"
    if uid == "0" or (program in ("useradd", "usermod", "adduser") and duplicate == "0"):
        draft.facts.add("adds-root-user")
    elif program in ("userdel", "deluser", "groupdel", "delgroup"):
        draft.facts.add("deletes-account")
    else:
        groups = _joined_groups(draft)
        if any(_STRONG_GROUP.search(g[:256]) for g in groups):
            draft.facts.add("adds-root-user")
        elif any(_NEAR_GROUP.search(g[:256]) for g in groups):
            draft.facts.add("joins-group")
        elif draft.operands and not draft.has("--help", "-D", "--defaults"):
            creates = program in _CREATORS and (program != "adduser" or len(draft.operands) == 1)
            draft.facts.add("creates-account" if creates else "changes-account")


def multiplexer(draft: Draft) -> None:
    """screen and tmux as root, with nothing to run: a shell."""
    if draft.privileged and draft.operands[:1] in ([], ["new"], ["new-session"]) and not draft.has("-ls", "-V", "-v"):
        draft.facts.add("root-shell")


def login_shell(draft: Draft) -> None:
    """chsh: a shell for an account that should have none."""
    if not _SERVICE_ACCOUNTS.isdisjoint(draft.operands) and (draft.value("-s", "--shell") or "").endswith("sh"):
        draft.facts.add("creates-account")
    aging(draft)


def accounts_editor(draft: Draft) -> None:
    draft.facts.add("changes-accounts-file")


def _joined_groups(draft: Draft) -> list[str]:
    if draft.program == "groupmems":
        return [draft.value("-g", "--group") or ""] if draft.has("-a", "--add") else []
    groups = [v for o in _GROUP_OPTIONS if (v := draft.value(o))]
    if draft.program in ("gpasswd", "adduser", "addgroup") and (len(draft.operands) > 1 or draft.has("-a", "--add")):
        groups += draft.operands[-1:]
    return groups


def password(draft: Draft) -> None:
    if not draft.has("-S", "--status", "--help"):
        draft.facts.add("changes-password")


def aging(draft: Draft) -> None:
    if not draft.has("-l", "--list"):
        draft.facts.add("changes-account")


def sudoers(draft: Draft) -> None:
    if not draft.has("-c", "--check"):
        draft.facts.add("edits-sudoers")


def sudo(draft: Draft) -> None:
    """sudo without a command."""
    if draft.has("-l", "-ll", "--list"):
        draft.facts.add("probes-privilege")
    elif draft.has("-s", "-i", "--shell", "--login"):
        draft.facts.add("root-shell")


def su(draft: Draft) -> None:
    if not draft.has("-c", "--command", "--session-command", "--help", "--version", "-V") and draft.operands[:1] in (
        [],
        ["root"],
        ["-"],
    ):
        draft.facts.add("root-shell")


def machine_shell(draft: Draft) -> None:
    if draft.operands[:1] in (["shell"], ["login"]):
        draft.facts.add("spawns-shell")


def starts_shell(draft: Draft) -> None:
    """Programs that start a shell when no command is given."""
    if draft.program == "systemd-run" and not draft.has("-S", "--shell"):
        if any(f.startswith("--on-") for f in draft.flags):
            draft.facts.add("schedules")
        return
    if draft.program == "script" and ("/dev/null" not in draft.operands or draft.has("-c", "--command")):
        return  # a recording of one's own session
    if not draft.has("--help", "--version", "-h", "-V", "--print", "--supports", "--decode"):
        draft.facts.add("spawns-shell")


def capabilities(draft: Draft) -> None:
    if draft.has("-r") and {"/", "/usr", "/bin"} & {*draft.operands}:
        draft.facts.add("searches-privilege")


def capability(draft: Draft) -> None:
    if draft.operands and not draft.has("-r", "-v"):
        given = set(re.split(r"[,=+]", draft.operands[0][:256])[:-1]) - {""}
        draft.facts.add("opens-access" if given and given <= _NETWORK_CAPABILITIES else "setuid")


def attributes(draft: Draft) -> None:
    """Capabilities, written as the attribute they are kept in."""
    if draft.value("-n", "--name") == "security.capability":
        draft.facts.add("setuid")


def database(draft: Draft) -> None:
    if not {"shadow", "gshadow"}.isdisjoint(draft.operands):
        draft.reads += ("/etc/shadow",)


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(
        names(
            "useradd adduser usermod groupadd gpasswd userdel deluser groupmems addgroup groupdel delgroup newusers"
            " groupmod"
        ),
        account,
    ),
    **dict.fromkeys(("passwd", "chpasswd", "chgpasswd"), password),
    **dict.fromkeys(("chage", "chfn"), aging),
    "chsh": login_shell,
    **dict.fromkeys(("screen", "tmux"), multiplexer),
    "visudo": sudoers,
    **dict.fromkeys(("vipw", "vigr"), accounts_editor),
    **dict.fromkeys(("sudo", "doas"), sudo),
    **dict.fromkeys(("su", "runuser"), su),
    **dict.fromkeys(names("chroot capsh newgrp sg systemd-run script unshare"), starts_shell),
    "machinectl": machine_shell,
    "setcap": capability,
    "setfattr": attributes,
    "getcap": capabilities,
    "getent": database,
}
