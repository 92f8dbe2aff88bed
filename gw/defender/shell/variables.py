"""Variables that are commands, options or code to the programs that read them: PAGER, GIT_SSH_COMMAND, TAR_OPTIONS.

Knows no syntax. Invariant: a variable that only names a program for text (`EDITOR=vim`) is told apart by its value.
"""

import re

_COMMAND_VARIABLE = re.compile(
    r"(?:PAGER|EDITOR|VISUAL|BROWSER|ASKPASS|_COMMAND|_CMD|LESSOPEN|LESSCLOSE|_RSH|_SSH|RSYNC_RSH|GIT_EXTERNAL_DIFF"
    r"|SHELL|TEXEDIT|PERL5DB|PYTHONSTARTUP|_WRAPPER|_OPENER|AUTOM4TE|_BIN|RUBYOPT|PERL5OPT|_SHELL|_PROGRAM"
    r"|_HELPER|_HOOK|TERMINAL|_EXEC|_RUNNER|_LINKER|RUSTC|GIT_CONFIG_VALUE_\d)$"
)
# Variables in which programs look for more options, or for code: what that would be on their command line.
_OPTION_VARIABLES = {
    **dict.fromkeys(("CC", "CXX", "CPP", "LD", "AS", "AR", "HOSTCC", "FC"), "{}"),
    "TAR_OPTIONS": "tar {}",
    "ZIPOPT": "zip {}",
    "MANOPT": "man {}",
    "GOFLAGS": "go build {}",
    "LESS": "less {}",
    "FZF_DEFAULT_OPTS": "fzf {}",
    "ERL_FLAGS": "erl {}",
    "ELIXIR_ERL_OPTIONS": "erl {}",
    **dict.fromkeys(("MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS", "JAVA_OPTS", "CATALINA_OPTS", "JVM_OPTS"), "java {}"),
    "LUA_INIT": "lua -e '{}'",
    "PERL5DB": "perl -e '{}'",
    "VIMINIT": "vim -c '{}'",
    "EXINIT": "ex -c '{}'",
    "PS4": ': "{}"',  # expanded in front of every line that is traced
}


def is_command_variable(name: str) -> bool:
    """Variables whose value some program runs: PAGER, EDITOR, GIT_SSH_COMMAND, LESSOPEN, ..."""
    return name != "PROMPT_COMMAND" and _COMMAND_VARIABLE.search(name[:64]) is not None


def as_line(name: str, value: str) -> str | None:
    """The command line that says what the variable says: `TAR_OPTIONS=-v` is `tar -v`; None for other variables."""
    line = _OPTION_VARIABLES.get(name)
    if line is None:
        return value[2:].strip() if value.startswith("() {") else None  # a function, and what stands behind it
    return line.format(value.replace("'", "'\\''") if line.endswith("'") else value)
