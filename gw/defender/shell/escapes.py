"""Ordinary programs told to run a command: editors, pagers, archivers, debuggers, version control, builders.

Returns the commands found, as texts for the shell parser. Two ways: a table of options whose value is a command, and
the general signs of one in any argument (a shell's path, `!command`, `system(...)`). Invariant: programs that only
print, store or search text are never looked at.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gw.defender.shell.draft import Draft
from gw.defender.shell.interpreters import SHELLS
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_temporary
from gw.defender.shell.wrappers import skip_options

MAX_COMMANDS = 16


class Told(NamedTuple):
    """A command a program was told to run; `usual` when people do that every day (a pager, ssh, a compressor)."""

    text: str
    usual: bool = False


# Programs whose words are text, names or patterns, never commands.
PASSIVE = names(
    "echo printf grep egrep fgrep zgrep rg ag ack ls dir vdir cat head tail wc stat file which whereis type test ["
    " [[ basename dirname realpath readlink strings sort uniq cut tr diff cmp comm md5sum sha1sum sha256sum locate"
    " plocate apropos whatis useradd usermod adduser chsh getent dpkg dpkg-query apt-file ldd pgrep ps pidof lsof"
    " fuser du df mkdir rmdir touch logger wall write notify-send say true false : export declare local readonly"
    " typeset alias unalias read cd pwd pushd popd hash return exit shift jq yq xmllint column fold fmt nl od hexdump"
    " xxd base64 seq date cal sleep rm chmod chown chgrp ln cp mv install set unset shopt tee history expr bc factor"
    " pr expand rev tac paste join nm objdump readelf size mktemp id groups who w last lastlog help trap let getopts"
    " eval source . aspell spell cowsay figlet toilet banner apt docker podman kubectl kill pkill killall su sudo"
    " doas update-alternatives git gh glab xdg-open find Write-Output Write-Host Get-Content Select-String"
    " man info tldr semgrep ast-grep codespell"
)

# Programs with a prompt, or a pager that has one, where `!sh` starts a shell.
PROMPTS = names(
    "less more most man pg info ed ex vi vim nvim view rvim vimdiff ftp sftp lftp tftp gdb mysql mariadb psql sqlite3"
    " mail mailx telnet nmap journalctl systemctl timedatectl loginctl hostnamectl localectl git gh apt apt-get dpkg"
    " aws gcloud az eb heroku cargo cpan top htop iftop scanmem tdbtool zathura crash nano pico pic bc dc irb ncdu"
    " ranger mc rpm yum zypper bconsole dmesg pdb ncftp psftp tasksh debugfs slsh tcsh octave msfconsole smbclient"
    " gp gap maxima sage scons ghci sqlplus isql usql r2 radare2 lldb jdb gcc cc clang tcc g++"
    " systemd-resolve dotnet packer"
)

# program -> options whose value is a command line.
_COMMAND_OPTIONS: dict[str, str] = {
    **dict.fromkeys(
        ("tar", "gtar", "bsdtar"),
        "--checkpoint-action --to-command -I --use-compress-program --rsh-command --rmt-command -F --info-script"
        " --new-volume-script",
    ),
    "svn": "--diff-cmd --diff3-cmd --merge-cmd --editor-cmd",
    "cvs": "-e",
    "rclone": "--password-command",
    "go": "-exec -toolexec",
    **dict.fromkeys(("mysql", "mariadb"), "--pager"),
    "rsync": "-e --rsh",
    "scp": "-S -D",
    "sftp": "-S -D",
    "zip": "-TT --unzip-command",
    "man": "-P --pager -H --html -B",
    "sort": "--compress-program",
    "split": "--filter",
    "cpio": "--rsh-command",
    "wget": "--use-askpass",
    "openvpn": "--up --down --ipchange --route-up --tls-verify --auth-user-pass-verify --client-connect",
    "sshuttle": "-e --ssh-cmd",
    "tcpdump": "-z",
    "run-mailcap": "--action",
    "restic": "--password-command",
    "borg": "--rsh",
    "aria2c": "--on-download-complete --on-download-error --on-download-start --on-download-stop"
    " --on-bt-download-complete",
    "dnsmasq": "--conf-script --dhcp-script",
    "agetty": "-l --login-program",
    "getty": "-l",
    "cdist": "-s",
    "nano": "-s --speller",
    "pico": "-s",
    "perlbug": "-e",
    "gem": "-e",
    "socket": "-p",
    "tmate": "-c",
    "ranger": "--cmd",
    "mosh": "--server --ssh",
    "zic": "-y",
    "rpm": "--pipe",
    "pip": "--editor",
    "msgfilter": "",
    "watchexec": "",
    "crash": "",
    **dict.fromkeys(("gcc", "g++", "cc", "clang"), "-wrapper"),
    **dict.fromkeys(
        ("chrome", "chromium", "google-chrome", "chromium-browser", "electron", "code"),
        "--gpu-launcher --renderer-cmd-prefix --utility-cmd-prefix --browser-subprocess-path",
    ),
}
COMMAND_OPTIONS = {program: tuple(options.split()) for program, options in _COMMAND_OPTIONS.items()}

# What these options are honestly used for.
_USUAL = names(
    "gzip pigz zstd xz lz4 lzma bzip2 pbzip2 lzip brotli ssh less more cat most bat delta vim vi nvim nano emacs"
    " code head tail diff-so-fancy rsh sudo nc ncat cloudflared aws gcloud corkscrew connect-proxy doas store cache"
    " osxkeychain libsecret true false jq tee xdg-open firefox lynx w3m git make pytest npm yarn cargo go rg fd tree"
    " ls file highlight meld vimdiff pass op bw gopass gpg security secret-tool"
    " rustc clippy-driver sccache ccache gcc cc clang lld mold diff colordiff icdiff wdiff sdiff difft kdiff3 manager"
)

_SSH_OPTION = re.compile(r"(?:Proxy|Local|KnownHosts|Remote)Command[= ]\s*(.*)|PKCS11Provider[= ](.*)", re.I | re.S)
_GIT_SETTING = re.compile(
    r"(?:core\.(?:pager|editor|sshcommand|fsmonitor|hookspath|askpass|gitproxy)|pager\.[\w-]+"
    r"|diff\.(?:external|[\w-]+\.(?:command|textconv))|merge\.[\w-]+\.driver|filter\.[\w-]+\.(?:clean|smudge|process)"
    r"|sequence\.editor|credential(?:\.[^=]{1,64})?\.helper|gpg(?:\.\w+)?\.program|alias\.[\w-]+|interactive\.difffilter"
    r"|uploadpack\.packobjectshook|(?:difftool|mergetool|browser)\.[\w-]+\.cmd)=(.*)",
    re.I | re.S,
)
_OWN_HOOKS = re.compile(r"core\.hookspath=(?!\.\.)[\w.][\w./-]*", re.I)  # of the repository itself
_CARGO_SETTING = re.compile(
    r"(?:[\w.'\"()=-]{0,64}\.)?(?:rustc|rustdoc|rustc-wrapper|rustc-workspace-wrapper|runner|linker)\s*=\s*[\"'\[]*([^\"'\]]+)"
)
_VIM_COMMAND = re.compile(
    r"\+?:?\s*(?:silent\s*!?\s*)?(?:!|sh(?:ell)?$|te(?:r\w*)?\b|py(?:thon)?3?\b|perl\b|ruby\b|lua\b|call\s+system"
    r"|set\s+shell|r(?:ead)?\s*!)(.*)",
    re.S,
)
_GDB_COMMAND = re.compile(
    r"\s*(?:!|shell\s|make\s|python\s|pi\s|py\s|call\s.{0,40}system|platform\s+shell|script\s|system\s)(.*)", re.S
)
_SED_RUNS = re.compile(
    r"(?:^|[;{}\n]|\d|\$|/|,)\s*e(?:\s+([^;\n]{1,512})|\s*$)|s(.)(?:(?!\2).){0,256}\2(?:(?!\2).){0,256}\2[gIip0-9]*e"
)
_FZF_RUNS = re.compile(r"(?:execute|become|reload|execute-silent)\(([^)]{1,512})\)")
_MAKE_RUNS = re.compile(r"\$\(shell ([^)]{1,512})\)")

_COMMAND_SIGN = re.compile(
    r"(?:^|[^\w-])(?:/usr)?(?:/local)?/bin/(?:ba|da|z|k|c|tc|a|mk|fi)?sh(?![\w.-])|^\s*!\s*/?\w"
    r"|\b(?:[Ss]ystem|[Ee]xec|popen|spawn|execute|shell|shell_exec|callCommand|gorge|e?syscmd)\s*\(\s*[\"'`/]|\bwrite18\s*\{"
    r"|\((?:[\w.:*-]{1,64}/)?(?:system|shell|sh|exec|shell-command)\s+\"|^--(?:command|cmd|exec|execute|run)=(?:ba|da|z|k)?sh$"
    r"|^\s*\|\s*(?:ba|da|z|k)?sh\b|exec[:=]\s*/?(?:ba|da|z)?sh\b|:\s*!\s*/?\w|^[\w+]*ssh://-o"
)
# Without doubt: a shell inside a call, behind a `!`, or with its descriptors bent back to the terminal.
_SHELL_SIGN = re.compile(
    r"(?:system|exec|popen|spawn|execute|shell_exec|callCommand|run-shell-command|esyscmd|Process\.Start|write18|passthru)"
    r"\W{1,4}(?:/usr)?/bin/\w{0,3}sh\b|!\s*(?:exec\s+)?(?:/usr)?/bin/\w{0,3}sh\b"
    r"|/bin/\w{0,3}sh\s+(?:-[isp]+\s+)?(?:\d?[<>]&\d|\d?[<>]\s*(?:/dev/tty|\$\(tty\)))"
    r"|\b(?:ba|da|z|k|a)?sh\s+(?:-[isp]+\s+)?0?<&\d|\(\) *\{ *:; *\};"
)
# `!/bin/sh`, `:!sh`, `! exec "/bin/sh"`, `shell /bin/sh`, `sh X sh X`: what is typed at such a prompt.
_TYPED = re.compile(
    r"^[ \t]*(?::?\s?!|:?shell\b|system\b|sh\s\w)(?:[ \t]*exec\b)?[ \t\"'(]*"
    r"(?:(?:/usr)?/bin/)?(?:ba|da|z|k|c|tc|a)?sh\b",
    re.M,
)


def is_usual(text: str) -> bool:
    """Whether the command is what such options are honestly for."""
    words = text.split(None, 1)
    return not words or (words[0].rpartition("/")[2] in _USUAL and not is_temporary(words[0]))


def names_own_hooks(setting: str) -> bool:
    """`core.hooksPath=.githooks`: scripts of the repository, as it was cloned."""
    return _OWN_HOOKS.fullmatch(setting, 0, 256) is not None


def is_command(text: str) -> bool:
    """The general signs: a shell's path, `!command`, `system("...")`."""
    return _COMMAND_SIGN.search(text[:1024]) is not None


def is_shell(text: str) -> bool:
    """Signs that leave no doubt: somebody wants a shell from this program."""
    return _SHELL_SIGN.search(text[:1024]) is not None


def shown_facts(text: str) -> set[str]:
    """Facts of a program that is given *text* as an argument, or as a file it reads."""
    if is_shell(text):
        return {"shell-escape", "escapes-to-shell"}
    return {"shell-escape"} if is_command(text) else set()


def typed_facts(text: str) -> set[str]:
    """Facts of a program with a prompt that reads *text* from its input."""
    return {"shell-escape", "escapes-to-shell"} if _TYPED.search(text[:1024]) else shown_facts(text)


def told(draft: Draft) -> list[Told]:
    """What *draft*'s program was told to run through its options."""
    program = draft.program or ""
    found: list[Told] = []
    options = COMMAND_OPTIONS.get(program)
    if options:
        for value in option_values(draft.argv, options):
            text = value.removeprefix("exec=")
            found.append(Told(text, is_usual(text)))
    finder = FINDERS.get(program)
    if finder is not None:
        found += finder(draft.argv)
    return [one for one in found if one.text.strip()][:MAX_COMMANDS]


def option_values(argv: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """Values of any of *options*: `-o x`, `-ox`, `--out x`, `--out=x`."""
    for i, word in enumerate(argv[1:], 1):
        if word[:1] != "-":
            continue
        for option in options:
            if word == option:
                if i + 1 < len(argv):
                    yield argv[i + 1]
            elif not word.startswith(option):
                continue
            elif len(option) == 2:
                yield word[2:]
            elif option[-1] == ":":
                yield word[len(option) :]
            elif word[len(option)] == "=":
                yield word[len(option) + 1 :]
            break


# --- finders ----------------------------------------------------------------------------------------------------------

Finder = Callable[[Sequence[str]], Iterator[Told]]


def _git(argv: Sequence[str]) -> Iterator[Told]:
    settings = list(option_values(argv, ("-c", "--config-env", "--config")))
    if "config" in argv:
        words = [w for w in argv[list(argv).index("config") + 1 :] if w[:1] != "-"]
        if len(words) > 1:
            settings.append("=".join(words[:2]))
    for setting in settings:
        if found := _GIT_SETTING.match(setting[:1024]):
            text = found.group(1)
            if names_own_hooks(setting):
                continue
            if not setting.lower().startswith("alias."):
                yield Told(text, is_usual(text))
            elif text.startswith("!"):
                yield Told(text[1:])
            else:
                yield Told("git " + text, True)
    for text in option_values(
        argv,
        ("--upload-pack", "--receive-pack", "--extcmd", "--open-files-in-pager", "--ssh-command", "--sendmail-cmd"),
    ):
        yield Told(text, is_usual(text) or text.startswith("git-"))
    for text in option_values(
        argv, ("--exec", "-x", "--tree-filter", "--index-filter", "--msg-filter", "--env-filter", "--commit-filter")
    ):
        yield Told(text, True)
    for i, word in enumerate(argv):
        if word in ("bisect", "submodule") and argv[i + 1 : i + 2] in (["run"], ["foreach"]):
            yield Told(" ".join(argv[skip_options(argv, i + 2, frozenset()) :]), True)
        elif word.startswith("ext::"):
            yield Told(word[5:])
        elif word.startswith("ssh://-o"):
            yield Told(word[6:])
        elif word.startswith("-O") and len(word) > 2 and "grep" in argv:
            yield Told(word[2:], is_usual(word[2:]))
        elif word in ("--unsafe-paths",) or word.startswith("--exec-path="):
            yield Told(word)


def _ssh(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("-o",)):
        if found := _SSH_OPTION.match(value[:1024].strip("\"'")):
            text = (found.group(1) or found.group(2) or "").strip("\"'").lstrip(";")
            yield Told(text, is_usual(text))
        elif value.startswith("ssh_command="):
            yield Told(value[12:], is_usual(value[12:]))


def _vim(argv: Sequence[str]) -> Iterator[Told]:
    for value in (*option_values(argv, ("-c", "--cmd", "-S")), *(a for a in argv[1:] if a[:1] == "+")):
        if found := _VIM_COMMAND.match(value[:1024]):
            yield Told(found.group(1).lstrip("!") or "sh")


def _gdb(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("-ex", "--eval-command", "-o", "-iex", "-eval-command", "--one-line", "-b")):
        if found := _GDB_COMMAND.match(value[:1024]):
            yield Told(found.group(1) or "sh")


def _sed(argv: Sequence[str]) -> Iterator[Told]:
    scripts = list(option_values(argv, ("-e", "--expression"))) or [a for a in argv[1:] if a[:1] != "-"][:1]
    for script in scripts:
        if found := _SED_RUNS.search(script[:1024]):
            yield Told(found.group(1) or "sh")


def _prefixed(*prefixes: str) -> Finder:
    def find(argv: Sequence[str]) -> Iterator[Told]:
        for word in argv[1:]:
            for prefix in prefixes:
                if word.startswith(prefix):
                    yield Told(word[len(prefix) :].strip().strip("'\"") or "sh")

    return find


def _following(mark: str) -> Finder:
    """The text behind *mark* in any word: `gs -sOutputFile=%pipe%sh`."""

    def find(argv: Sequence[str]) -> Iterator[Told]:
        for word in argv[1:]:
            if mark in word:
                yield Told(word.partition(mark)[2].strip(" )}>") or "sh")

    return find


def _later(*options: str) -> Finder:
    """Options made for commands: what they name is judged, that they are given is not."""
    return lambda argv: (Told(text, True) for text in option_values(argv, options))


def _cargo(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("--config",)):
        if found := _CARGO_SETTING.match(value[:1024]):
            yield Told(found.group(1), is_usual(found.group(1)))


def _ssh_options(argv: Sequence[str]) -> Iterator[Told]:
    """duplicity: options for ssh, all in one word."""
    for value in option_values(argv, ("--ssh-options",)):
        yield from _ssh(["ssh", *value.split(None, 1)])


def _npm(argv: Sequence[str]) -> Iterator[Told]:
    """`npm pkg set scripts.test='...'`: run later, but written here."""
    for word in argv[3:] if argv[1:3] == ["pkg", "set"] else ():
        name, equals, value = word.partition("=")
        if equals and name.startswith("scripts."):
            yield Told(value, True)


def _make(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("--eval", "-E")):
        for text in _MAKE_RUNS.findall(value[:1024]):
            yield Told(text)
        if ":" in value:
            yield Told(value.rpartition(":")[2].removeprefix("\\n").lstrip("\t\n -@"))
    for word in argv[1:]:
        if word.startswith("SHELL=") and word[6:].rpartition("/")[2] not in SHELLS:
            yield Told(word[6:])


def _psql(argv: Sequence[str]) -> Iterator[Told]:
    for word in argv[1:]:
        for mark in ("\\!", "to program", "from program", "TO PROGRAM", "FROM PROGRAM", "\\o |", "-o|"):
            if mark in word:
                yield Told(word.partition(mark)[2].strip(" '\"|") or "sh")
    for setting in option_values(argv, ("-P", "--pset")):
        if setting.startswith("pager="):
            yield Told(setting[6:], is_usual(setting[6:]))


def _pager(argv: Sequence[str]) -> Iterator[Told]:
    """`less +'!sh'`: typed at the prompt of the pager."""
    for word in argv[1:]:
        if word[:1] == "+" and "!" in word:
            yield Told(word.partition("!")[2])


def _hg(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("--config",)):
        name, _, text = value.partition("=")
        if text.startswith("!"):
            yield Told(text[1:])
        elif name.startswith(("hooks.", "ui.editor", "ui.ssh", "pager.")):
            yield Told(text, is_usual(text))


def _fzf(argv: Sequence[str]) -> Iterator[Told]:
    for text in option_values(argv, ("--preview",)):
        yield Told(text, True)
    for value in option_values(argv, ("--bind",)):
        for text in _FZF_RUNS.findall(value[:1024]):
            yield Told(text, is_usual(text))


def _rpm(argv: Sequence[str]) -> Iterator[Told]:
    for value in option_values(argv, ("--eval", "-E")):
        if value.startswith("%(") or "os.execute" in value:
            yield Told(value[2:].rstrip(")"))


FINDERS: dict[str, Finder] = {
    "git": _git,
    **dict.fromkeys(("ssh", "scp", "sftp", "sshfs", "autossh", "check_by_ssh"), _ssh),
    **dict.fromkeys(("vi", "vim", "nvim", "view", "ex", "rvim", "gvim", "vimdiff"), _vim),
    **dict.fromkeys(("gdb", "lldb", "r2"), _gdb),
    **dict.fromkeys(("sed", "gsed"), _sed),
    **dict.fromkeys(("sqlite3", "sqlite"), _prefixed(".shell", ".system", ".sh ")),
    "gs": _following("%pipe%"),
    "kak": _following("%sh{"),
    "cargo": _cargo,
    **dict.fromkeys(("yt-dlp", "youtube-dl"), _later("--exec", "--exec-before-download", "--netrc-cmd")),
    **dict.fromkeys(
        ("certbot", "acme.sh"),
        _later(
            "--pre-hook",
            "--post-hook",
            "--deploy-hook",
            "--renew-hook",
            "--manual-auth-hook",
            "--reloadcmd",
            "--reload-cmd",
        ),
    ),
    "xautolock": _later("-locker", "-notifier"),
    "rg": _later("--pre", "--hostname-bin"),
    "java": _later("-XX:OnOutOfMemoryError", "-XX:OnError"),
    **dict.fromkeys(("ag", "ack", "bat", "batcat", "delta"), _later("--pager")),
    "duplicity": _ssh_options,
    "dc": _prefixed("!"),
    "lftp": _prefixed("!"),
    "mysql": _prefixed("\\!", "system "),
    **dict.fromkeys(("make", "gmake"), _make),
    "psql": _psql,
    "npm": _npm,
    "fzf": _fzf,
    "hg": _hg,
    **dict.fromkeys(("less", "more", "most"), _pager),
    **dict.fromkeys(("rpm", "rpmbuild", "rpmspec"), _rpm),
}
