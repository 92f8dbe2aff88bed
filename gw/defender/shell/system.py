"""Programs that administer the machine: users, services, firewalls, logs, kernel, scheduling, probing.

Adds facts to drafts. Invariant: asking for a state is never taken for changing it.
"""

import re

from gw.defender.shell.draft import Draft
from gw.defender.shell.files import Effect
from gw.defender.shell.paths import is_log, normalise

_UNSET_LOGS = ("HISTFILE", "HISTSIZE", "HISTFILESIZE", "HISTCONTROL", "HISTIGNORE", "PROMPT_COMMAND", "SAVEHIST", "HISTCMD")
_GUARD_UNITS = re.compile(r"(?:auditd|apparmor|ufw|firewalld|iptables|nftables|fail2ban|clamav[\w-]*|falcon-sensor|rsyslog|syslog[\w-]*|systemd-journald|selinux[\w-]*|osqueryd|wazuh[\w-]*|crowdsec|sysmon|falco|mdatp|clawgate|tripwire|aide|snort|suricata|ossec[\w-]*|defenseclaw[\w-]*|sentinelone|cbdaemon|cbagent[\w-]*|unattended-upgrades|sshguard|rkhunter|chkrootkit)(?:\.service)?$")


def _has_value(draft: Draft, *options: str) -> bool:
    return draft.value(*options) is not None


def crontab(draft: Draft) -> None:
    if draft.has("-r"):
        draft.facts.add("deletes-schedule")
    elif not draft.has("-l"):
        draft.facts.add("schedules")


def at(draft: Draft) -> None:
    if draft.program == "atrm" or draft.has("-l", "-r", "-d", "-V", "-c"):
        return
    draft.facts.add("schedules")


def systemctl(draft: Draft) -> None:
    words = [o for o in draft.operands if o]
    verb = words[0] if words else ""
    units = words[1:]
    if verb in ("stop", "disable", "mask", "kill") and any(_GUARD_UNITS.match(u) for u in units):
        draft.facts.add("disables-guard")
    elif verb in ("enable", "link", "edit", "set-default", "add-wants", "set-property", "set-environment", "import-environment", "reenable", "preset-all"):
        draft.facts.add("installs-service")
    elif verb in ("poweroff", "reboot", "halt", "kexec", "emergency", "rescue", "isolate", "suspend", "hibernate", "soft-reboot"):
        draft.facts.add("stops-machine")
    elif verb in ("mask", "disable", "stop") and any(u.startswith(("ssh", "network", "systemd-", "dbus", "docker", "NetworkManager", "cron")) for u in units):
        draft.facts.add("stops-service")


def service(draft: Draft) -> None:
    words = draft.operands
    if len(words) > 1 and words[1] in ("stop", "disable") and _GUARD_UNITS.match(words[0]):
        draft.facts.add("disables-guard")
    if draft.program in ("update-rc.d", "chkconfig", "rc-update", "insserv") and any(w in ("defaults", "enable", "on", "add") for w in words + draft.argv[1:2].__class__(draft.flags and [f.lstrip("-") for f in draft.flags] or [])):
        draft.facts.add("installs-service")


def shutdown(draft: Draft) -> None:
    if not draft.has("-c", "--help", "-w", "--wtmp-only", "--show"):
        draft.facts.add("stops-machine")


def init(draft: Draft) -> None:
    if draft.operands[:1] in (["0"], ["6"], ["1"], ["s"], ["S"]):
        draft.facts.add("stops-machine")


def firewall(draft: Draft) -> None:
    words = draft.operands
    program = draft.program or ""
    if program == "ufw" and (words[:1] in (["disable"], ["reset"]) or words[:2] in (["default", "allow"],) or "disable" in words):
        draft.facts.add("disables-guard")
    elif program.startswith(("iptables", "ip6tables")) and (draft.has("-F", "--flush", "-X") or (draft.has("-P", "--policy") and "ACCEPT" in words)):
        draft.facts.add("disables-guard")
    elif program == "nft" and ("flush" in words or "delete" in words):
        draft.facts.add("disables-guard")
    elif program == "firewall-cmd" and any(f.startswith(("--panic-off", "--remove", "--set-default-zone")) for f in draft.flags):
        draft.facts.add("disables-guard")


def guard_switch(draft: Draft) -> None:
    words = draft.operands
    program = draft.program
    if program == "setenforce" and words[:1] in (["0"], ["Permissive"], ["permissive"]):
        draft.facts.add("disables-guard")
    elif program == "auditctl" and (draft.has("-D") or (draft.value("-e") == "0")):
        draft.facts.add("disables-guard")
    elif program in ("aa-disable", "aa-teardown", "aa-complain") or (program == "apparmor_parser" and draft.has("-R", "--remove")):
        draft.facts.add("disables-guard")
    elif program == "sysctl" and any(re.match(r"kernel\.(?:core_pattern|randomize_va_space|yama|modprobe|dmesg_restrict|kptr_restrict|unprivileged|perf_event|sysrq)", a) and "=" in a for a in draft.argv[1:]):
        draft.facts.add("writes-kernel")
    elif program == "chage" and not draft.has("-l", "--list"):
        draft.facts.add("changes-account")


def users(draft: Draft) -> None:
    words = draft.argv[1:]
    groups = (draft.value("-G", "--groups", "-a", "--append-groups", "-g", "--gid") or "") + " " + " ".join(draft.operands)
    uid = draft.value("-u", "--uid", "-ou", "-uo")
    if uid == "0" or ("-ou" in words or "-o" in words and "0" in words):
        draft.facts.add("adds-root-user")
    elif draft.program in ("usermod", "gpasswd", "adduser", "groupmems", "addgroup") and re.search(r"(?:^|[ ,])(?:sudo|wheel|root|adm|docker|admin|lxd|disk|shadow)(?:$|[ ,])", groups):
        if draft.program != "groupmems" or draft.has("-a", "--add"):
            draft.facts.add("adds-root-user")
    elif draft.program in ("useradd", "adduser", "usermod") and re.search(r"(?:^|[ ,])(?:sudo|wheel|root|docker|lxd)(?:$|[ ,])", groups.partition(" ")[0]):
        draft.facts.add("adds-root-user")
    elif draft.program in ("userdel", "deluser", "groupdel", "delgroup"):
        draft.facts.add("deletes-account")
    else:
        draft.facts.add("changes-account")


def passwd(draft: Draft) -> None:
    if draft.has("-S", "--status", "--help"):
        return
    draft.facts.add("changes-password")


def visudo(draft: Draft) -> None:
    if not draft.has("-c", "--check"):
        draft.facts.add("edits-sudoers")


def sudo_alone(draft: Draft) -> None:
    if draft.has("-l", "-ll", "--list"):
        draft.facts.add("probes-privilege")
    elif draft.has("-s", "-i", "--shell", "--login"):
        draft.facts.add("root-shell")


def su(draft: Draft) -> None:
    if not draft.has("-c", "--command", "--session-command", "--help") and draft.operands[:1] in ([], ["root"], ["-"]):
        draft.facts.add("root-shell")


def history(draft: Draft) -> None:
    if draft.has("-c") or (draft.has("-d") and not draft.has("-l")) or (draft.has("-w") and "/dev/null" in draft.argv) or (draft.has("-r") and "/dev/null" in draft.argv):
        draft.facts.add("clears-history")


def unset(draft: Draft) -> None:
    if any(o in _UNSET_LOGS for o in draft.operands) and not draft.has("-f") and draft.flags <= {"-v", "-n"}:
        draft.facts.add("clears-history")


def shell_option(draft: Draft) -> None:
    if "+o" in draft.argv and "history" in draft.argv:
        draft.facts.add("clears-history")


def export(draft: Draft) -> None:
    for argument in draft.argv[1:]:
        name, equals, value = argument.partition("=")
        if equals:
            assignment(draft, name, value)


def assignment(draft: Draft, name: str, value: str) -> None:
    """Facts of one `NAME=value`."""
    if name in ("HISTFILE", "HISTSIZE", "HISTFILESIZE") and value in ("", "/dev/null", "0"):
        draft.facts.add("clears-history")
    elif name in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"):
        if name != "LD_LIBRARY_PATH" and value and not value.startswith("$"):
            draft.facts.add("preloads")
        elif value.startswith(("/tmp", "/dev/shm")):  # noqa: S108  a value to compare with
            draft.facts.add("preloads")
    elif name == "PATH" and (value.startswith((".:", "/tmp", ":")) or value == "."):  # noqa: S108
        draft.facts.add("hijacks-path")
    elif name in ("BASH_ENV", "ENV", "PROMPT_COMMAND") and value:
        draft.facts.add("installs-hook")


def journal(draft: Draft) -> None:
    if any(f.startswith("--vacuum") for f in draft.flags):
        draft.facts.add("wipes-logs")


def kernel_module(draft: Draft) -> None:
    if draft.program == "insmod" or (draft.program == "modprobe" and draft.has("-r", "--remove") is False and any(o.startswith(("/", "./")) for o in draft.operands)):
        draft.facts.add("loads-module")
    elif draft.program == "rmmod":
        draft.facts.add("loads-module")
    elif draft.program == "kexec":
        draft.facts.add("stops-machine")


def capabilities(draft: Draft) -> None:
    if draft.operands and not draft.has("-r", "-v"):
        draft.facts.add("setuid")


def kill(draft: Draft) -> None:
    targets = draft.argv[1:]
    if "-1" in targets[-1:] and len(targets) > 1 or (draft.program == "killall5"):
        draft.facts.add("kills-all")
    elif draft.program in ("pkill", "killall", "skill", "slay") and (_has_value(draft, "-u", "--user") and len([o for o in draft.operands if o != draft.value("-u", "--user")]) == 0 or any(_GUARD_UNITS.match(o) for o in draft.operands) or draft.operands[:1] in ([".*"], ["."], ["*"])):
        draft.facts.add("kills-all" if not any(_GUARD_UNITS.match(o) for o in draft.operands) else "disables-guard")
    elif draft.operands[:1] == ["1"] and draft.has("-9", "-KILL", "-SIGKILL"):
        draft.facts.add("kills-all")


def environment(draft: Draft) -> None:
    if not draft.operands and not draft.has("--help", "--version"):
        draft.facts.add("dumps-environment")


def nmap(draft: Draft) -> None:
    text = " ".join(draft.operands)
    if re.search(r"/(?:[89]|[12]\d)(?:\s|$)", text) or re.search(r"\.\d+-\d+", text) or draft.has("-iL") and False:
        draft.facts.add("scans-network")
    if draft.has("--interactive") or "--script" in draft.flags and any(a.startswith(("--script=/", "--script=.", "--script=$")) for a in draft.argv):
        draft.facts.add("shell-escape")


def scanner(draft: Draft) -> None:
    draft.facts.add("scans-network")


def attack(draft: Draft) -> None:
    if not draft.has("--help", "--version") :
        draft.facts.add("attack-tool")


def miner(draft: Draft) -> None:
    draft.facts.add("mines")


def capture(draft: Draft) -> None:
    if draft.program == "tcpdump" and draft.has("-z"):
        draft.facts.add("shell-escape")


def debugger(draft: Draft) -> None:
    if draft.has("-p", "--pid"):
        draft.facts.add("attaches-process")


def memory_dump(draft: Draft) -> None:
    draft.facts.add("attaches-process")


def account_database(draft: Draft) -> None:
    if any(o in ("shadow", "gshadow") for o in draft.operands):
        draft.facts.add("reads-secret")
        draft.reads.append("/etc/shadow")


def log_path_writer(draft: Draft) -> None:
    if any(is_log(normalise(o, draft.cwd)) for o in draft.operands):
        draft.facts.add("wipes-logs")


def stress(draft: Draft) -> None:
    draft.facts.add("exhausts")


def taskkill(draft: Draft) -> None:
    if "*" in draft.operands or "*" in draft.argv:
        draft.facts.add("kills-all")


def windows(draft: Draft) -> None:
    text = " ".join(draft.argv).lower()
    program = (draft.program or "").lower()
    if program == "remove-item" and "-recurse" in text and re.search(r"(?:[a-z]:\\?(?:\*|windows|users)?|\\\*|\$env:|~)(?:\s|$)", text):
        draft.facts.add("deletes-root")
    elif program in ("format", "format-volume", "clear-disk", "diskpart"):
        draft.facts.add("overwrites-disk")
    elif program == "add-localgroupmember" and "administrators" in text or program == "net" and "localgroup" in text and "administrators" in text and "/add" in text:
        draft.facts.add("adds-root-user")
    elif program == "get-content" and re.search(r"\\users\\[^\\]+\\(?:\.ssh\\id_\w+$|\.aws\\credentials|appdata)", text):
        draft.facts.add("reads-secret")
    elif program == "set-executionpolicy" or program == "set-mppreference":
        draft.facts.add("disables-guard")
    elif program in ("vssadmin", "wbadmin", "bcdedit", "wevtutil", "clear-eventlog"):
        draft.facts.add("wipes-logs")
    elif program in ("schtasks", "new-scheduledtask", "register-scheduledtask", "new-service", "sc.exe"):
        draft.facts.add("installs-service")
    elif program == "reg" and "add" in text and "\\run" in text:
        draft.facts.add("installs-service")


_ATTACK = (
    "hydra medusa ncrack msfvenom msfconsole msfcli sqlmap john hashcat aircrack-ng airodump-ng aireplay-ng ettercap bettercap responder mimikatz mimipenguin lazagne linpeas linpeas.sh winpeas linenum.sh pspy pspy64 pspy32 crackmapexec cme netexec nxc"
    " evil-winrm bloodhound-python kerbrute impacket-secretsdump secretsdump.py chisel-server empire merlin sliver sliver-client sliver-server covenant nikto gobuster dirb ffuf wfuzz feroxbuster nuclei masscan-attack wpscan beef-xss setoolkit arpspoof dsniff macof slowloris hping3-flood"
    " goldeneye t50 reaver unix-privesc-check exploit-suggester linux-exploit-suggester.sh les.sh searchsploit veil shellter weevely"
).split()
_MINERS = "xmrig xmr-stak minerd cpuminer ethminer nbminer t-rex lolminer phoenixminer cgminer bfgminer ccminer nanominer teamredminer claymore xmrig-proxy kdevtmpfsi kinsing".split()

EFFECTS: dict[str, Effect] = {
    "crontab": crontab, "at": at, "batch": at, "systemctl": systemctl, "service": service, "update-rc.d": service, "chkconfig": service, "rc-update": service, "initctl": service,
    "shutdown": shutdown, "reboot": shutdown, "halt": shutdown, "poweroff": shutdown, "init": init, "telinit": init,
    "ufw": firewall, "iptables": firewall, "ip6tables": firewall, "iptables-legacy": firewall, "nft": firewall, "firewall-cmd": firewall, "setenforce": guard_switch, "auditctl": guard_switch, "aa-disable": guard_switch, "aa-teardown": guard_switch, "aa-complain": guard_switch, "apparmor_parser": guard_switch, "sysctl": guard_switch, "chage": guard_switch,
    "useradd": users, "adduser": users, "usermod": users, "groupadd": users, "gpasswd": users, "userdel": users, "deluser": users, "groupmems": users, "addgroup": users, "groupdel": users, "newusers": users, "passwd": passwd, "chpasswd": passwd, "chgpasswd": passwd, "visudo": visudo,
    "sudo": sudo_alone, "doas": sudo_alone, "su": su, "history": history, "unset": unset, "set": shell_option, "shopt": shell_option, "export": export, "declare": export, "typeset": export, "local": export, "readonly": export, "journalctl": journal,
    "insmod": kernel_module, "modprobe": kernel_module, "rmmod": kernel_module, "kexec": kernel_module, "setcap": capabilities, "kill": kill, "pkill": kill, "killall": kill, "killall5": kill, "skill": kill,
    "printenv": environment, "nmap": nmap, "masscan": scanner, "zmap": scanner, "rustscan": scanner, "arp-scan": scanner, "netdiscover": scanner, "fping": lambda d: scanner(d) if d.has("-g") else None, "unicornscan": scanner,
    **dict.fromkeys(_ATTACK, attack), **dict.fromkeys(_MINERS, miner), "tcpdump": capture, "gdb": debugger, "strace": debugger, "gcore": memory_dump, "procdump": memory_dump, "getent": account_database, "stress": stress, "stress-ng": stress,
    "taskkill": taskkill, "Remove-Item": windows, "Add-LocalGroupMember": windows, "net": windows, "Get-Content": windows, "Set-ExecutionPolicy": windows, "Set-MpPreference": windows, "vssadmin": windows, "wevtutil": windows, "Clear-EventLog": windows, "schtasks": windows, "Register-ScheduledTask": windows, "New-Service": windows, "reg": windows, "format": windows, "Format-Volume": windows, "Clear-Disk": windows,
    "Stop-Process": lambda d: d.facts.add("kills-all") if "*" in d.argv else None,
}  # fmt: skip
