"""Programs that run another program named by their words: sudo, env, timeout, xargs, chroot, ...

One row per program says how to step over the wrapper's own words; wrappers with a grammar of their own are in
gw.defender.shell.nested. Invariant: an unknown option costs one word, so a wrapper can never hide the command behind an
option we do not know.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gw.defender.shell.names import names


class Inner(NamedTuple):
    """A command found inside another: words of the argv from `start` to `end`, or a text for a shell."""

    start: int = 0
    end: int = 0
    text: str | None = None


class Wrapper(NamedTuple):
    """How to find the inner command: options that take a value, operands to skip, `NAME=value` words."""

    valued: frozenset[str] = frozenset()
    operands: int = 0
    assigns: bool = False

    def start(self, argv: Sequence[str]) -> int:
        """Where the inner command begins; len(argv) when there is none."""
        i = skip_options(argv, 1, self.valued)
        if self.assigns:
            while i < len(argv) and is_assignment(argv[i]):
                i += 1
        for _ in range(self.operands):
            i = skip_options(argv, i + 1, self.valued)
        return min(i, len(argv))

    def inner(self, argv: Sequence[str]) -> list[Inner]:
        start = self.start(argv)
        return [Inner(start, len(argv))] if start < len(argv) else []


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


def is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and (name.isidentifier() or name.startswith("BASH_FUNC_"))


def _rows(programs: str, valued: str = "", operands: int = 0, *, assigns: bool = False) -> dict[str, Wrapper]:
    return dict.fromkeys(programs.split(), Wrapper(names(valued), operands, assigns))


WRAPPERS: dict[str, Wrapper] = {
    **_rows(
        "nohup setsid command builtin unbuffer fakeroot fakechroot firejail bwrap dbus-run-session dbus-launch"
        " caffeinate setarch linux32 linux64 torify torsocks tsocks proxychains proxychains4 catchsegv eatmydata"
        " valgrind prlimit pexec busybox toybox aoss xvfb-run nocache chronic ifne systemd-cat heaptrack memusage gtime"
        " dumb-init catatonit flatpak-spawn kitty foot tsp nq xinit"
    ),
    **_rows("chrt taskset gosu su-exec logsave faketime setuidgid envdir setlock envchain arch-chroot", operands=1),
    **_rows("cross-env", assigns=True),
    **_rows("tini", "-p -e"),
    **_rows("cgexec", "-g"),
    **_rows("dtach abduco", "-c -n -A -N -e -E -r"),
    **_rows(
        "sudo",
        "-u --user -g --group -p --prompt -C --close-from -h --host -r --role -t --type -T -R --chroot -D --chdir -U",
        assigns=True,
    ),
    **_rows("doas", "-u -C"),
    **_rows("pkexec", "--user"),
    **_rows("run0", "-u --user -D --chdir --unit --property"),
    **_rows("setpriv", "--reuid --regid --groups --inh-caps --bounding-set --securebits --selinux-label"),
    **_rows(
        "ld.so ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-musl-x86_64.so.1",
        "--library-path --preload --argv0 --audit --inhibit-rpath",
    ),
    **_rows("exec", "-a"),
    **_rows("time", "-f -o --format --output"),
    **_rows("nice", "-n --adjustment"),
    **_rows("ionice", "-c -n --class --classdata"),
    **_rows("stdbuf", "-i -o -e --input --output --error"),
    **_rows("timeout gtimeout", "-s -k --signal --kill-after", 1),
    **_rows(
        "xargs",
        "-I -n -P -L -s -d -a -E --max-args --max-procs --delimiter --arg-file --max-chars",
    ),
    **_rows("chroot", "", 1),
    **_rows("unshare", "-S -G --setuid --setgid --root --wd --propagation --setgroups --map-users"),
    **_rows("nsenter", "-t --target -S -G --setuid --setgid"),
    **_rows("systemd-nspawn", "-D -M -u -i --directory --machine --user --image --bind --bind-ro"),
    **_rows("proot", "-r -b -w -R -S"),
    **_rows("strace", "-o -e -p -s -u -P -E -I -O -S -a -b -X"),
    **_rows("ltrace", "-o -e -p -s -u -n -l -x -a -D -S"),
    **_rows("numactl", "-C -m -N -i"),
    **_rows("softlimit", "-m -d -s -l -a -o -p -f -c -r -t"),
    **_rows("cpulimit", "-l -p -e -c --limit"),
    **_rows("choom", "-n --adjust -p --pid"),
    **_rows(
        "systemd-run",
        "-u --unit -p --property -M -H --slice --uid --gid -E --setenv -D --working-directory --on-calendar"
        " --on-active",
    ),
    **_rows("systemd-inhibit", "--what --who --why --mode"),
    **_rows("runcon", "-u -r -t -l"),
    **_rows("aa-exec", "-p -n"),
    **_rows("rlwrap", "-f -H -b -q -s -C -P -S -p"),
    **_rows("sshpass", "-p -f -d -P"),
    **_rows("ssh-agent", "-a -t"),
    **_rows("grc", "-c --config"),
    **_rows("watchexec", "-e -w -i -f --exts --watch"),
    **_rows("hyperfine", "-w -r -m -M"),
    **_rows("multitime", "-n -s"),
    **_rows("daemonize", "-a -c -e -E -o -p -l -u"),
    **_rows("chpst", "-u -U -b -e -/ -n -l -L -m -d -o -p -f -c -r -t"),
    **_rows("openvt", "-c --console"),
}

PRIVILEGED = names("sudo doas pkexec run0 gosu su-exec chroot su runuser ksu")
