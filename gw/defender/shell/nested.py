"""Wrappers with a grammar of their own: find -exec, ssh host command, docker exec, su -c, parallel, tmux, npx, ...

Each function returns the commands inside an argv. Invariant: an empty list means that the program runs nothing of what
it was given, and it is then an ordinary program.
"""

import re
from collections.abc import Callable, Sequence

from gw.defender.shell import fleets
from gw.defender.shell.names import names
from gw.defender.shell.registries import FORGE_SHORTHANDS
from gw.defender.shell.wrappers import WRAPPERS, Inner, Wrapper, skip_options

Finder = Callable[[Sequence[str]], list[Inner]]

CONTAINER_VALUED = names(
    "-e --env --env-file -u --user -w --workdir -v --volume -p --publish --name --network --net -l --label --mount"
    " --entrypoint -m --memory --cpus -h --hostname --add-host --device --cap-add --cap-drop --security-opt --pid"
    " --ipc --platform --restart --gpus --tmpfs --ulimit --volumes-from -c --container -n --namespace --context"
    " --kubeconfig -f --file --profile --project-name --detach-keys --userns --shm-size --log-driver --log-opt --dns"
    " --link --expose -a --attach --cgroup-parent --cidfile --runtime --stop-signal --image --overrides --command"
)
SSH_VALUED = names("-p -i -l -o -F -L -R -D -b -c -E -e -I -J -m -O -Q -S -W -w -B")
MAX_JOBS = 8  # arguments of parallel that are tried
_SETS = re.compile(r"\w+=|--").match
_SSM_COMMANDS = re.compile(r"\{?\s*[\"']?commands[\"']?\s*[=:]\s*[\[\"']{0,2}([^\"'\]]+)")
_FIND_EXEC = names("-exec -execdir -ok -okdir")
_TMUX_STARTS = names("new new-session neww new-window split-window splitw respawn-pane popup run-shell run")


def _rest(argv: Sequence[str], start: int) -> list[Inner]:
    return [Inner(start, len(argv))] if start < len(argv) else []


def _joined(argv: Sequence[str], start: int) -> list[Inner]:
    """The words from *start* on as one text, as programs do that hand them to `sh -c`."""
    return [Inner(text=" ".join(argv[start:]))] if start < len(argv) else []


def _text_after(argv: Sequence[str], options: Sequence[str]) -> list[Inner]:
    """The value of one of *options*: `-c x`, `-cx`, `-qc x`, `--command=x`."""
    for i, word in enumerate(argv[1:], 1):
        for option in options:
            if word == option and i + 1 < len(argv):
                return [Inner(text=argv[i + 1])]
            if option[:2] == "--":
                if word.startswith(option + "="):
                    return [Inner(text=word[len(option) + 1 :])]
            elif word[:1] == "-" and word[1:2] != "-" and option[1] in word and len(word) > 2:
                attached = word.partition(option[1])[2]
                if attached or i + 1 < len(argv):
                    return [Inner(text=attached or argv[i + 1])]
    return []


def _option(*options: str) -> Finder:
    return lambda argv: _text_after(argv, options)


def _after_word(
    *words: str,
    within: int = 2,
    own: str = "-p --package --python --with --group --directory -w --workspace",
) -> Finder:
    """`npm exec`, `uv run`, `perf stat`: the command stands behind one of *words*, which is one of the first *within*
    operands, and its options, of which *own* take a value."""
    valued = names(own)

    def find(argv: Sequence[str]) -> list[Inner]:
        operands = 0
        for i, word in enumerate(argv[1:-1], 1):
            if word in words:
                start = skip_options(argv, i + 1, valued)
                return [] if _is_address(argv, start) else _rest(argv, start)
            operands += word[:1] != "-" and argv[i - 1] not in valued
            if operands == within:
                break
        return []

    return find


_NPM_EXEC = _after_word("exec", "x", within=1)


def _behind(*marks: str) -> Finder:
    """`xterm -e`, `lxc-attach -n box --`, `op run --`: behind the first of *marks* stands a command."""

    def find(argv: Sequence[str]) -> list[Inner]:
        at = next((i for i, word in enumerate(argv) if word in marks), len(argv))
        return _typed_or_run(argv, skip_options(argv, at + 1, frozenset()))

    return find


def _on_host(valued: str) -> Finder:
    """`rsh host command`: everything behind the host is one text for the shell over there."""
    row = Wrapper(names(valued), 1)
    return lambda argv: _joined(argv, row.start(argv))


def _all_words(valued: str) -> Finder:
    """Everything behind the options is one text (watch, entr)."""
    row = Wrapper(names(valued))
    return lambda argv: _joined(argv, row.start(argv))


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
    host = skip_options(argv, 1, SSH_VALUED)
    return _joined(argv, skip_options(argv, host + 1, SSH_VALUED))


# `--` stands before the command; for the others it is one of its words.
_SEPARATED = names("kubectl oc k3s microk8s lxc incus")


def _container(argv: Sequence[str]) -> list[Inner]:
    """`docker [compose] exec|run ... NAME command`, `kubectl exec POD -- command`."""
    i = skip_options(argv, 1, CONTAINER_VALUED | {"-H", "--host"})
    if i < len(argv) and argv[i] in ("compose", "container"):
        i = skip_options(argv, i + 1, CONTAINER_VALUED)
    if i >= len(argv) or argv[i] not in ("exec", "run", "attach", "debug", "rsh"):
        return []
    if "--" in argv[i:] and argv[0].rpartition("/")[2] in _SEPARATED:
        return _rest(argv, list(argv).index("--", i) + 1)
    name = skip_options(argv, i + 1, CONTAINER_VALUED)
    return _rest(argv, skip_options(argv, name + 1, CONTAINER_VALUED))


def _parallel(argv: Sequence[str]) -> list[Inner]:
    end = next((i for i, a in enumerate(argv) if a.startswith(":::")), len(argv))
    start = skip_options(argv, 1, names("-j --jobs -a --arg-file -S --sshlogin --colsep -n -N -I -L"))
    command, arguments = " ".join(argv[start:end]), argv[end + 1 :][:MAX_JOBS]
    if not command:
        return [Inner(text=argument) for argument in arguments]
    if not arguments:
        return [Inner(text=command)]
    placed = [command.replace("{}", a) if "{}" in command else f"{command} {a}" for a in arguments]
    return [Inner(text=text) for text in placed]


def _typed_or_run(argv: Sequence[str], start: int) -> list[Inner]:
    """One word is a command line, several are a program and its arguments."""
    return _joined(argv, start) if len(argv) - start == 1 else _rest(argv, start)


def _tmux(argv: Sequence[str]) -> list[Inner]:
    if argv[1:2] == ["-c"]:
        return [Inner(text=" ".join(argv[2:3]))]
    for i, word in enumerate(argv[1:], 1):
        if word in _TMUX_STARTS:
            return _typed_or_run(argv, skip_options(argv, i + 1, names("-s -n -c -t -x -y -F -e -l -p")))
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
    return _typed_or_run(argv, Wrapper(names("-S -t -c -e -h -s -T -p")).start(argv))


def _ip(argv: Sequence[str]) -> list[Inner]:
    for i in range(1, len(argv) - 3):
        if argv[i] in ("netns", "vrf") and argv[i + 1] == "exec":
            return [Inner(i + 3, len(argv))]
    return []


def _cmd(argv: Sequence[str]) -> list[Inner]:
    """`cmd /c words` of Windows."""
    for i, word in enumerate(argv[1:-1], 1):
        if word.lower() in ("/c", "/k", "/r"):
            return _typed_or_run(argv, i + 1)
    return []


def _is_address(argv: Sequence[str], at: int) -> bool:
    """A package by its address: no program of that name."""
    return ":/" in "".join(argv[at : at + 1]) or "".join(argv[at : at + 1]).startswith(FORGE_SHORTHANDS)


def _npx(argv: Sequence[str]) -> list[Inner]:
    called = _text_after(argv, ("-c", "--call"))
    start = skip_options(argv, 1, names("-p --package -w --workspace"))
    return called or ([] if _is_address(argv, start) else _rest(argv, start))


_MODULES = names("pip pipx uv poetry conda ansible awscli httpie twine")


def _module(argv: Sequence[str]) -> list[Inner]:
    """`python -m pip install x`."""
    at = list(argv).index("-m") + 1 if "-m" in argv[:4] else len(argv)
    return _rest(argv, at) if not _MODULES.isdisjoint(argv[at : at + 1]) else []


def _npm(argv: Sequence[str]) -> list[Inner]:
    """`npm exec [-c 'text' | -- program words]`."""
    called = _text_after(argv, ("--call", "-c")) if {"exec", "x"} & {*argv[1:5]} else []
    return called or _NPM_EXEC(argv)


def _flock(argv: Sequence[str]) -> list[Inner]:
    row = Wrapper(names("-w --timeout --wait -E --conflict-exit-code"), 1)
    start = row.start(argv)
    if argv[start - 1] in ("-c", "--command"):
        return [Inner(text=argv[start])] if start < len(argv) else []
    if argv[start : start + 1] in (["-c"], ["--command"]):
        return [Inner(text=text) for text in argv[start + 1 : start + 2]]
    return _rest(argv, start)


def _env(argv: Sequence[str]) -> list[Inner]:
    """`env A=1 command`, and `env -S 'one text'`."""
    for i, word in enumerate(argv[1:], 1):
        if word[:1] != "-":
            break
        if word.startswith("--split-string"):
            attached = word.partition("=")[2]
        elif word[1:2] != "-" and "S" in word:
            attached = word.partition("S")[2]
        else:
            continue
        return [Inner(text=" ".join([attached, *argv[i + 1 :]]))]
    return Wrapper(names("-u --unset -C --chdir -a --argv0"), 0, True).inner(argv)


def _su(argv: Sequence[str]) -> list[Inner]:
    """`su [user] -c text`; `runuser -u user [--] program words`."""
    if any(a == "-u" or a.startswith("--user") for a in argv[1:4]):
        return Wrapper(names("-u --user -g --group -G --supp-group")).inner(argv)
    return _text_after(argv, ("-c", "--command", "--session-command"))


def _start_stop_daemon(argv: Sequence[str]) -> list[Inner]:
    program = next(iter(_text_after(argv, ("-x", "--exec", "-a", "--startas"))), None)
    if program is None or program.text is None:
        return []
    rest = list(argv[list(argv).index("--") + 1 :]) if "--" in argv else []
    return [Inner(text=" ".join([program.text, *rest]))]


def _gcloud(argv: Sequence[str]) -> list[Inner]:
    """`gcloud compute ssh NAME --command=x` or `-- words`; `--metadata=startup-script=x`."""
    for word in argv[4:]:
        if "startup-script=" in word:
            return [Inner(text=word.partition("startup-script=")[2])]
    if "ssh" not in argv[1:4]:
        return []
    told = _text_after(argv, ("--command",))
    return told or (_joined(argv, list(argv).index("--") + 1) if "--" in argv else [])


def _cmake(argv: Sequence[str]) -> list[Inner]:
    """`cmake -E env [NAME=value] command`, `cmake -E time command`."""
    if argv[1:3] not in (["-E", "env"], ["-E", "time"]):
        return []
    return _rest(argv, next((i for i in range(3, len(argv)) if not _SETS(argv[i])), len(argv)))


def _heroku(argv: Sequence[str]) -> list[Inner]:
    """`heroku run 'command' -a app`: all of it is one text."""
    found = _after_word("run", "run:detached", own="-a --app -r --remote -s --size -e --env")(argv)
    return _joined(argv, found[0].start) if found else []


def _aws(argv: Sequence[str]) -> list[Inner]:
    """Commands for machines: `aws ssm send-command --parameters commands=x`, `aws ecs execute-command --command x`."""
    listed = next((found for word in argv[3:] if (found := _SSM_COMMANDS.match(word, 0, 1024))), None)
    return [Inner(text=listed.group(1))] if listed else _text_after(argv, ("--command", "--user-data"))


def _watch(argv: Sequence[str]) -> list[Inner]:
    """`watch 'a line'`, `watch -x program words`."""
    start = Wrapper(names("-n --interval")).start(argv)
    return _rest(argv, start) if {"-x", "--exec"} & {*argv[:start]} else _joined(argv, start)


def _lines(argv: Sequence[str]) -> list[Inner]:
    """`concurrently 'one line' 'another'`."""
    return [Inner(text=word) for word in argv[1:] if " " in word][:MAX_JOBS]


NESTED: dict[str, Finder] = {
    "find": _find,
    **dict.fromkeys(("fd", "fdfind"), _after_word("-x", "-X", "--exec", "--exec-batch", within=99)),
    **dict.fromkeys(("ssh", "autossh"), _ssh),
    **dict.fromkeys(
        names(
            "docker podman nerdctl kubectl oc k3s microk8s lxc incus docker-compose podman-compose crictl runc buildah"
        ),
        _container,
    ),
    **dict.fromkeys(("cmd", "cmd.exe"), _cmd),
    "parallel": _parallel,
    "tmux": _tmux,
    "screen": _screen,
    "ip": _ip,
    "npm": _npm,
    **dict.fromkeys(("python", "python3"), _module),
    **dict.fromkeys(("pnpm", "yarn"), _after_word("exec", "dlx")),
    **dict.fromkeys(("npx", "bunx", "pnpx"), _npx),
    **dict.fromkeys(("su", "runuser"), _su),
    **dict.fromkeys(("script", "scriptreplay"), _option("-c", "--command")),
    **dict.fromkeys(("sg", "newgrp"), _option("-c")),
    "flock": _flock,
    "env": _env,
    "watch": _watch,
    "concurrently": _lines,
    "entr": _all_words(""),
    **dict.fromkeys(names("uv uvx poetry pipenv rye hatch conda mamba pdm"), _after_word("run", "x")),
    **dict.fromkeys(
        names("bundle composer i3-msg swaymsg xdotool asdf rbenv pyenv nodenv volta fnm"), _after_word("exec")
    ),
    **dict.fromkeys(names("foreman honcho toolbox"), _after_word("run")),
    **dict.fromkeys(
        ("perf", "uftrace", "rr"), _after_word("record", "stat", "trace", own="-o -e -F -c -C -p -t -G -I -D")
    ),
    # terminals, and what is given a command behind `--`
    **dict.fromkeys(
        names(
            "xterm uxterm rxvt urxvt st sakura lxterminal xfce4-terminal gnome-terminal konsole mate-terminal"
            " terminator tilix alacritty ghostty x-terminal-emulator qterminal kgx ptyxis wezterm zellij"
        ),
        _behind("-e", "-x", "--", "--execute", "--command", "send-text"),
    ),
    **dict.fromkeys(
        names(
            "guix distrobox distrobox-enter lxc-attach lxc-execute pct op doppler aws-vault chamber infisical dotenv"
            " dotenvx lerna mise reflex schroot multipass limactl minikube fab mosh apptainer singularity"
        ),
        _behind("--"),
    ),
    "nix": _behind("--command", "-c"),
    "nix-shell": _option("--run", "--command"),
    **dict.fromkeys(("just", "vagrant", "cf"), _option("-c", "--command")),
    **dict.fromkeys(("fly", "flyctl"), _option("-C", "--command")),
    "flatpak": _option("--command"),
    "heroku": _heroku,
    **dict.fromkeys(("wsl", "wsl.exe"), _behind("-e", "--exec", "--")),
    **dict.fromkeys(("ydotool", "dotool", "wtype"), _behind("type")),
    **dict.fromkeys(("cargo-watch", "nodemon", "watchman-make"), _option("-s", "--shell", "--exec", "--run")),
    **dict.fromkeys(
        ("pdsh", "clush", "pssh", "parallel-ssh", "dsh", "mussh", "cssh", "orgalorg"),
        _all_words("-x -l -R -f -t -u -g -X -w -h -H -o -e -p"),
    ),
    **dict.fromkeys(("rsh", "remsh", "plink", "plink.exe"), _on_host("-l -i -P -pw")),
    "aws": _aws,
    "az": _option("--scripts", "--exec-command"),
    "cmake": _cmake,
    "capsh": _after_word("--"),
    "start-stop-daemon": _start_stop_daemon,
    "ansible": fleets.ansible,
    **dict.fromkeys(("salt", "salt-ssh", "salt-call"), fleets.salt),
    "bolt": fleets.bolt,
    "gcloud": _gcloud,
}


def inner_finder(program: str) -> Finder | None:
    """Return what finds the commands inside an argv of *program*, None when it wraps nothing."""
    special = NESTED.get(program)
    if special is not None:
        return special
    row = WRAPPERS.get(program)
    return None if row is None else row.inner
