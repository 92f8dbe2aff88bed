"""What guards the machine: firewalls, auditing, mandatory access control, agents of vendors; and what switches it off.

Adds facts to drafts. Invariant: asking for a state is never taken for changing it.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

_GUARDS = names(
    "auditd apparmor ufw firewalld iptables nftables fail2ban clamav clamav-daemon clamd falcon-sensor rsyslog"
    " rsyslogd syslog syslog-ng systemd-journald journald selinux osqueryd wazuh-agent wazuh crowdsec sysmon falco"
    " mdatp tripwire aide snort suricata ossec sentinelone cbdaemon cbagentd unattended-upgrades sshguard"
    " rkhunter esets"
)
# What the vendors of such programs begin the names of their processes and units with.
_GUARD_FAMILIES = (
    "falcon", "crowdstrike", "wazuh-", "ossec", "clamd", "clamonacc", "osquery", "sophos", "sav-", "sentinelone",
    "sentinelctl", "cbagent", "cbsensor", "elastic-endpoint", "traps_pmd", "cortex-xdr", "xagt", "ds_agent", "qualys",
    "nessus", "aliyun", "aegis", "cloudmonitor", "tetragon", "tracee", "auditbeat", "usbguard", "velociraptor",
    "limacharlie", "uptycs", "lacework", "cylance", "mfetp", "bitdefender", "bdsec", "kesl", "drweb", "imunify",
    "maldet", "systemd-journald", "audit-",
)  # fmt: skip
_OWN_GUARDS = names("clawgate defenseclaw openclaw openclaw-gateway")  # of the agent itself
_SWITCHES_OFF = names("stop disable unload uninstall unprotect unconfigure unenroll off")


def is_guard(name: str) -> bool:
    name = name.rpartition("/")[2].removesuffix(".service")
    return name in _GUARDS or name in _OWN_GUARDS or name.lower().startswith(_GUARD_FAMILIES)


def guard_control(draft: Draft) -> None:
    """A guard's own control program: `sentinelctl unload`, `wazuh-control stop`."""
    if not _SWITCHES_OFF.isdisjoint(draft.operands[:2]) or draft.has("-d", "--uninstall", "--disable"):
        draft.facts.add("disables-guard")


def is_own_guard(name: str) -> bool:
    return name.removesuffix(".service") in _OWN_GUARDS


_OPENS = frozenset(("ACCEPT", "REDIRECT", "DNAT", "MASQUERADE"))
_DROPS = frozenset(("DROP", "REJECT"))
_MATCHES_ALL = frozenset(("-A", "-I", "-j", "--append", "--insert", "--jump"))  # no address, port or interface


def firewall(draft: Draft) -> None:
    words, program = draft.operands, draft.program or ""
    if program == "ufw":
        off = any(w in ("disable", "reset") for w in words) or words[:2] == ["default", "allow"]
    elif program == "nft":
        off = "flush" in words or "delete" in words
    elif program == "firewall-cmd":
        off = any(f.startswith(("--panic-off", "--remove", "--set-default-zone")) for f in draft.flags)
        off = off or "--set-target=ACCEPT" in draft.argv
    else:
        off = draft.has("-F", "--flush", "-X") or (draft.has("-P", "--policy") and "ACCEPT" in words)
    if off:
        draft.facts.add("disables-guard")
    elif not _DROPS.isdisjoint(words) and (draft.has("-P", "--policy") or draft.flags <= _MATCHES_ALL):
        draft.facts.add("cuts-network")
    elif (
        program.endswith("-restore")
        or (program == "firewall-cmd" and any(f.startswith("--add-") for f in draft.flags))
        or draft.has("-D", "--delete")
        or (draft.has("-I", "-A", "--insert", "--append") and not _OPENS.isdisjoint(words))
        or (program == "ufw" and words[:1] in (["allow"], ["delete"]))
    ):
        draft.facts.add("opens-access")


def protection(draft: Draft) -> None:
    program, first = draft.program, "".join(draft.operands[:1])
    if (
        (program == "setenforce" and first.lower() in ("0", "permissive"))
        or (
            program == "auditctl"
            and (draft.has("-D") or draft.value("-e") == "0" or "never" in (draft.value("-a") or ""))
        )
        or (program == "semanage" and first == "permissive" and draft.has("-a", "--add"))
        or (program == "pfctl" and draft.has("-d", "-F"))
        or (program == "mokutil" and draft.has("--disable-validation"))
        or (program == "falconctl" and draft.has("-d"))
        or (program == "mdatp" and "disabled" in draft.argv)
        or (program == "fail2ban-client" and first in ("stop", "unban"))
        or program in ("aa-disable", "aa-teardown", "aa-complain")
        or (program == "apparmor_parser" and draft.has("-R", "--remove"))
    ):
        draft.facts.add("disables-guard")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(names("ufw iptables ip6tables iptables-legacy nft firewall-cmd iptables-restore"), firewall),
    **dict.fromkeys(
        names(
            "fail2ban-client setenforce auditctl aa-disable aa-teardown aa-complain apparmor_parser semanage pfctl"
            " mokutil falconctl mdatp"
        ),
        protection,
    ),
}
