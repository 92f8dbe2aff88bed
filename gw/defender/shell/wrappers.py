"""Programs that run another program named by their arguments: sudo, env, xargs, timeout, find -exec, ...

Each row says how to step over the wrapper's own words. Invariant: an unknown option costs one word, so a wrapper can
never hide the command behind an option we do not know.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Wrapper(NamedTuple):
    """How to find the inner command: options that take a value, operands to skip, `NAME=value` words."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    assigns: bool = False
    privileged: bool = False

    def inner(self, argv: Sequence[str]) -> "list[Inner]":
        start = plain_inner(self, argv)
        return [Inner(start, len(argv))] if start < len(argv) else []


class Inner(NamedTuple):
    """A command found inside another: words of the argv from `start` to `end`, or a text for a shell."""

    start: int = 0
    end: int = 0
    text: str | None = None


def _row(valued: str = "", operands: int = 0, **switches: bool) -> Wrapper:
    return Wrapper(frozenset(valued.split()), operands, **switches)


WRAPPERS: dict[str, Wrapper] = {
    "sudo": _row("-u --user -g --group -p --prompt -C --close-from -h --host -r --role -t --type -T -R --chroot -D --chdir -U",
                 assigns=True, privileged=True),
    "doas": _row("-u -C", privileged=True),
    "pkexec": _row("--user", privileged=True),
    "run0": _row("-u --user -D --chdir --unit --property", privileged=True),
    "gosu": _row("", 1, privileged=True),
    "su-exec": _row("", 1, privileged=True),
    "setpriv": _row("--reuid --regid --groups --inh-caps --bounding-set --securebits --selinux-label"),
    "env": _row("-u --unset -C --chdir -a --argv0", assigns=True),
    "nohup": _row(), "setsid": _row(), "command": _row(), "builtin": _row(), "exec": _row("-a"), "time": _row("-f -o --format --output"),
    "nice": _row("-n --adjustment"), "ionice": _row("-c -n --class --classdata"), "chrt": _row("", 1), "taskset": _row("", 1),
    "stdbuf": _row("-i -o -e --input --output --error"), "unbuffer": _row(), "timeout": _row("-s -k --signal --kill-after", 1),
    "xargs": _row("-I -i -n -P -L -s -d -a -E --replace --max-args --max-procs --max-lines --delimiter --arg-file --max-chars"),
    "chroot": _row("", 1, privileged=True), "unshare": _row("-S -G --setuid --setgid --root --wd --propagation --setgroups --map-users"),
    "nsenter": _row("-t --target -S -G --setuid --setgid"), "firejail": _row(), "bwrap": _row(), "proot": _row("-r -b -w -R -S"),
    "fakeroot": _row(), "fakechroot": _row(), "dbus-run-session": _row(), "dbus-launch": _row(), "caffeinate": _row(), "setarch": _row(), "linux64": _row(),
    "linux32": _row(), "torify": _row(), "torsocks": _row(), "proxychains": _row("-f"), "proxychains4": _row("-f"),
    "tsocks": _row(), "catchsegv": _row(), "eatmydata": _row(), "strace": _row("-o -e -p -s -u -P -E -I -O -S -a -b -X"), "ltrace": _row("-o -e -p -s -u -n -l -x -a -D -S"),
    "valgrind": _row(), "perf": _row("", 1), "numactl": _row("-C -m -N -i"), "prlimit": _row(), "softlimit": _row("-m -d -s -l -a -o -p -f -c -r -t"),
    "cpulimit": _row("-l -p -e -c --limit"), "choom": _row("-n --adjust -p --pid"), "systemd-run": _row("-u --unit -p --property -M -H --slice --uid --gid -E --setenv -D --working-directory"),
    "systemd-inhibit": _row("--what --who --why --mode"), "start-stop-daemon": _row(), "runcon": _row("-u -r -t -l"), "sg": _row("", 1), "aa-exec": _row("-p -n"),
    "capsh": _row(), "uv": _row("", 1), "poetry": _row("", 1), "pipenv": _row("", 1), "bundle": _row("", 1), "rlwrap": _row("-f -H -b -q -s -C -P -S -p"),
    "pexec": _row(), "logsave": _row("", 1), "sshpass": _row("-p -f -d -P"), "ssh-agent": _row("-a -t"), "grc": _row("-c --config"), "script": _row(),
    "expect_unbuffer": _row(), "watchexec": _row("-e -w -i -f --exts --watch"), "entr": _row(), "hyperfine": _row("-w -r -m -M"), "multitime": _row("-n -s"),
    "faketime": _row("", 1), "daemonize": _row("-a -c -e -E -o -p -l -u"), "setuidgid": _row("", 1), "chpst": _row("-u -U -b -e -/ -n -l -L -m -d -o -p -f -c -r -t"),
    "envdir": _row("", 1), "ts-node": _row(), "openvt": _row("-c --console"), "flock": _row("-w --timeout --wait -E --conflict-exit-code", 1),
    "busybox": _row(), "toybox": _row(), "coproc": _row(), "!": _row(),
}  # fmt: skip

_SHELL_TEXT: dict[str, tuple[str, ...]] = {
    "su": ("-c", "--command", "--session-command"), "runuser": ("-c", "--command"), "script": ("-c", "--command"),
    "flock": ("-c", "--command"), "sg": ("-c",), "newgrp": ("-c",), "tmux": (), "capsh": (),
}  # fmt: skip

_FIND_EXEC = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
CONTAINER_VALUED = frozenset(
    "-e --env --env-file -u --user -w --workdir -v --volume -p --publish --name --network --net -l --label --mount"
    " --entrypoint -m --memory --cpus -h --hostname --add-host --device --cap-add --cap-drop --security-opt --pid --ipc"
    " --platform --restart --gpus --tmpfs --ulimit --volumes-from -c --container -n --namespace --context --kubeconfig"
    " -f --file --profile --project-name --detach-keys --userns --shm-size --log-driver --log-opt --dns --link --expose"
    " -a --attach --cgroup-parent --cidfile --runtime --stop-signal --image --overrides --command".split()
)
_SSH_VALUED = frozenset("-p -i -l -o -F -L -R -D -b -c -E -e -I -J -m -O -Q -S -W -w -B".split())


def skip_options(argv: Sequence[str], start: int, valued: frozenset[str]) -> int:
    """Return the index of the first word from *start* on that is neither an option nor its value."""
    i, size = start, len(argv)
    while i < size:
        word = argv[i]
        if word[:1] != "-" or word == "-":
            return i
        if word == "--":
            return i + 1
        if word in valued:
            i += 2
        elif word[1] != "-" and "-" + word[-1] in valued and "-" + word[1] not in valued:
            i += 2  # a cluster such as -nu root
        else:
            i += 1
    return size


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def plain_inner(wrapper: Wrapper, argv: Sequence[str]) -> int:
    """Return where the inner command of a plain wrapper begins; len(argv) when there is none."""
    i = skip_options(argv, 1, wrapper.valued)
    if wrapper.assigns:
        while i < len(argv) and _is_assignment(argv[i]):
            i += 1
    for _ in range(wrapper.operands):
        i = skip_options(argv, i + 1, wrapper.valued)
    return min(i, len(argv))


def _find(argv: Sequence[str]) -> list[Inner]:
    inner = []
    i = 1
    while i < len(argv):
        if argv[i] in _FIND_EXEC:
            end = i + 1
            while end < len(argv) and argv[end] != ";" and not (argv[end] == "+" and argv[end - 1] == "{}"):
                end += 1
            inner.append(Inner(i + 1, end))
            i = end
        i += 1
    return inner


def _ssh(argv: Sequence[str]) -> list[Inner]:
    host = skip_options(argv, 1, _SSH_VALUED)
    start = skip_options(argv, host + 1, _SSH_VALUED)
    return [Inner(text=" ".join(argv[start:]))] if start < len(argv) else []


def _container(argv: Sequence[str]) -> list[Inner]:
    """`docker [compose] exec|run ... NAME command`, `kubectl exec POD -- command`, `lxc exec`, `podman`."""
    i = skip_options(argv, 1, CONTAINER_VALUED | {"-H", "--host"})
    if i < len(argv) and argv[i] in ("compose", "container"):
        i = skip_options(argv, i + 1, CONTAINER_VALUED)
    if i >= len(argv) or argv[i] not in ("exec", "run", "attach", "debug"):
        return []
    if "--" in argv[i:]:
        start = list(argv).index("--", i) + 1
    else:
        name = skip_options(argv, i + 1, CONTAINER_VALUED)
        start = skip_options(argv, name + 1, CONTAINER_VALUED)
    return [Inner(start, len(argv))] if start < len(argv) else []


def _text_after(argv: Sequence[str], options: Sequence[str]) -> list[Inner]:
    for i, word in enumerate(argv[1:], 1):
        for option in options:
            if word == option and i + 1 < len(argv):
                return [Inner(text=argv[i + 1])]
            if word.startswith(option + "=") and option[:2] == "--":
                return [Inner(text=word[len(option) + 1 :])]
            if option[:2] != "--" and word[:1] == "-" and word[1:2] != "-" and option[1] in word and len(word) > 2:
                attached = word.partition(option[1])[2]
                if attached or i + 1 < len(argv):
                    return [Inner(text=attached or argv[i + 1])]
    return []


def _joined(argv: Sequence[str], valued: str = "", operands: int = 0) -> list[Inner]:
    start = plain_inner(_row(valued, operands), argv)
    return [Inner(text=" ".join(argv[start:]))] if start < len(argv) else []


def _parallel(argv: Sequence[str]) -> list[Inner]:
    end = next((i for i, a in enumerate(argv) if a.startswith(":::")), len(argv))
    start = skip_options(argv, 1, frozenset("-j --jobs -a --arg-file -S --sshlogin --colsep -n -N -I -L".split()))
    if start < end:
        return [Inner(text=" ".join(argv[start:end]))]
    return [Inner(text=command) for command in argv[end + 1 :][:16]]


def _tmux(argv: Sequence[str]) -> list[Inner]:
    for i, word in enumerate(argv[1:], 1):
        if word in (
            "new",
            "new-session",
            "neww",
            "new-window",
            "split-window",
            "splitw",
            "respawn-pane",
            "popup",
            "run-shell",
            "run",
        ):
            start = skip_options(argv, i + 1, frozenset("-s -n -c -t -x -y -F -e -l -p -d".split()) - {"-d"})
            return [Inner(text=" ".join(argv[start:]))] if start < len(argv) else []
        if word in ("send-keys", "send"):
            start = skip_options(argv, i + 1, frozenset(("-t", "-N")))
            keys = [k for k in argv[start:] if k not in ("Enter", "C-m", "C-j")]
            return [Inner(text=" ".join(keys))] if keys else []
    return []


def _screen(argv: Sequence[str]) -> list[Inner]:
    if "-X" in argv:
        words = list(argv[list(argv).index("-X") + 1 :])
        typed = next((i for i, w in enumerate(words) if w in ("stuff", "exec", "screen")), len(words))
        return [Inner(text=" ".join(words[typed + 1 :]))] if typed + 1 < len(words) else []
    return _joined(argv, "-S -t -c -e -h -s -T -p -r -x -d -D")


def _ip(argv: Sequence[str]) -> list[Inner]:
    for i in range(1, len(argv) - 3):
        if argv[i] in ("netns", "vrf") and argv[i + 1] == "exec":
            return [Inner(i + 3, len(argv))]
    return []


def _after_word(*words: str) -> Callable[[Sequence[str]], list[Inner]]:
    def find(argv: Sequence[str]) -> list[Inner]:
        for i, word in enumerate(argv[1:-1], 1):
            if word in words:
                start = skip_options(
                    argv, i + 1, frozenset(("-p", "--package", "--python", "--with", "--group", "--directory"))
                )
                return [Inner(start, len(argv))] if start < len(argv) else []
        return []

    return find


def _npx(argv: Sequence[str]) -> list[Inner]:
    inner = _text_after(argv, ("-c", "--call"))
    if inner:
        return inner
    start = skip_options(argv, 1, frozenset(("-p", "--package", "-w", "--workspace")))
    return [Inner(start, len(argv))] if start < len(argv) else []


def _shell_text(program: str) -> Callable[[Sequence[str]], list[Inner]]:
    options = _SHELL_TEXT[program]

    def find(argv: Sequence[str]) -> list[Inner]:
        return _text_after(argv, options)

    return find


def _flock(argv: Sequence[str]) -> list[Inner]:
    inner = _text_after(argv, ("-c", "--command"))
    if inner:
        return inner
    start = plain_inner(WRAPPERS["flock"], argv)
    return [Inner(start, len(argv))] if start < len(argv) else []


def _env(argv: Sequence[str]) -> list[Inner]:
    for i, word in enumerate(argv[1:], 1):
        if word in ("-S", "--split-string") or word.startswith(("-S", "--split-string=", "-vS", "-iS")):
            text = (
                argv[i + 1]
                if word in ("-S", "--split-string", "-vS", "-iS") and i + 1 < len(argv)
                else word.partition("=")[2]
                if word[1] == "-"
                else word[2:]
            )
            rest = argv[i + 2 :] if text == (argv[i + 1] if i + 1 < len(argv) else None) else argv[i + 1 :]
            return [Inner(text=" ".join([text, *rest]))]
        if not word.startswith("-"):
            break
    start = plain_inner(WRAPPERS["env"], argv)
    return [Inner(start, len(argv))] if start < len(argv) else []


def _ansible(argv: Sequence[str]) -> list[Inner]:
    """`ansible hosts -m shell -a 'command'`."""
    module = next(iter(_text_after(argv, ("-m", "--module-name"))), Inner(text="command")).text
    return _text_after(argv, ("-a", "--args")) if module in ("shell", "command", "raw") else []


def _start_stop_daemon(argv: Sequence[str]) -> list[Inner]:
    program = next(iter(_text_after(argv, ("-x", "--exec", "-a", "--startas"))), None)
    if program is None or program.text is None:
        return []
    rest = list(argv[list(argv).index("--") + 1 :]) if "--" in argv else []
    return [Inner(text=" ".join([program.text, *rest]))]


SPECIAL: dict[str, Callable[[Sequence[str]], list[Inner]]] = {
    "find": _find, "fd": _after_word("-x", "-X", "--exec", "--exec-batch"), "fdfind": _after_word("-x", "-X", "--exec", "--exec-batch"),
    "ssh": _ssh, "docker": _container, "podman": _container, "nerdctl": _container, "kubectl": _container, "oc": _container,
    "k3s": _container, "lxc": _container, "docker-compose": _container, "microk8s": _container, "parallel": _parallel, "tmux": _tmux, "screen": _screen, "ip": _ip,
    "npm": _after_word("exec", "x"), "pnpm": _after_word("exec", "dlx"), "yarn": _after_word("exec", "dlx"), "npx": _npx, "bunx": _npx,
    "su": _shell_text("su"), "runuser": _shell_text("runuser"), "script": _shell_text("script"), "flock": _flock, "env": _env,
    "watch": lambda argv: _joined(argv, "-n --interval"), "tmate": _shell_text("script"),
    "uv": _after_word("run", "x"), "poetry": _after_word("run"), "pipenv": _after_word("run"), "bundle": _after_word("exec"), "rye": _after_word("run"), "hatch": _after_word("run"), "conda": _after_word("run"),
    "perf": _after_word("record", "stat", "trace"), "capsh": _after_word("--"), "start-stop-daemon": _start_stop_daemon,
    "ansible": _ansible, "entr": lambda argv: _joined(argv), "sg": _shell_text("sg"), "git": lambda argv: [],
}  # fmt: skip
del SPECIAL["git"]

PRIVILEGED = frozenset(name for name, row in WRAPPERS.items() if row.privileged) | {"su", "runuser"}
