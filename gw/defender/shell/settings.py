"""Lines of somebody's own start-up files that only set something: a search path, an alias, an option of an editor.

Text only. Invariant: a line is quiet when every part of it is understood; one that is not makes the whole text a
start-up file like any other.
"""

import re

from gw.defender.shell.escapes import is_usual
from gw.defender.shell.paths import ANYBODYS, TRUSTED

WINDOW = 4096

_FILES = re.compile(
    r"~/\.(?:(?:bashrc|bash_profile|bash_aliases|profile|zshrc|zshenv|zprofile)|(vimrc|config/nvim/init\.vim|tmux\.conf|inputrc))"
)
_PLAIN = r"[^\s\"'`;|&<>()\\]*"
_VALUE = rf"(\"[^\"`;|&<>()\\]*\"|'[^'`;|&<>()\\]*'|{_PLAIN})"
_EXPORT = re.compile(rf"(?:export )?([A-Z][A-Z0-9_]*)={_VALUE}")
_ALIAS = re.compile(rf"alias ([\w.-]+)={_VALUE}")
_SHELL = re.compile(
    r"#.*|(?:set -o|shopt -s|setopt|unsetopt|bindkey|umask) [\w -]+"
    r"|eval \"?\$\([a-z][\w-]* (?:init|hook|shellenv|activate|env|completion)(?: -?[\w=-]+){0,3}\)\"?"
    r"|(?:source|\.) <\([a-z][\w-]* completion(?: [a-z]+)?\)"
)
_EDITOR = re.compile(
    r"[#\"].*|(?:syntax|filetype|colorscheme|unbind) [\w -]+"
    r"|set(?:w|-option|-window-option)?(?: -\w+)? (?!\w*sh(?:ell)?\b|\w*prg\b|exrc|modeline|secure|rtp|runtimepath"
    r"|packpath|[\w-]*command\b|[\w-]*-shell\b)[\w-]+(?:(?: |=| = )[\w,.:#-]+)?"
)
# Variables that name a folder, a language or a program for text, but never code.
_HARMLESS = re.compile(
    r"PATH|MANPATH|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|\w+_(?:HOME|ROOT|DIR|ENV)|GOPATH|EDITOR|VISUAL|PAGER"
)
_FOLDER = re.compile(r"\$\{?PATH\}?|[\w$~{}/.@+-]+/(?:s?bin|shims|scripts?)")


def only_set(path: str, text: str) -> bool:
    """Whether *text*, written to *path*, does nothing but set something for its owner."""
    kind = _FILES.fullmatch(path)
    if kind is None or len(text) > WINDOW:
        return False
    quiet = _EDITOR.fullmatch if kind.group(1) else _is_quiet
    return all(not line.strip() or quiet(line.strip()) for line in text.splitlines())


def _is_quiet(line: str) -> bool:
    if found := _EXPORT.fullmatch(line):
        return _is_harmless(found.group(1), found.group(2).strip("\"'"))
    if found := _ALIAS.fullmatch(line):
        name, words = found.group(1), found.group(2).strip("\"'").split()
        return bool(words) and words[0].isidentifier() and (name not in TRUSTED or words[0] == name)
    return _SHELL.fullmatch(line) is not None


def _is_harmless(name: str, value: str) -> bool:
    if _HARMLESS.fullmatch(name) is None or any(place in value for place in ANYBODYS):
        return False
    if name == "PATH":
        return all(map(_FOLDER.fullmatch, value.split(":")))
    return is_usual(value) if name in ("EDITOR", "VISUAL", "PAGER") else True
