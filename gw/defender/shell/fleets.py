"""Orders to many machines: modules of Ansible, Salt and their like, each as the command line that does the same.

Returns texts for the shell parser; knows no facts. Invariant: a module in no table, or a trial run, gives nothing, and
the program is then judged by its own words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import Final

from gw.defender.shell.wrappers import Inner

WINDOW = 4096
Arguments = Mapping[str, str]

_PAIR = re.compile(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)")
_OFF = frozenset(("stopped", "dead", "disabled"))
_ABSENT = frozenset(("absent", "removed"))


def _user(given: Arguments) -> str:
    if given.get("state") in _ABSENT:
        return f"userdel {given['name']}"
    options = [f"{option} {given[key]}" for key, option in (("uid", "-u"), ("groups", "-G")) if key in given]
    return " ".join(["useradd", *options, given["name"]])


def _copy(given: Arguments) -> str:
    target = given.get("dest") or given["path"]
    if "content" in given:
        return f"printf %s {quote(given['content'])} > {target}"
    mode = f"-m {given['mode']} " if "mode" in given else ""
    return f"install {mode}{given.get('src', 'x')} {target}"


def _file(given: Arguments) -> str:
    path = given.get("path") or given.get("dest") or given["name"]
    if given.get("state") in _ABSENT:
        return f"rm -rf {path}"
    if given.get("state") == "link":
        return f"ln -s {given['src']} {path}"
    return f"chmod {given['mode']} {path}"


def _line(given: Arguments) -> str:
    path = given.get("path") or given["dest"]
    return f"printf '%s\\n' {quote(given.get('line') or given.get('block') or given['text'])} >> {path}"


def _service(given: Arguments) -> str:
    return f"systemctl {'stop' if given['state'] in _OFF else 'restart'} {given['name']}"


def _fetched(given: Arguments) -> str:
    return f"curl -o {given['dest']} {given['url']}"


def _job(given: Arguments) -> str:
    return f"echo {quote('* * * * * ' + given['job'])} | crontab -"


def _key(given: Arguments) -> str:
    return f"echo {quote(given['key'])} >> ~{given.get('user', '')}/.ssh/authorized_keys"


def _shown(given: Arguments) -> str:
    return f"cat {given['src']}"


# module -> the command line; a module that lacks what that needs says nothing (KeyError).
_MODULES: Final[Mapping[str, Callable[[Arguments], str]]] = {
    "user": _user,
    **dict.fromkeys(("copy", "template", "assemble"), _copy),
    "file": _file,
    **dict.fromkeys(("lineinfile", "blockinfile"), _line),
    **dict.fromkeys(("service", "systemd", "systemd_service", "sysvinit"), _service),
    "get_url": _fetched,
    "cron": _job,
    "authorized_key": _key,
    **dict.fromkeys(("slurp", "fetch"), _shown),
    "reboot": lambda given: "reboot",
    **dict.fromkeys(("shell", "command", "raw"), lambda given: given["cmd"]),
}
# Functions of Salt take their arguments in order.
_FUNCTIONS: Final[Mapping[str, str]] = {
    "user.add": "useradd {}",
    "user.delete": "userdel {}",
    "group.adduser": "usermod -aG {}",
    "file.append": "echo {1} >> {0}",
    "file.write": "echo {1} > {0}",
    "file.remove": "rm -rf {}",
    "service.stop": "systemctl stop {}",
    "service.disable": "systemctl disable {}",
    "cp.get_file": "cp {0} {1}",
    "cp.get_url": "curl -o {1} {0}",
    "ssh.set_auth_key": "echo {1} >> ~/.ssh/authorized_keys",
    "cron.set_job": "crontab {}",
    "system.reboot": "reboot",
    "system.poweroff": "poweroff",
}


def value_of(argv: Sequence[str], *options: str) -> str | None:
    for i, word in enumerate(argv[1:-1], 1):
        if word in options:
            return argv[i + 1]
    return next(
        (w.partition("=")[2] for w in argv if w.startswith(tuple(o + "=" for o in options if o[1] == "-"))), None
    )


def ansible(argv: Sequence[str]) -> list[Inner]:
    """`ansible hosts -m shell -a 'command'`, `-m user -a 'name=x groups=sudo'`."""
    module = (value_of(argv, "-m", "--module-name") or "command").rpartition(".")[2]
    text = value_of(argv, "-a", "--args") or ""
    if "-C" in argv or "--check" in argv:
        return []
    if module in ("shell", "command", "raw") and not text.startswith("cmd="):
        return [Inner(text=text)] if text else []
    given = {key: value.strip("\"'") for key, value in _PAIR.findall(text[:WINDOW])}
    try:
        return [Inner(text=_MODULES[module](given))]
    except KeyError:
        return []


def salt(argv: Sequence[str]) -> list[Inner]:
    """`salt '*' cmd.run 'command'`, `salt '*' user.add x`, `salt-ssh '*' -r 'command'`."""
    raw = value_of(argv, "-r", "--raw") if argv[0].endswith("salt-ssh") else None
    if raw is not None:
        return [Inner(text=raw)]
    for i, word in enumerate(argv[1:], 1):
        if word.startswith("cmd.") and i + 1 < len(argv):
            return [Inner(text=argv[i + 1])]
        if word in _FUNCTIONS:
            words = list(map(quote, argv[i + 1 :]))
            line = _FUNCTIONS[word]
            enough = len(words) > 1 or "{1}" not in line
            return (
                [Inner(text=line.format(*words) if "{0}" in line else line.format(" ".join(words)))] if enough else []
            )
    return []


def bolt(argv: Sequence[str]) -> list[Inner]:
    """`bolt command run 'command' -t hosts`."""
    return [Inner(text=argv[3])] if argv[1:3] == ["command", "run"] and len(argv) > 3 else []
