"""The machine itself: services, schedules, power, firewall, logs, kernel, processes, the shell's own settings.

Adds facts to drafts. Invariant: asking for a state is never taken for changing it.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.guards import is_guard
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_root, normalise
from gw.defender.shell.registries import is_source_variable

# Where programs look for code, and for settings that can name some.
_SEARCH_PATHS = names(
    "PYTHONPATH PYTHONHOME PYTHONUSERBASE PERL5LIB PERLLIB RUBYLIB NODE_PATH LUA_PATH LUA_CPATH CLASSPATH ERL_LIBS"
    " GTK_MODULES GTK_PATH QT_PLUGIN_PATH GST_PLUGIN_PATH GCONV_PATH LOCPATH DYLD_LIBRARY_PATH DYLD_FRAMEWORK_PATH"
    " DOTNET_STARTUP_HOOKS CORECLR_PROFILER_PATH OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES GIT_EXEC_PATH"
    " GIT_TEMPLATE_DIR GIT_CONFIG GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GEM_PATH R_PROFILE R_PROFILE_USER R_ENVIRON"
    " R_ENVIRON_USER PSQLRC MYSQL_HOME WGETRC CURL_HOME SCREENRC ZDOTDIR FPATH INPUTRC MAILRC MUTTRC FACTERLIB"
    " SSH_SK_PROVIDER"
)
# A file or an address; a name alone is a module of the project.
_NODE_FILE = re.compile(r"(?:-r|--require|--import|--loader|--experimental-loader)[ =][\"']?(?:\.{0,2}/|~|\w{2,8}:)")
_TERMINALS = names("xterm uxterm rxvt urxvt lxterminal xfce4-terminal gnome-terminal konsole mate-terminal")
_HISTORY_NAMES = frozenset(("HISTFILE", "HISTSIZE", "HISTFILESIZE", "HISTCONTROL", "HISTIGNORE", "SAVEHIST", "HISTCMD"))
# What a machine is reached by or keeps its data with.
_DAEMONS = names(
    "sshd systemd init systemd-logind dbus-daemon cron crond dockerd containerd kubelet postgres mysqld mariadbd mongod"
    " redis-server etcd NetworkManager wpa_supplicant"
)
_STOPPING = names("poweroff reboot halt kexec emergency rescue suspend hibernate soft-reboot")
_SYSCTL = re.compile(
    r"kernel\.(?:core_pattern|randomize_va_space|yama|modprobe|dmesg_restrict|kptr_restrict|unprivileged|perf_event|sysrq)"
)
# Whoever watches one of these sees passwords go by.
_HEARS_PASSWORDS = names("sshd ssh sudo su login passwd gpg-agent ssh-agent gdm lightdm sddm")
# What is left of the journal after these is of use: some days, or some space.
_KEEPS = re.compile(r"[1-9]\d*\s*(?:d|days?|w|weeks?|months?|y|years?|[MGT])|[1-9]\d{1,3}(?:h|hours?)", re.I)
_SYSTEM_LIBRARIES = ("/usr/lib", "/lib", "/opt", "/usr/local/lib", "lib")


# --- services, schedules, power ---------------------------------------------------------------------------------------


def crontab(draft: Draft) -> None:
    if draft.has("-r"):
        draft.facts.add("deletes-schedule")
    elif not draft.has("-l", "-V", "--help", "-h"):
        draft.facts.add("schedules")


def at(draft: Draft) -> None:
    if (draft.operands or draft.stdin is not None) and not draft.has("-l", "-r", "-d", "-V", "-c"):
        draft.facts.add("schedules")


def systemctl(draft: Draft) -> None:
    verb, units = "".join(draft.operands[:1]), draft.operands[1:]
    if verb in ("stop", "disable", "mask", "kill"):
        if any(is_guard(u) for u in units):
            draft.facts.add("disables-guard")
        elif units:
            draft.facts.add("stops-service")
    elif verb in ("enable", "link", "edit", "set-default", "add-wants", "set-environment", "reenable", "preset-all"):
        draft.facts.add("installs-service")
    elif verb in _STOPPING or (verb == "isolate" and any(u.removesuffix(".target") in _STOPPING for u in units)):
        draft.facts.add("stops-machine")


def service(draft: Draft) -> None:
    words = draft.operands
    if words[1:2] in (["stop"], ["disable"]):
        draft.facts.add("disables-guard" if is_guard(words[0]) else "stops-service")
    elif any(".." in w or "/sh" in w for w in words[:1]):
        draft.facts.add("shell-escape")


def runlevels(draft: Draft) -> None:
    if {"defaults", "enable", "on", "add", "--add"} & {*draft.operands, *draft.flags}:
        draft.facts.add("installs-service")


def power(draft: Draft) -> None:
    if not draft.has("-c", "--help", "-w", "--wtmp-only", "--show"):
        draft.facts.add("stops-machine")


def sleep_until(draft: Draft) -> None:
    if draft.value("-m", "--mode") in ("off", "mem", "disk", "freeze", "standby"):
        draft.facts.add("stops-machine")


def init(draft: Draft) -> None:
    if draft.operands[:1] in (["0"], ["6"], ["1"], ["s"], ["S"]):
        draft.facts.add("stops-machine")


def loginctl(draft: Draft) -> None:
    if draft.operands[:1] == ["enable-linger"]:
        draft.facts.add("installs-service")


def sysctl(draft: Draft) -> None:
    if any("=" in a and _SYSCTL.match(a[:128]) for a in draft.argv[1:]):
        draft.facts.add("writes-kernel")
    elif draft.has("-w", "--write") or any("=" in o for o in draft.operands):
        draft.facts.add("writes-system")


def kernel_module(draft: Draft) -> None:
    removes = draft.has("-r", "--remove") and not draft.has("-n", "--dry-run")
    if (
        draft.program in ("insmod", "rmmod", "kextload", "kextunload")
        or removes
        or any(o.startswith(("/", "./")) for o in draft.operands)
    ):
        draft.facts.add("loads-module")


def kmod(draft: Draft) -> None:
    if draft.operands[:1] in (["insert"], ["remove"]):
        draft.facts.add("loads-module")


def kernel_program(draft: Draft) -> None:
    """bpftool: a program of the kernel's own machine."""
    if draft.operands[:2] in (["prog", "load"], ["prog", "loadall"]):
        draft.facts.add("loads-module")


def journal(draft: Draft) -> None:
    kept = next((a.partition("=")[2] for a in draft.argv if a.startswith("--vacuum")), None)
    if kept is not None or draft.has("--rotate"):
        draft.facts.add("truncates" if kept and _KEEPS.fullmatch(kept, 0, 32) else "wipes-logs")


def kernel_log(draft: Draft) -> None:
    if draft.has("-C", "-c", "--clear", "--read-clear"):
        draft.facts.add("truncates")


_ASKS_ONLY = names("-0 -l -L -1 -HUP -SIGHUP -s")


# --- processes --------------------------------------------------------------------------------------------------------


def kill(draft: Draft) -> None:
    words = draft.argv[1:]
    if any("(" in w and any(map(is_guard, w.strip("$()`").split())) for w in words):
        draft.facts.add("disables-guard")  # kill $(pgrep auditd)
    if (
        (len(words) > 1 and words[-1] == "-1")
        or draft.program == "killall5"
        or (words[-1:] == ["1"] and draft.has("-9", "-KILL", "-SIGKILL"))
    ):
        draft.facts.add("kills-all")
    elif words[-1:] == ["1"] and _ASKS_ONLY.isdisjoint(words):
        draft.facts.add("stops-machine")


def kill_by_name(draft: Draft) -> None:
    user = draft.value("-u", "--user", "-U", "--euid")
    targets = [o for o in draft.operands if o != user]
    if any(is_guard(name) for target in targets for name in target.replace("|", " ").split()):
        draft.facts.add("disables-guard")
    elif (user is not None and not targets) or targets[:1] in ([".*"], ["."], ["*"], [""]):
        draft.facts.add("kills-all")
    elif not _DAEMONS.isdisjoint(targets) and not draft.has("-0", "-HUP", "-SIGHUP", "-USR1", "-l"):
        draft.facts.add("stops-service")


def kill_users(draft: Draft) -> None:
    """`fuser -km /`: whatever uses the file system."""
    if draft.has("-k", "--kill") and (draft.has("-m", "--mount") or "/" in draft.operands):
        draft.facts.add("kills-all" if any(is_root(p) for p in draft.paths()) else "stops-service")


def attach(draft: Draft) -> None:
    dumps = draft.program in ("gcore", "procdump", "memdump", "fridump")
    watched = any("(" in a and not _HEARS_PASSWORDS.isdisjoint(a.strip("$()`").split()) for a in draft.argv[1:])
    dumps = (
        watched
        or dumps
        or any(word in a for a in draft.argv for word in ("dump memory", "generate-core", "call (", "gcore"))
    )
    if dumps or draft.value("-p", "--pid") == "1" or (draft.has("-p", "--pid") and draft.privileged):
        draft.facts.add("attaches-process")


# --- the network ------------------------------------------------------------------------------------------------------


def network(draft: Draft) -> None:
    """ip, ifconfig, route, nmcli: what is asked for is told apart from what is taken away."""
    words, program = draft.operands, draft.program
    if program == "ip":
        off = (
            "flush" in words[1:2]
            or (words[:1] in (["link"], ["l"]) and not {"down", "delete", "del"}.isdisjoint(words))
            or words[:2] == ["route", "del"]
        )
    elif program == "ifconfig":
        off = "down" in words[1:]
    elif program == "route":
        off = words[:1] in (["del"], ["flush"], ["delete"])
    elif program == "rfkill":
        off = words[:1] == ["block"]
    elif program == "tc":
        off = "netem" in words and ("loss" in words or "corrupt" in words)
    elif program == "nmcli":
        if draft.has("-s", "--show-secrets"):
            draft.facts.add("reads-service-secret")
        off = "off" in words[1:3] or words[1:2] in (["disconnect"], ["down"], ["delete"])
    else:
        off = bool(words)
    if off:
        draft.facts.add("cuts-network")


def clock(draft: Draft) -> None:
    """date, hwclock, timedatectl: records would carry another time."""
    sets = draft.has("-s", "--set", "--date")
    if draft.program == "date":
        sets = draft.has("-s", "--set")
        listed = draft.value("-f", "--file")
        draft.reads += (normalise(listed, draft.cwd),) if listed else ()
    elif draft.program == "timedatectl":
        sets = draft.operands[:1] == ["set-time"] or draft.operands[:2] in (["set-ntp", "false"], ["set-ntp", "0"])
    if sets:
        draft.facts.add("changes-times")


# --- the shell's own settings -----------------------------------------------------------------------------------------


def history(draft: Draft) -> None:
    nowhere = "/dev/null" in draft.argv and draft.has("-w", "-r", "-a", "-n")
    if "/" not in draft.argv[0] and (draft.has("-c", "-d") or nowhere):
        draft.facts.add("clears-history")


def unset(draft: Draft) -> None:
    if "/" not in draft.argv[0] and draft.flags <= {"-v", "-n"} and not _HISTORY_NAMES.isdisjoint(draft.operands):
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
    if (name in ("HISTFILE", "HISTSIZE", "HISTFILESIZE") and value in ("", "/dev/null", "0")) or (
        name == "HISTIGNORE" and value == "*"
    ):
        draft.facts.add("clears-history")
    elif name == "DISPLAY" and draft.program in _TERMINALS:
        if value.partition(":")[0] not in ("", "localhost", "unix", "127.0.0.1"):
            draft.facts.add("reverse-shell")  # a terminal shown on somebody else's screen
    elif name in ("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"):
        if value and value[0] not in "$`" and not value.startswith(_SYSTEM_LIBRARIES):
            draft.facts.add("preloads")
    elif name == "LD_LIBRARY_PATH" and value.startswith(("/tmp", "/dev/shm")):  # noqa: S108  compared, not opened
        draft.facts.add("preloads")
    elif name == "PATH" and (value == "." or value.startswith((".:", ":", "/tmp", "/dev/shm"))):  # noqa: S108
        draft.facts.add("hijacks-path")
    elif (
        (name.startswith(("JAVA_TOOL_", "_JAVA_OPT", "JDK_JAVA_")) and "agent" in value)
        or (name in ("PERL5OPT", "RUBYOPT") and any(o in value for o in ("-M", "-r")))
        or (name == "NODE_OPTIONS" and _NODE_FILE.search(value, 0, 256))
    ):
        draft.facts.add("preloads")
    elif name in _SEARCH_PATHS and (
        value.startswith(("/tmp", "/dev/shm")) or (name == "GCONV_PATH" and value[:1] == ".")  # noqa: S108
    ):
        draft.facts.add("hijacks-path")
    elif name == "SSH_AUTH_SOCK" and "/agent." in value:
        draft.facts.add("reads-service-secret")  # the keys of another session
    elif name == "BASH_ENV" and value:
        draft.facts.add("installs-hook")
    elif is_source_variable(name, value):
        draft.facts.add("installs-remote")


def processes(draft: Draft) -> None:
    """`ps auxe`, `ps eww`: with the environment of each process."""
    options = "".join(draft.argv[1:2])
    if "e" in options and options.isalpha() and len(options) < 8:
        draft.facts.add("reads-private")


def environment(draft: Draft) -> None:
    if not draft.operands and not draft.has("--help", "--version"):
        draft.facts.add("dumps-environment")


def enable(draft: Draft) -> None:
    if draft.has("-f"):
        draft.facts.add("loads-library")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(("crontab", "incrontab"), crontab),
    **dict.fromkeys(("at", "batch"), at),
    "systemctl": systemctl,
    **dict.fromkeys(("service", "rc-service", "invoke-rc.d"), service),
    **dict.fromkeys(("update-rc.d", "chkconfig", "rc-update", "insserv"), runlevels),
    **dict.fromkeys(("shutdown", "reboot", "halt", "poweroff", "kexec"), power),
    **dict.fromkeys(("init", "telinit"), init),
    "rtcwake": sleep_until,
    "loginctl": loginctl,
    "sysctl": sysctl,
    **dict.fromkeys(("insmod", "modprobe", "rmmod", "kextload", "kextunload"), kernel_module),
    "kmod": kmod,
    "bpftool": kernel_program,
    "journalctl": journal,
    "dmesg": kernel_log,
    **dict.fromkeys(("date", "hwclock", "timedatectl"), clock),
    **dict.fromkeys(("kill", "killall5"), kill),
    **dict.fromkeys(("pkill", "killall", "skill"), kill_by_name),
    "fuser": kill_users,
    **dict.fromkeys(names("gdb strace ltrace gcore procdump memdump fridump"), attach),
    **dict.fromkeys(("ip", "ifconfig", "route", "nmcli", "ifdown", "rfkill", "tc"), network),
    "history": history,
    "unset": unset,
    **dict.fromkeys(("set", "shopt"), shell_option),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly"), export),
    "enable": enable,
    "printenv": environment,
    "ps": processes,
}
