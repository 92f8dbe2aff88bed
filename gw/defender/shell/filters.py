"""The few programs whose output is a pure function of arguments and input: echo, printf, base64, rev, tr, ...

Runs nothing and reads no file. Invariant: bounded output (64 KiB), and None whenever the real program might print
something else.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence

from gw.defender.shell.lexer import decode_ansi

MAX_OUTPUT = 64 * 1024

_PRINTF = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?([sdiuxXobcq]))")
_RANGE = re.compile(r"(.)-(.)", re.S)
_CLASSES = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\v\f",
}

Filter = Callable[[Sequence[str], str | None], str | None]


def _flags(args: Sequence[str]) -> str:
    return "".join(a[1:] for a in args if a.startswith("-") and not a.startswith("--"))


def echo(args: Sequence[str], _stdin: str | None) -> str | None:
    index, escapes, newline = 0, False, True
    while index < len(args) and re.fullmatch(r"-[neE]+", args[index][:8]):
        newline = newline and "n" not in args[index]
        escapes = escapes or "e" in args[index]
        index += 1
    text = " ".join(args[index:])
    if escapes:
        text = decode_ansi(text)
    return text + "\n" if newline else text


def printf(args: Sequence[str], _stdin: str | None) -> str | None:
    ended = args[:1] == ["--"]
    args = args[1:] if ended else args
    if not args or (args[0].startswith("-") and not ended):
        return None
    layout, values = decode_ansi(args[0]), list(args[1:])
    slots = sum(1 for m in _PRINTF.finditer(layout) if m.group(1))

    def one(found: re.Match[str]) -> str:
        kind = found.group(1)
        if kind is None:
            return "%"
        value = values.pop(0) if values else ""
        if kind == "b":
            return decode_ansi(value)
        if kind == "c":
            return value[:1]
        if kind in "di" and not value:
            return "0"
        return value

    out = [_PRINTF.sub(one, layout)]
    rounds = 0
    while values and slots and rounds < 256:
        out.append(_PRINTF.sub(one, layout))
        rounds += 1
    return "".join(out)


def cat(args: Sequence[str], stdin: str | None) -> str | None:
    return stdin if all(a in ("-", "/dev/stdin", "-u") for a in args) else None


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def base64_filter(args: Sequence[str], stdin: str | None) -> str | None:
    if stdin is None:
        return None
    if any(a in ("--decode", "-D") for a in args) or "d" in _flags(args):
        body = re.sub(r"[^A-Za-z0-9+/_-]", "", stdin)
        try:
            return _decoded(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_" if "_" in body else None))
        except (binascii.Error, ValueError):
            return None
    return base64.b64encode(stdin.encode()).decode() + "\n"


def openssl(args: Sequence[str], stdin: str | None) -> str | None:
    """Only `openssl base64 -d` and `openssl enc -base64 -d`, which need no key."""
    plain = args[:1] == ["base64"] or (args[:1] == ["enc"] and {"-a", "-base64"} & {*args})
    known = {"base64", "enc", "-a", "-base64", "-d", "-e", "-A"}
    return base64_filter([a for a in args if a == "-d"], stdin) if plain and known.issuperset(args) else None


def base32_filter(args: Sequence[str], stdin: str | None) -> str | None:
    if stdin is None or not ("--decode" in args or "d" in _flags(args)):
        return None
    body = "".join(stdin.split()).rstrip("=").upper()
    try:
        return _decoded(base64.b32decode(body + "=" * (-len(body) % 8)))
    except (binascii.Error, ValueError):
        return None


def xxd(args: Sequence[str], stdin: str | None) -> str | None:
    if stdin is None or "r" not in _flags(args):
        return None
    digits = re.sub(r"[^0-9A-Fa-f]", "", stdin.replace("0x", ""))
    return _decoded(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def rev(_args: Sequence[str], stdin: str | None) -> str | None:
    if stdin is None:
        return None
    return "".join(line[::-1] + "\n" for line in stdin.splitlines())


def _set(spec: str) -> str:
    for name, members in _CLASSES.items():
        spec = spec.replace(name, members)
    if spec.startswith("[") and spec.endswith("]") and len(spec) > 2:
        spec = spec[1:-1]

    def span(found: re.Match[str]) -> str:
        first, last = ord(found.group(1)), ord(found.group(2))
        return "".join(map(chr, range(first, min(last, first + 256) + 1)))

    return _RANGE.sub(span, decode_ansi(spec))


def tr(args: Sequence[str], stdin: str | None) -> str | None:
    if stdin is None:
        return None
    operands = [a for a in args if not a.startswith("-") or len(a) == 1]
    flags = _flags(args)
    if ("d" in flags or "--delete" in args) and operands:
        gone = frozenset(_set(operands[0]))
        return "".join(c for c in stdin if c not in gone)
    if flags or len(operands) != 2:
        return None
    old, new = _set(operands[0]), _set(operands[1])
    if not new:
        return None
    return stdin.translate({ord(c): new[min(i, len(new) - 1)] for i, c in enumerate(old)})


_SED = re.compile(r"s(.)((?:(?!\1)[^\\.*\[\]^$])*)\1((?:(?!\1)[^\\&])*)\1(g?)", re.S)


def sed(args: Sequence[str], stdin: str | None) -> str | None:
    """Only `s/literal/literal/[g]`."""
    operands = [a for a in args if not a.startswith("-")]
    if stdin is None or len(operands) != 1 or _flags(args) not in ("", "e"):
        return None
    found = _SED.fullmatch(operands[0][:1024])
    if found is None or not found.group(2):
        return None
    return stdin.replace(found.group(2), found.group(3), -1 if found.group(4) else 1)


def cut(args: Sequence[str], stdin: str | None) -> str | None:
    found = re.fullmatch(r"-c ?(\d+)-(\d*)|-c ?(\d+)", " ".join(args)[:64])
    if stdin is None or found is None:
        return None
    first, last, only = found.groups()
    start = int(only or first) - 1
    end = start + 1 if only else int(last) if last else None
    return "".join(line[start:end] + "\n" for line in stdin.splitlines())


def rot13(_args: Sequence[str], stdin: str | None) -> str | None:
    return tr(["A-Za-z", "N-ZA-Mn-za-m"], stdin)


def head(args: Sequence[str], stdin: str | None) -> str | None:
    found = re.fullmatch(r"-n ?(\d{1,4})|-(\d{1,4})", " ".join(args)[:16]) if args else None
    if stdin is None or (args and found is None):
        return None
    count = int(found.group(1) or found.group(2)) if found else 10
    return "".join(line + "\n" for line in stdin.splitlines()[:count])


def which(args: Sequence[str], _stdin: str | None) -> str | None:
    """`which sh` prints a path that ends in the name."""
    names = [a for a in args if not a.startswith("-")]
    return f"/usr/bin/{names[0]}\n" if len(names) == 1 and names[0].isidentifier() else None


def mktemp(args: Sequence[str], _stdin: str | None) -> str | None:
    """A new name under the temporary folder; None when the folder is another one."""
    operands = [a for a in args if not a.startswith("-")]
    if any(a.startswith(("-p", "--tmpdir=")) for a in args) or len(operands) > 1:
        return None
    name = operands[0] if operands else "tmp.XXXXXXXXXX"
    return name + "\n" if "/" in name else f"/tmp/{name}\n"  # noqa: S108  a name, not a file we open


def basename(args: Sequence[str], _stdin: str | None) -> str | None:
    """Of one path, with or without an ending to take off."""
    if not 0 < len(args) < 3 or args[0].startswith("-"):
        return None
    name = args[0].rstrip("/").rpartition("/")[2] or "/"
    return (name.removesuffix(args[1]) if len(args) == 2 and name != args[1] else name) + "\n"


def dirname(args: Sequence[str], _stdin: str | None) -> str | None:
    if len(args) != 1 or args[0].startswith("-"):
        return None
    path = args[0].rstrip("/")
    folder, slash, _ = path.rpartition("/")
    return (folder.rstrip("/") or ("/" if slash or not path else ".")) + "\n"


FILTERS: dict[str, Filter] = {
    "echo": echo,
    "printf": printf,
    "cat": cat,
    "tee": lambda _args, stdin: stdin,
    "base64": base64_filter,
    "base32": base32_filter,
    "openssl": openssl,
    "xxd": xxd,
    "rev": rev,
    "tr": tr,
    "sed": sed,
    "cut": cut,
    "rot13": rot13,
    "head": head,
    "which": which,
    "dd": lambda args, stdin: None if any(a.startswith("if=") for a in args) else stdin,
    "sponge": lambda _args, stdin: stdin,
    "mktemp": mktemp,
    "basename": basename,
    "dirname": dirname,
}


def evaluate(program: str, args: Sequence[str], stdin: str | None) -> str | None:
    """Return what *program* prints, or None when that is not known for certain."""
    run = FILTERS.get(program)
    if run is None:
        return None
    try:
        text = run(args, stdin)
    except (ValueError, IndexError, OverflowError):
        return None
    return None if text is None else text[:MAX_OUTPUT]
