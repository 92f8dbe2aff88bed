"""Everything the tables say about one program, looked up once: effect, wrapper, language, roles of its words.

Knows no command line. Invariant: a name in no table gets a profile too, so nothing is skipped for being unknown.
"""

from functools import lru_cache
from typing import NamedTuple

from gw.defender.shell import escapes, filters, output
from gw.defender.shell.draft import Effect
from gw.defender.shell.effects import EFFECTS
from gw.defender.shell.effects.disks import make_filesystem
from gw.defender.shell.effects.tools import by_stem
from gw.defender.shell.interpreters import is_interpreter
from gw.defender.shell.loading import LOADS
from gw.defender.shell.names import names
from gw.defender.shell.nested import Finder, inner_finder

# Programs whose arguments are only text: a DATA node marks them.
QUIET = names("echo printf : true false test [ [[ sleep wait logger notify-send")
# Programs whose quoted words are patterns, and programs that take a message behind one of these options.
SEARCHED_FOR = frozenset(("grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "pgrep"))
MESSAGES = frozenset(("git", "gh", "glab", "hg", "svn", "jj", "bd"))
MESSAGE_OPTIONS = names("-m -am --message --body -b --title -t --notes --description --grep -S -G --author")
# Listing or testing a path is not reading it.
LOOKS_ONLY = names(
    "ls dir stat file test [ [[ cd pushd mkdir touch rm chmod chown basename dirname realpath readlink du df echo"
    " printf which find ln type export unset locate getfacl lsattr getcap"
)
SEARCHES = frozenset(("find", "fd", "locate", "grep", "rg", "egrep", "ag", "fgrep"))


class Profile(NamedTuple):
    effect: Effect | None
    inner: Finder | None  # finds the commands a wrapper runs
    interpreter: bool
    escapes: bool  # options of it are commands
    passive: bool  # its words are text, never commands
    looks_only: bool
    searches: bool
    quiet: bool
    loads: bool  # options of it name code
    prompts: bool  # it has a prompt of its own, or may have one, at which a shell can be asked for
    cites: bool  # some of its quoted words are only text: patterns, messages
    filters: bool  # its output may be known statically
    sources: bool  # its output is of interest to whoever reads it


@lru_cache(maxsize=4096)
def profile(program: str) -> Profile:
    effect = EFFECTS.get(program)
    if effect is None:
        effect = make_filesystem if program.startswith(("mkfs", "newfs")) else by_stem(program)
    inner, interpreter, passive = inner_finder(program), is_interpreter(program), program in escapes.PASSIVE
    known = effect or inner or interpreter or passive or program in filters.FILTERS
    return Profile(
        effect,
        inner,
        interpreter,
        bool(escapes.COMMAND_OPTIONS.get(program)) or program in escapes.FINDERS,
        passive,
        program in LOOKS_ONLY,
        program in SEARCHES,
        program in QUIET,
        program in LOADS,
        program in escapes.PROMPTS or not known,
        program in SEARCHED_FOR or program in MESSAGES,
        program in filters.FILTERS,
        program in output.SOURCES,
    )
