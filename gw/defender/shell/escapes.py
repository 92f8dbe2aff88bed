"""Ordinary programs told to run a command: editors, pagers, archivers, debuggers, version control, builders.

Returns the commands found, as texts for the shell parser. Two ways: a table of options whose value is a command, and the
general signs of one in any argument (a shell's path, `!command`, `system(...)`). Invariant: programs that only print,
store or search text are never looked at.
"""

import re
from collections.abc import Iterator, Sequence

from gw.defender.shell.draft import Draft
from gw.defender.shell.wrappers import skip_options

# Programs whose arguments are text, names or patterns, never commands.
PASSIVE = frozenset(
    "echo printf grep egrep fgrep zgrep rg ag ack ls dir vdir cat head tail wc stat file which whereis type test [ [[ basename dirname realpath readlink strings sort uniq cut tr diff cmp comm md5sum sha1sum sha256sum"
    " locate mlocate plocate apropos whatis useradd usermod adduser chsh getent dpkg dpkg-query rpm apt-file ldd pgrep ps pidof lsof fuser du df mkdir rmdir touch logger wall write notify-send say true false : export"
    " declare local readonly typeset alias unalias read cd pwd pushd popd hash return exit shift jq yq xmllint column fold fmt nl od hexdump xxd base64 seq date cal sleep rm chmod chown chgrp ln cp mv install find sed set unset shopt"
    " tee history expr bc dc_ factor pr expand rev tac paste join nm objdump readelf size file ldd mktemp id groups who w last lastlog man_ info help trap let getopts eval source . whatis aspell spell cowsay figlet toilet banner"
    " Write-Output Write-Host Get-Content Select-String apt apt-get_ pip npm_ cargo go make_ docker podman kubectl ssh-keygen xdg-open wc kill pkill killall su sudo doas update-alternatives".split()
)

# program -> options whose value is a command line; a trailing "=" on the value's prefix is cut off.
COMMAND_OPTIONS: dict[str, tuple[str, ...]] = {
    "tar": ("--checkpoint-action", "--to-command", "-I", "--use-compress-program", "--rsh-command", "--rmt-command", "-F", "--info-script", "--new-volume-script"),
    "rsync": ("-e", "--rsh", "--rsync-path"),
    "scp": ("-S", "-D"),
    "sftp": ("-S", "-D"),
    "zip": ("-TT", "--unzip-command"),
    "man": ("-P", "--pager", "-H", "--html", "-B"),
    "sort": ("--compress-program",),
    "split": ("--filter",),
    "cpio": ("--rsh-command",),
    "wget": ("--use-askpass", "--use-server-timestamps-hook"),
    "fzf": ("--preview",),
    "parallel": ("--filter",),
    "gcc": ("-wrapper",), "g++": ("-wrapper",), "cc": ("-wrapper",), "clang": ("-wrapper",),
    "openvpn": ("--up", "--down", "--ipchange", "--route-up", "--tls-verify", "--auth-user-pass-verify", "--client-connect"),
    "sshuttle": ("-e", "--ssh-cmd"),
    "pv": (), "ncdu": (), "tcpdump": ("-z",), "tshark": (), "logrotate": (), "run-mailcap": ("--action",),
    "restic": ("--password-command", "-o"), "borg": ("--rsh",), "sshfs": ("-o",), "mutt": ("-e",), "watch": (), "entr": (), "msgfilter": (),
    "aria2c": ("--on-download-complete", "--on-download-error", "--on-download-start", "--on-download-stop", "--on-bt-download-complete"),
    "cobc": (), "dnsmasq": ("--conf-script", "--dhcp-script"), "agetty": ("-l", "--login-program"), "getty": ("-l",), "cdist": ("-s",),
    "ffmpeg": (), "mpv": ("--input-ipc-server",), "nano": ("-s", "--speller"), "pico": ("-s",), "check_by_ssh": ("-o",), "perlbug": ("-e",), "gem": ("-e",), "minicom": (),
    "socket": ("-p",), "tmate": ("-c",), "terraform": (), "yum-builddep": (), "ranger": ("--cmd",), "joe": (), "dmsetup": (), "start-stop-daemon": (), "git-upload-pack": (),
}  # fmt: skip

_SSH_OPTION = re.compile(r"(?:Proxy|Local|KnownHosts|Remote)Command[= ]|PKCS11Provider|Match\s+exec", re.I)
_GIT_CONFIG = re.compile(
    r"(?:core\.(?:pager|editor|sshcommand|fsmonitor|hookspath|askpass|gitproxy)|pager\.[\w-]+|diff\.(?:external|[\w-]+\.(?:command|textconv))|merge\.[\w-]+\.driver|filter\.[\w-]+\.(?:clean|smudge|process)|sequence\.editor"
    r"|credential(?:\.[^=]{1,64})?\.helper|gpg(?:\.\w+)?\.program|alias\.[\w-]+|ssh\.variant|interactive\.difffilter|uploadpack\.packobjectshook|difftool\.[\w-]+\.cmd|mergetool\.[\w-]+\.cmd|browser\.[\w-]+\.cmd|sendemail\.smtpserver)=(.*)",
    re.I | re.S,
)
_VIM_COMMAND = re.compile(r"^\+?:?\s*(?:silent\s*!?\s*)?(?:!|sh(?:ell)?$|ter(?:minal)?\b|py(?:thon)?3?\b|perl\b|ruby\b|lua\b|call\s+system|set\s+shell|!:!|r(?:ead)?\s*!)(.*)", re.S)
_GDB_COMMAND = re.compile(r"^\s*(?:!|shell\s|make\s|python\s|pi\s|py\s|call\s+.{0,40}system|platform\s+shell|script\s|system\s)(.*)", re.S)

_SHELL_SIGN = re.compile(
    r"(?:^|[^\w./-])(?:/usr)?(?:/local)?/bin/(?:ba|da|z|k|c|tc|a|mk|fi)?sh(?![\w.-])|^\s*!\s*/?\w|\b(?:system|exec|popen|spawn|execute|shell_exec|callCommand|os\.execute)\s*\(\s*[\"'`]|`[^`]*/bin/|\bwrite18\s*\{|^\s*(?:!|\|)\s*(?:ba|da|z|k)?sh\b|exec[:=]\s*/?(?:ba|da|z)?sh\b|:\s*!\s*/?\w"
)
_RUNS_COMMAND_VARIABLE = re.compile(
    r"(?:PAGER|EDITOR|VISUAL|BROWSER|ASKPASS|_COMMAND|_CMD|LESSOPEN|LESSCLOSE|_RSH|_SSH|PROMPT_COMMAND|RSYNC_RSH|CVS_RSH|MANPAGER|GIT_SEQUENCE_EDITOR|GIT_EXTERNAL_DIFF|GIT_PROXY_COMMAND|SHELL|TEXEDIT|PERL5DB|PYTHONSTARTUP|_WRAPPER|_OPENER|AUTOM4TE|_BIN|RUBYOPT|PERL5OPT|NODE_OPTIONS|MAKEFLAGS|_SHELL|_PROGRAM|_HELPER|_HOOK|IFS_|PS4|TERMINAL|_EXEC)$"
)


def is_command_variable(name: str) -> bool:
    """Variables whose value some program runs: PAGER, EDITOR, GIT_SSH_COMMAND, LESSOPEN, ..."""
    return _RUNS_COMMAND_VARIABLE.search(name[:64]) is not None


def _values(argv: Sequence[str], options: tuple[str, ...]) -> Iterator[str]:
    for i, word in enumerate(argv[1:], 1):
        if word[:1] != "-":
            continue
        for option in options:
            if word == option:
                if i + 1 < len(argv):
                    yield argv[i + 1]
            elif word.startswith(option) and (option[:2] == "--" or len(option) > 2):
                if word[len(option)] == "=":
                    yield word[len(option) + 1 :]
            elif word.startswith(option) and len(option) == 2:
                yield word[2:]
            else:
                continue
            break


def _git(argv: Sequence[str]) -> Iterator[str]:
    for value in (*_values(argv, ("-c", "--config-env", "--config")), *argv):
        if found := _GIT_CONFIG.match(value[:1024]):
            command = found.group(1)
            if value.lower().startswith("alias."):
                yield command[1:] if command.startswith("!") else "git " + command
            else:
                yield command
    yield from _values(argv, ("--upload-pack", "--receive-pack", "--exec", "-x", "--extcmd", "--open-files-in-pager", "--ssh-command"))
    for i, word in enumerate(argv):
        if word in ("bisect", "submodule") and len(argv) > i + 2 and argv[i + 1] in ("run", "foreach"):
            start = skip_options(argv, i + 2, frozenset())
            yield " ".join(argv[start:])
        if word in ("--tree-filter", "--index-filter", "--msg-filter", "--env-filter", "--commit-filter", "--tag-name-filter") and i + 1 < len(argv):
            yield argv[i + 1]
        if word.startswith("ext::"):
            yield word[5:]
        if word.startswith("-O") and len(word) > 2 and "grep" in argv:
            yield word[2:]
    if "config" in argv:
        at = list(argv).index("config")
        words = [w for w in argv[at + 1 :] if w[:1] != "-"]
        if len(words) > 1 and _GIT_CONFIG.match(words[0] + "="):
            yield words[1][1:] if words[1].startswith("!") else words[1]


def _ssh(argv: Sequence[str]) -> Iterator[str]:
    for value in _values(argv, ("-o",)):
        if _SSH_OPTION.match(value):
            yield re.split(r"[= ]", value, maxsplit=1)[1].strip("\"'").lstrip(";")


def _vim(argv: Sequence[str]) -> Iterator[str]:
    candidates = [*_values(argv, ("-c", "--cmd", "-S")), *(a for a in argv[1:] if a.startswith("+"))]
    for value in candidates:
        found = _VIM_COMMAND.match(value[:1024])
        if found is not None:
            yield found.group(1).lstrip("!") or "sh"


def _gdb(argv: Sequence[str]) -> Iterator[str]:
    for value in _values(argv, ("-ex", "--eval-command", "-o", "-iex", "-eval-command", "--one-line", "-b")):
        if found := _GDB_COMMAND.match(value[:1024]):
            yield found.group(1) or "sh"


def _find_prefix(prefixes: tuple[str, ...]) -> "Finder":
    def find(argv: Sequence[str]) -> Iterator[str]:
        for word in argv[1:]:
            for prefix in prefixes:
                if word.startswith(prefix):
                    yield word[len(prefix) :].strip().strip("'\"") or "sh"

    return find


def _make(argv: Sequence[str]) -> Iterator[str]:
    for value in _values(argv, ("--eval", "-E")):
        yield from re.findall(r"\$\(shell ([^)]{1,512})\)", value[:1024])
        if ":" in value:
            yield value.rpartition(":")[2].lstrip("\t -@").removeprefix("\\n")
    for word in argv[1:]:
        if word.startswith("SHELL="):
            yield word[6:]


def _psql(argv: Sequence[str]) -> Iterator[str]:
    for word in argv[1:]:
        for mark in ("\\!", "to program", "from program", "TO PROGRAM", "FROM PROGRAM", "\\o |", "-o|"):
            if mark in word:
                yield word.partition(mark)[2].strip(" '\"|") or "sh"


def _fzf(argv: Sequence[str]) -> Iterator[str]:
    yield from _values(argv, ("--preview",))
    for value in _values(argv, ("--bind",)):
        yield from re.findall(r"(?:execute|become|reload|execute-silent)\(([^)]{1,512})\)", value[:1024])


Finder = "type[object]"
FINDERS = {
    "git": _git, "ssh": _ssh, "scp": _ssh, "sftp": _ssh, "sshfs": _ssh, "vi": _vim, "vim": _vim, "nvim": _vim, "view": _vim, "ex": _vim, "rvim": _vim, "gvim": _vim, "vimdiff": _vim, "gdb": _gdb, "lldb": _gdb, "r2": _gdb,
    "sqlite3": _find_prefix((".shell", ".system", ".sh ")), "dc": _find_prefix(("!",)), "make": _make, "gmake": _make, "psql": _psql, "fzf": _fzf,
    "lftp": _find_prefix(("!",)), "mysql": _find_prefix(("\\!", "system ")), "nmap": _find_prefix(("--script=os.execute",)),
}  # fmt: skip


def commands(draft: Draft) -> list[str]:
    """Shell texts that *draft*'s program was told to run through its options."""
    program = draft.program or ""
    found: list[str] = []
    options = COMMAND_OPTIONS.get(program)
    if options:
        for value in _values(draft.argv, options):
            text = value.removeprefix("exec=")
            if program == "sshfs" and not value.startswith("ssh_command="):
                continue
            found.append(text.removeprefix("ssh_command="))
    finder = FINDERS.get(program)
    if finder is not None:
        found += finder(draft.argv)
    return [f for f in found if f and f.strip()][:16]


def shows_command(draft: Draft) -> bool:
    """Tell whether any argument bears the general signs of a command the program is to run."""
    if draft.program in PASSIVE:
        return False
    for argument in draft.argv[1:]:
        if len(argument) > 2 and _SHELL_SIGN.search(argument[:1024]) is not None:
            return True
    return False
