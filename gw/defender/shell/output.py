"""Where the output of a command comes from: the network, a decoder, a credential, a local file, this machine.

Decides nothing. Invariant: marks of the input pass through every program, so that a filter in between hides nothing.
"""

from gw.defender.shell import paths
from gw.defender.shell.draft import Draft
from gw.defender.shell.interpreters import SHELLS
from gw.defender.shell.names import names
from gw.defender.shell.stream import DECODED, FETCHED, HOST, ISSUED, LOCAL, SECRET, Stream

DECODERS = names(
    "base64 base32 basenc xxd uudecode openssl gunzip zcat bunzip2 bzcat xzcat unxz zstdcat gzip bzip2 xz rev tr"
    " base58 ascii85 uncompress zstd lz4 brotli gpg ccrypt age"
)
_OPTIONAL_DECODERS = {
    **dict.fromkeys(("base64", "base32", "basenc"), ("-d", "--decode", "-D")),
    "xxd": ("-r", "-revert"),
    **dict.fromkeys(
        ("openssl", "gpg", "age", "zstd", "lz4", "gzip", "bzip2", "xz", "brotli"), ("-d", "--decrypt", "--decompress")
    ),
}
HOST_PROGRAMS = names(
    "whoami id hostname uname env printenv ifconfig ip users who w last lscpu hostnamectl ps netstat ss getent"
    " groups arch dmidecode lsb_release logname set compgen ls"
)
_DUMPERS = names("mysqldump mariadb-dump pg_dump pg_dumpall mongodump")  # all there is, when no name is given
LOCAL_READERS = _DUMPERS | names(
    "cat tac head tail tar zip gzip base64 xxd od hexdump strings dd less more sort cut awk sed grep nl rev bzip2 xz"
    " gpg find openssl 7z cpio sqlite3 jq history"
)
SOURCES = DECODERS | HOST_PROGRAMS | LOCAL_READERS


def marks_of(draft: Draft, *, source: bool) -> int:
    """The marks of what *draft* prints; *source* says that its program is among SOURCES."""
    marks = draft.output.marks
    if draft.stdin is not None:
        marks |= draft.stdin.marks
    if "reads-service-secret" in draft.facts:
        marks |= ISSUED
    if not source:
        return marks
    program = draft.program or ""
    if program in DECODERS:
        needed = _OPTIONAL_DECODERS.get(program)
        if needed is None or draft.has(*needed):
            marks |= DECODED
    if program in HOST_PROGRAMS:
        marks |= HOST
        if program in ("env", "printenv", "set"):
            marks |= SECRET
    if program in LOCAL_READERS and (draft.reads or draft.operands or program in _DUMPERS):
        marks |= LOCAL
        if "reads-secret" in draft.facts or any(paths.is_private(p) for p in draft.reads):
            marks |= SECRET
    return marks


def feeds_interpreter(draft: Draft, stream: Stream) -> None:
    """Grade an interpreter that runs *stream*."""
    if stream.marks & FETCHED:
        draft.facts.add("executes-fetched")
        if stream.marks & DECODED and stream.text is None:
            draft.facts.add("executes-decoded")
    elif stream.marks & DECODED:
        draft.facts.add("executes-encoded")
    elif stream.text is None and draft.program in SHELLS:
        draft.facts.add("executes-input")
