"""Options that make a program load code: plug-ins, agents, modules, and configurations that can name one.

Knows no syntax. Invariant: what the program's own package or the project brings is ordinary; what lies where anybody
may write is not.
"""

import re
from collections.abc import Mapping
from typing import Final

from gw.defender.shell.draft import Draft
from gw.defender.shell.escapes import option_values
from gw.defender.shell.names import names
from gw.defender.shell.paths import ANYBODYS

# program -> options that name a configuration, which can name programs and libraries.
_SETTINGS: dict[str, str] = {
    "nginx": "-c -p",
    "haproxy": "-f",
    "rsyslogd": "-f",
    "syslog-ng": "-f",
    "ldconfig": "-f -C",
    "procmail": "-m",
    "fastfetch": "-c --config",
    "neofetch": "--config",
    "pacman": "--hookdir --config",
    "openvpn": "--config",
    "php-fpm": "-c -y",
    "logrotate": "-s",
    "ssh": "-F",
    "scp": "-F",
    "sftp": "-F",
    "msmtp": "-C --file",
    **dict.fromkeys(("apache2", "apache2ctl", "httpd", "apachectl"), "-f -d"),
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin"), "--plugin-dir --default-auth --defaults-file"),
    **dict.fromkeys(("tshark", "wireshark"), "-X"),
    **dict.fromkeys(("cowsay", "cowthink"), "-f"),
    **dict.fromkeys(("vi", "vim", "nvim", "view", "ex"), "-u -S"),
    "emacs": "-l --load --script",
    "pandoc": "-L --lua-filter -F --filter",
    "pidgin": "-c",
}

# program -> options that name code: a plug-in, an agent, a module. From the project itself that is ordinary.
_CODE: dict[str, str] = {
    **dict.fromkeys(("java", "javac", "jdb"), "-javaagent: -agentpath: -agentlib: -Xbootclasspath/a:"),
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "clang", "clang++"), "-fplugin -specs -B"),
    **dict.fromkeys(("ld", "gold", "ld.lld"), "-plugin --plugin"),
    **dict.fromkeys(
        ("node", "nodejs", "bun", "tsx", "ts-node"), "-r --require --import --loader --experimental-loader"
    ),
    **dict.fromkeys(("ruby", "irb", "asciidoctor", "rspec"), "-r --require"),
    **dict.fromkeys(("perl", "prove"), "-I"),
    "php": "-d -c",
    "terraform": "-plugin-dir",
    "gdb": "-x --command -ix",
    "lldb": "-s --source -S --source-before-file",
    "rustc": "-C",
    "bazel": "--bazelrc",
    "git": "--template --exec-path",
    **dict.fromkeys(("lua", "luajit"), "-l"),
    "julia": "-L --load",
    "cmake": "-P -C",
    "ninja": "-f",
    "rake": "-f --rakefile",
    "ant": "-f -buildfile",
    "facter": "--custom-dir --external-dir",
    **dict.fromkeys(("chronyd", "ntpd"), "-f -c"),
    "easyrsa": "--vars",
    "minicom": "-S",
    "sysctl": "-p --load",
    "anacron": "-t",
    **dict.fromkeys(("alternatives", "update-alternatives"), "--set"),
    "patchelf": "--add-needed --replace-needed --set-interpreter --set-rpath --add-rpath",
    "tmux": "-f",
    "screen": "-c",
    **dict.fromkeys(("mutt", "neomutt"), "-F"),
    "irssi": "--config --home",
    "code": "--install-extension --extensions-dir",
    **dict.fromkeys(
        names("ld.so ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-musl-x86_64.so.1"),
        "--library-path --preload --audit",
    ),
    "jekyll": "--plugins -p",
    "sphinx-build": "-c",
    "gradle": "-I --init-script",
    "less": "-k --lesskey-file --lesskey-src",
    "mpv": "--script --scripts",
    **dict.fromkeys(("gpg", "gpg2", "gpg-agent"), "--pinentry-program --agent-program --homedir"),
    **dict.fromkeys(("dnf", "yum"), "--setopt -c --config"),
    **dict.fromkeys(("apt", "apt-get"), "-c --config-file"),
    **dict.fromkeys(("rpm", "rpmbuild"), "--rcfile --macros --load"),
    **dict.fromkeys(("sendmail", "exim", "exim4"), "-C"),
    **dict.fromkeys(("gawk", "awk"), "-l --load"),
    "mysqld": "--init-file --plugin-load --plugin-dir",
    "udhcpc": "-s --script",
    "dhclient": "-sf",
    "wpa_cli": "-a",
    "qemu-system-x86_64": "-plugin",
}
_FROM_ANYBODY = re.compile(rf"(?:[\w.]{{1,64}}=)?(?:{'|'.join(ANYBODYS)})")
_FROM_ELSEWHERE = re.compile(r"(?:lua_script:|(?:/var)?/tmp(?:/|$)|/dev/shm/|\.{1,2}/)")

Rows = tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]


def _rows(program: str) -> Rows:
    tables = ((_SETTINGS, _FROM_ELSEWHERE), (_CODE, _FROM_ANYBODY))
    return tuple((tuple(table[program].split()), place) for table, place in tables if program in table)


LOADS: Final[Mapping[str, Rows]] = {program: _rows(program) for program in {*_SETTINGS, *_CODE}}


def loads_code(draft: Draft) -> bool:
    """Whether an option of one of LOADS' programs names code, or a configuration, where anybody may write."""
    rows = LOADS[draft.program or ""]
    return any(place.match(value[:128]) for options, place in rows for value in option_values(draft.argv, options))
