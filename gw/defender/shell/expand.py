"""Static expansion of words: assignments seen so far, slices, defaults, braces, known variables.

Asks the walker for the output of substitutions and knows nothing of programs. Invariant: bounded (64 fields a word,
16 KiB a field), and what cannot be known keeps its source text and carries UNRESOLVED.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import pairwise

from gw.defender.shell.ast import Assign, Opaque, Param, Part, Subst, Text, Word
from gw.defender.shell.stream import EXPANDED, GLOB, UNKNOWN, UNRESOLVED, Field, Stream

MAX_FIELDS = 64
MAX_FIELD_CHARS = 16 * 1024
MAX_STRIPPED = 256  # characters of a value in which `${a##pattern}` is looked for
MAX_ALTERNATIVES = 1024  # of all braces of a line
MAX_BRACE_CHARS = 512  # of a word whose braces are expanded

# What every ordinary login has; slices of these spell out slashes and letters.
WELL_KNOWN = {
    "IFS": " \t\n",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/bash",
    "BASH": "/bin/bash",
    "TMPDIR": "/tmp",  # noqa: S108  a value, not a file we open
    "0": "bash",
    "OSTYPE": "linux-gnu",
    "SHELLOPTS": "braceexpand:emacs:hashall:histexpand:history:interactive-comments:monitor",
}
_HOME_FOR_SLICES = "/home/user"

_INTEGER = re.compile(r"\s*(-?\d{1,6})\s*")
_SEQUENCE = re.compile(r"(-?\d{1,6}|[A-Za-z])\.\.(-?\d{1,6}|[A-Za-z])")


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern[:128]))


class Expander:
    """Holds the variables of one line; the walker feeds assignments in the order they would run."""

    positional: list[str] | None = None
    obscured = False  # a word was put together in a way that has no honest use
    cut = False  # a word became more words, or longer ones, than are followed
    _braces = MAX_ALTERNATIVES

    def __init__(self, cwd: str | None) -> None:
        self.variables: dict[str, Stream] = {}
        self.arrays: dict[str, list[Field]] = {}
        self.cwd = cwd

    def substitute(self, part: Subst) -> Stream:
        """What stands for a substitution; the walker knows, by walking it."""
        raise NotImplementedError

    # --- assignments --------------------------------------------------------------------------------------------------

    def assign(self, assign: Assign) -> Stream:
        """Record one assignment and return its value."""
        if assign.value is None:
            self.arrays[assign.name] = self._items(assign)
            return UNKNOWN
        value = self.value(assign.value)
        if assign.append and assign.name in self.variables:
            old = self.variables[assign.name]
            text = None if old.text is None or value.text is None else (old.text + value.text)[:MAX_FIELD_CHARS]
            value = Stream(text, old.marks | value.marks)
        self.variables[assign.name] = value
        return value

    def _items(self, assign: Assign) -> list[Field]:
        """The elements of an array: no more of them, and no more text, than one word may become."""
        items = list(self.arrays.get(assign.name, ())) if assign.append else []
        size = sum(len(item.text) for item in items)
        for word in assign.items:
            for field in self.fields(word):
                size += len(field.text)
                if len(items) >= MAX_FIELDS or size > MAX_FIELD_CHARS:
                    self.cut = True
                    return items
                items.append(field)
        return items

    def value(self, word: Word) -> Stream:
        """Expand without splitting, as in an assignment or a here-document."""
        if word.literal is not None:
            return Stream(word.literal)
        text: list[str] = []
        marks = size = 0
        for part in word.parts:
            if size > MAX_FIELD_CHARS:
                break
            stream = self._part(part)
            size += len(stream.text or "")
            marks |= stream.marks
            if stream.text is None:
                marks |= UNRESOLVED
                text.append(_source(part))
            else:
                text.append(stream.text)
        return Stream("".join(text)[:MAX_FIELD_CHARS], marks)

    # --- words --------------------------------------------------------------------------------------------------------

    def fields(self, word: Word, *, program: bool = False) -> list[Field]:
        """Expand one word to its fields; in *program* position unset parts vanish, as they would when run."""
        if word.literal is not None:
            return [Field(word.literal, GLOB if word.glob else 0)]
        fields: list[Field] = []
        choices = braces(word.parts) if self._braces > 0 else [word.parts]
        if len(choices) > 1:
            self._braces -= len(choices)
            self.obscured = self.obscured or self._braces <= 0
        if program and len(choices) > 1:
            self.obscured = True  # `{rm,-rf,x}`
        for parts in choices:
            self._split(parts, program, fields)
            if len(fields) >= MAX_FIELDS:
                break
        if word.glob:
            fields = [Field(t, m | GLOB) if any(c in t for c in "*?[") else Field(t, m) for t, m in fields]
        if len(fields) > MAX_FIELDS:
            self.cut = True
            return fields[:MAX_FIELDS]
        return fields

    def _split(self, parts: Sequence[Part], program: bool, out: list[Field]) -> None:
        current, marks, keep = "", 0, False
        bare = "".join(p.text for p in parts if type(p) is Text) if program else ""
        if len(parts) > 1 and not self.obscured:
            self.obscured = _is_obscured(parts, program)
        for part in parts:
            if len(current) > MAX_FIELD_CHARS or len(out) > MAX_FIELDS:
                break
            if type(part) is Text:
                current += part.text
                keep = keep or part.quoted
                continue
            if type(part) is Param and part.name[-1] in "@*]" and (many := self._all(part)) is not None:
                for i, item in enumerate(many):
                    if i:
                        out.append(Field(current, marks))
                        current, marks = "", 0
                    current, marks = current + item.text, marks | item.marks
                continue
            stream = self._part(part)
            marks |= stream.marks
            quoted = getattr(part, "quoted", True)
            if not quoted and stream.text and "IFS" in self.variables:
                stream = self._separated(stream)
            if stream.text is None:
                if bare.strip("/.-_") and type(part) is Param:
                    continue  # `r$@m`, `$JAVA_HOME/bin/java`
                marks |= UNRESOLVED
                current += _source(part)
                keep = True
                continue
            if quoted or not (" " in stream.text or "\n" in stream.text or "\t" in stream.text):
                current += stream.text
                keep = keep or quoted
                continue
            pieces = stream.text.split()
            if stream.text[0] in " \t\n" and current:
                out.append(Field(current[:MAX_FIELD_CHARS], marks))
                current = ""
            for piece in pieces[:-1][:MAX_FIELDS]:
                out.append(Field((current + piece)[:MAX_FIELD_CHARS], marks))
                current = ""
            if pieces:
                current += pieces[-1]
            if stream.text[-1] in " \t\n" and current:
                out.append(Field(current[:MAX_FIELD_CHARS], marks))
                current, keep = "", False
        if current or keep:
            out.append(Field(current[:MAX_FIELD_CHARS], marks))

    def _separated(self, stream: Stream) -> Stream:
        """The text with the separators that `IFS=` chose turned into blanks."""
        separators = self.variables["IFS"].text or ""
        return Stream((stream.text or "").translate(dict.fromkeys(map(ord, separators[:16]), " ")), stream.marks)

    def _all(self, part: Param) -> list[Field] | None:
        """`$@` and `${name[@]}`: as many words as there are items."""
        name, bracket, index = part.name.partition("[")
        if bracket:
            return self.arrays.get(name) if index in ("@]", "*]") and not part.op else None
        if self.positional is not None:
            return [Field(p, EXPANDED) for p in self.positional[1 : MAX_FIELDS + 2]]
        return None

    def _part(self, part: Part) -> Stream:
        if type(part) is Text:
            return Stream(part.text)
        if type(part) is Param:
            return self.param(part)
        if type(part) is Subst:
            return self.substitute(part)
        return UNKNOWN

    # --- parameters ---------------------------------------------------------------------------------------------------

    def lookup(self, name: str) -> Stream:
        if name in self.variables:
            stream = self.variables[name]
            return Stream(stream.text, stream.marks | EXPANDED)
        if name.isdigit() and self.positional is not None:
            index = int(name)
            return Stream(self.positional[index] if index < len(self.positional) else "", EXPANDED)
        name, bracket, which = name.partition("[")
        if items := self.arrays.get(name):
            if bracket and which[:-1].isdigit():
                item = items[int(which[:-1][:6]) :][:1] or [Field("")]
                return Stream(item[0].text, EXPANDED | item[0].marks)
            return Stream(" ".join(f.text for f in items), EXPANDED | items[0].marks)
        if name == "HOME":
            return Stream("~")
        if name == "PWD":
            return Stream(self.cwd or ".")
        text = WELL_KNOWN.get(name)
        return UNKNOWN if text is None else Stream(text, EXPANDED)

    def param(self, part: Param) -> Stream:
        stream = self.lookup(part.name)
        if not part.op:
            return stream
        arg = self.value(part.arg) if part.arg is not None else Stream("")
        if part.op in (":-", "-", ":=", "="):
            if stream.text:
                return stream
            if "=" in part.op:
                self.variables[part.name] = arg
            return Stream(arg.text, arg.marks | EXPANDED)
        if part.op in (":+", "+"):
            return Stream(arg.text, arg.marks | EXPANDED) if stream.text else Stream("")
        if stream.text is None or arg.text is None:
            return stream
        text = _HOME_FOR_SLICES if part.name == "HOME" and stream.text == "~" else stream.text
        if part.op == ":" and part.name not in self.variables and not part.name.isdigit():
            self.obscured = True  # `${PATH:0:1}` spells a slash
        if part.op == "!":
            return self.lookup(text) if text else UNKNOWN
        return Stream(_operate(part.op, text, arg.text), stream.marks | arg.marks | EXPANDED)


def _is_obscured(parts: Sequence[Part], program: bool) -> bool:
    """`cat${IFS}x`, `r$@m`, `who$(echo am)i`: expansions inside a word that only hide it."""
    lettered = program and any(type(p) is Text and p.text.isalnum() for p in parts)
    for part in parts:
        if type(part) is Param and not part.quoted and not part.op:
            if part.name == "IFS" or (part.name in "@*" and lettered):
                return True
        elif type(part) is Subst and lettered and part.kind == "$":
            return True
    return False


def _operate(op: str, text: str, arg: str) -> str:
    if op == "#len":
        return str(len(text))
    if op == ":":
        numbers = [int(m.group(1)) if (m := _INTEGER.fullmatch(n[:12])) else 0 for n in arg.split(":", 1)]
        start = numbers[0]
        start = max(0, len(text) + start) if start < 0 else start
        if len(numbers) == 1:
            return text[start:]
        return text[start : numbers[1]] if numbers[1] < 0 else text[start : start + numbers[1]]
    if op in ("^^", "^"):
        return text.upper() if op == "^^" else text[:1].upper() + text[1:]
    if op in (",,", ","):
        return text.lower() if op == ",," else text[:1].lower() + text[1:]
    if op in ("/", "//"):
        pattern, _, replacement = arg.partition("/")
        return text.replace(pattern, replacement, -1 if op == "//" else 1) if pattern else text
    if op in ("#", "##", "%", "%%"):
        return _strip(op, text[:MAX_STRIPPED], arg) + text[MAX_STRIPPED:]
    return text


def _strip(op: str, text: str, pattern: str) -> str:
    """Remove the shortest (# %) or longest (## %%) matching prefix or suffix."""
    match = _glob(pattern).match
    lengths = range(len(text) + 1)
    order = lengths if len(op) == 1 else reversed(lengths)
    for length in order:
        if op[0] == "#" and match(text[:length]):
            return text[length:]
        if op[0] == "%" and match(text[len(text) - length :]):
            return text[: len(text) - length]
    return text


def _source(part: Part) -> str:
    return part.text if isinstance(part, Text) else part.source


# --- braces -----------------------------------------------------------------------------------------------------------

Atom = str | Param | Subst | Opaque


def braces(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """Return the alternatives of `{a,b}` and `{1..3}` among unquoted text, at most MAX_FIELDS of them."""
    for part in parts:
        if type(part) is Text and not part.quoted and "{" in part.text:
            break
    else:
        return [parts]
    atoms: list[Part] = []
    for part in parts:
        if type(part) is Text and not part.quoted:
            atoms.extend(Text(c, False) for c in part.text[:MAX_BRACE_CHARS])
        else:
            atoms.append(part)
    if len(atoms) > MAX_BRACE_CHARS:
        return [parts]
    done: list[Sequence[Part]] = []
    pending = [atoms]
    steps = 0
    while pending and len(done) < MAX_FIELDS and steps < 2 * MAX_FIELDS:
        steps += 1
        current = pending.pop(0)
        alternatives = _first_brace(current)
        if alternatives is None:
            done.append(_merged(current))
        else:
            pending = alternatives[:MAX_FIELDS] + pending
    return done


def _first_brace(atoms: list[Part]) -> list[list[Part]] | None:
    opened = [i for i, a in enumerate(atoms) if a == Text("{", False)]
    for start in opened[:8]:
        level, commas = 0, [start]
        for i in range(start, len(atoms)):
            atom = atoms[i]
            if type(atom) is not Text or atom.quoted:
                continue
            if atom.text == "{":
                level += 1
            elif atom.text == "," and level == 1:
                commas.append(i)
            elif atom.text == "}":
                level -= 1
                if level == 0:
                    inner = _alternatives(atoms, [*commas, i])
                    if inner is None:
                        break
                    return [[*atoms[:start], *choice, *atoms[i + 1 :]] for choice in inner]
    return None


def _alternatives(atoms: list[Part], marks: list[int]) -> list[list[Part]] | None:
    if len(marks) > 2:
        return [atoms[a + 1 : b] for a, b in pairwise(marks)]
    inner = "".join(a.text if isinstance(a, Text) else "\0" for a in atoms[marks[0] + 1 : marks[1]])
    found = _SEQUENCE.fullmatch(inner[:16])
    if found is None:
        return None
    first, last = found.groups()
    if first.lstrip("-").isdigit() != last.lstrip("-").isdigit():
        return None
    numeric = first.lstrip("-").isdigit()
    low, high = (int(first), int(last)) if numeric else (ord(first), ord(last))
    step = 1 if high >= low else -1
    values = list(range(low, high + step, step)[:MAX_FIELDS])
    return [[Text(str(v) if numeric else chr(v), False)] for v in values]


def _merged(atoms: Sequence[Part]) -> list[Part]:
    merged: list[Part] = []
    for atom in atoms:
        if merged and type(atom) is Text and type(merged[-1]) is Text and merged[-1].quoted == atom.quoted:
            merged[-1] = Text(merged[-1].text + atom.text, atom.quoted)
        else:
            merged.append(atom)
    return merged
