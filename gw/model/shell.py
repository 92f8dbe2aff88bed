"""A shell command as the rules see it: nodes that run, with facts; made by gw.defender.shell, read by matchers.

Holds no parser and no opinion. Invariant: whatever could not be parsed or resolved appears in `signals`; it is never
silently absent.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from gw.model.decision import Span


class NodeRole(StrEnum):
    RUNS = "runs"  # this program is executed
    INLINE = "inline"  # body of `sh -c`, `python3 -c`, a here-document fed to an interpreter
    DATA = "data"  # text that is only printed, stored or searched for
    COMMENT = "comment"


class Node(NamedTuple):
    """One simple command after unwrapping (`sudo env X=1 rm -rf x` is the node `rm`, privileged)."""

    role: NodeRole
    program: str | None  # base name after unquoting and unwrapping; None when it cannot be known statically
    argv: tuple[str, ...]  # program and arguments, unquoted; unresolved expansions keep their source text
    flags: frozenset[str]  # as a set wherever they stand: {"-r", "-f", "--recursive"}; clusters are split
    operands: tuple[str, ...]  # arguments that are not flags
    span: Span  # in the whole command line
    wrappers: tuple[str, ...] = ()  # sudo, env, xargs, ... outermost first
    privileged: bool = False
    pipes_into: str | None = None  # program of the next node of its pipeline
    piped_from: str | None = None
    background: bool = False
    reads: tuple[str, ...] = ()  # paths, `$HOME` and `~` normalised to `~`
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    recursive: bool = False
    fetches: tuple[str, ...] = ()  # URLs or host names
    inline_code: str | None = None  # source text given to an interpreter
    language: str | None = None  # of inline_code: sh, python, perl, ...
    facts: frozenset[str] = frozenset()  # names of FACTS
    redirects: tuple[str, ...] = ()  # files that redirects of this command write to; also in `writes`
    assigns: tuple[str, ...] = ()  # variables set for this command alone


class CommandFacts(NamedTuple):
    nodes: tuple[Node, ...]
    signals: frozenset[str]  # names of SIGNALS
    has_list: bool = False  # any list operator, pipe, substitution, redirect: more than one simple command


# What a command may do, as far as its text tells; the words rules are written in.
FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # destruction
        "deletes-root": "recursively deletes a protected root such as / or a home folder",
        "deletes-tree": "recursively deletes a folder that is neither temporary nor a build artefact",
        "deletes-many": "deletes everything here, a list that is not known, a key, or much of a protected place",
        "deletes-mirror": "makes a copy by deleting what the source does not have",
        "changes-root": "recursively changes mode or owner of a protected root",
        "overwrites-disk": "writes to a block device or makes a file system on it",
        "edits-disk": "changes partitions, volumes or pools",
        "writes-kernel": "writes to kernel memory or switches",
        "shreds": "deletes beyond recovery",
        "encrypts-files": "encrypts files one after the other",
        "truncates": "empties a file",
        "fills-disk": "writes without an end",
        "fork-bomb": "a function that multiplies itself",
        "kills-all": "stops every process, or every process of a user",
        "exhausts": "loads the machine on purpose",
        "stops-machine": "shuts down or restarts the machine",
        "stops-service": "stops or disables a service",
        "cuts-network": "takes a network interface, a route or all traffic away",
        # version control and hosted services
        "git-discards": "throws away uncommitted or unmerged work",
        "git-overwrites-remote": "rewrites or deletes on a remote",
        "git-erases-history": "makes history unrecoverable",
        "git-redirects": "points a remote at a host that is no well-known forge",
        "git-hooks-command": "makes git run a program later",
        "service-destroys": "deletes something at a hosted service, in a cluster or by infrastructure code",
        "service-changes": "applies changes to infrastructure without asking",
        "service-grants": "gives rights, keys or public access at a hosted service",
        "database-destroys": "drops or empties tables, databases or caches",
        "container-destroys": "removes containers, images or volumes",
        "http-delete": "sends an HTTP DELETE",
        # code from elsewhere
        "executes-fetched": "runs what it has just fetched",
        "executes-decoded": "runs what it has just decoded",
        "executes-encoded": "runs what it has just decoded from a text or file of this machine",
        "executes-input": "a shell reads commands from an input that cannot be known",
        "executes-download": "runs a file saved by the same line",
        "hidden-program": "runs a program hidden among temporary files or kept in memory",
        "installs-remote": "installs a package from an address or without verification",
        "loads-library": "makes a program load a library, or a configuration that can name one, from the line",
        # shells
        "reverse-shell": "connects a shell to the network",
        "bind-shell": "offers a shell on a port",
        "shell-listener": "waits for a shell from elsewhere",
        "spawns-shell": "starts an interactive shell through another program",
        "interactive": "starts an interpreter that is then typed into",
        "serves-files": "offers files of this machine to the network",
        "shell-escape": "an ordinary program is told to run a command",
        "escapes-to-shell": "an ordinary program is told to start a shell",
        "root-shell": "starts an interactive shell with other rights",
        "code-spawns": "inline code starts programs",
        "code-network": "inline code sends, or talks to the network over a socket",
        "code-fetches": "inline code fetches an address",
        "raw-network": "talks to the network through /dev/tcp",
        "sends-raw": "sends a file or its input over a bare connection",
        "code-setuid": "inline code changes the user id",
        "listens": "waits for connections",
        "tunnels": "opens a tunnel through the network boundary",
        # privilege
        "setuid": "gives a file the rights of its owner, or capabilities",
        "copies-shell": "copies or links a shell binary",
        "opens-access": "opens system files to other users",
        "locks-files": "makes files immutable, or mutable again",
        "binds-mount": "mounts over, or remounts with fewer protections",
        "changes-times": "sets file times, or the clock, by hand",
        "edits-sudoers": "changes who may become root",
        "adds-root-user": "gives an account root's rights",
        "joins-group": "adds an account to a group through which root can be reached",
        "creates-account": "creates an account",
        "changes-account": "changes an account or a group",
        "deletes-account": "deletes an account",
        "changes-password": "sets a password",
        "changes-accounts-file": "writes to the account files directly",
        "probes-privilege": "asks what may be run as root",
        "searches-privilege": "searches for files that give root rights",
        "container-escape": "gives a container the rights of the machine",
        "mounts-host": "mounts system folders of the machine into a container",
        "attaches-process": "attaches to or dumps a running process",
        # persistence
        "schedules": "installs a scheduled job",
        "deletes-schedule": "removes the scheduled jobs",
        "installs-service": "enables a service or unit",
        "installs-hook": "makes a program run at every shell",
        "writes-startup": "writes to a file that starts programs",
        "writes-system": "writes to a system folder",
        "loads-module": "loads or unloads a kernel module",
        "preloads": "makes programs load a library first",
        "hijacks-path": "lets programs, or code they look for, come from where anybody may write",
        "installs-local": "installs a package file, whose scripts run as root",
        "skips-approval": "switches off checks or questions of another tool",
        "removes-system-package": "removes a package the machine needs",
        # secrets and exfiltration
        "reads-secret": "reads a file where credentials live",
        "reads-service-secret": "asks a service for a credential",
        "reads-metadata": "asks the cloud's metadata service",
        "reads-private": "reads a file that often holds credentials",
        "searches-secret": "searches the machine for credentials",
        "dumps-environment": "prints every environment variable",
        "sends-secret": "sends a credential or its file over the network",
        "sends-file": "uploads a local file",
        "sends-host": "sends what it found out about this machine",
        "sends-input": "sends its input over the network",
        "copies-out": "copies files to another machine or bucket",
        "drop-site": "talks to a service made for collecting or sharing anonymously",
        # defence
        "clears-history": "clears or disables the shell's history",
        "wipes-logs": "deletes or empties logs",
        "disables-guard": "stops a firewall, auditing or another guard",
        "tampers-guard": "changes the files of the agent's own guards",
        "steers-agent": "changes what an agent is told, which servers it uses or what it may do without asking",
        "captures": "records traffic, keys, the screen or the microphone",
        "scans-network": "scans a network",
        "plants-web-shell": "writes a page that runs what its visitors send",
        "makes-payload": "builds a program that gives somebody a shell",
        "attack-tool": "a tool whose purpose is attack",
        "mines": "mines crypto-currency",
    }
)

# What was not understood about a line.
SIGNALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shell.unparsed": "not a complete shell command",
        "shell.unparsed-inner": "a text handed to a shell is not a complete shell command",
        "shell.unresolved-program": "the program's name depends on something that is not on the line",
        "shell.obscured": "written so that its words cannot be read off the line",
        "shell.pattern-program": "the program's name is a pattern",
        "shell.too-long": "longer than is analysed",
        "shell.too-deep": "nested deeper than is analysed",
    }
)
