"""Words of a shell line: quoting, escapes, expansions, substitutions.

Knows words only; what a sequence of them means is the parser's business, which it calls for the inside of `$( )`.
Invariant: each method consumes at least one character or none and says so, so that scanning ends; constant patterns
look at windows of 1 KiB.
"""

import re
from typing import TYPE_CHECKING

from gw.defender.shell.ast import Opaque, Param, Part, Subst, Text, Word, made

if TYPE_CHECKING:
    from gw.defender.shell.ast import Script

WINDOW = 1024
MAX_DEPTH = 24  # nested substitutions and compounds; people write three

_ORDINARY = re.compile(r"[^ \t\n'\"$`\\|&;()<>]+").match
_DOUBLE = re.compile(r"[^\"$`\\]+").match
_HERE = re.compile(r"[^$`\\]+").match
_BLANKS = re.compile(r"(?:[ \t]|\\\n)+").match
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]").match
_PLAIN_PARAM = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])\}").match
_PARAM_OP = re.compile(r":[-=+?]|:|##?|%%?|//?|\^\^?|,,?|@|[-=+?]").match
_ANSI = re.compile(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|c(.))"
)
# Arithmetic has operators between its words. `((reboot))` and `$((ls /tmp))` run a command in shells without arithmetic
# commands, so they are read as the subshells they are there.
_COMMAND_LIKE = re.compile(r".*[\w./]\s+[A-Za-z./~]|[\s\w./~-]*[A-Za-z][\s\w./~-]*\Z", re.S).match
# Letters, digits and slashes need no escape; colours and control characters do.
PRINTABLE_ESCAPE = re.compile(
    r"\\(?:x[2-7][0-9A-Fa-f](?![0-9A-Fa-f])|1[0-7]{2}|0?[45-7][0-7](?![0-7])|u00[2-7][0-9A-Fa-f])"
)

BREAK = frozenset(" \t\n|&;()<>")
BLANK = (" ", "\t", "\\\n")
_ANSI_LETTERS = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip


class TooDeepError(Exception):
    """Nesting beyond MAX_DEPTH; the line is judged as unparsed."""


def decode_ansi(body: str) -> str:
    """Resolve the escapes of `$'...'`, which are also those of `printf` and `echo -e`."""

    def one(found: re.Match[str]) -> str:
        letter, octal, *hexes, control = found.groups()
        if letter is not None:
            return _ANSI_LETTERS[letter]
        if control is not None:
            return chr(ord(control) & 0x1F)
        value = int(octal, 8) if octal else int(next(h for h in hexes if h), 16)
        return chr(value) if value < 0x110000 else "\ufffd"

    return _ANSI.sub(one, body)


class Lexer:
    """A cursor over one text; the parser extends it."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text = text
        self.size = len(text)
        self.pos = 0
        self.depth = depth
        self.broken = False  # something was not closed or not grammatical
        self.obscured = False  # ordinary characters are written as escapes

    def script_until(self, closer: str) -> "Script":
        raise NotImplementedError

    def nested(self, text: str) -> "Script":
        raise NotImplementedError

    def skip_blanks(self) -> None:
        text, pos = self.text, self.pos
        while text.startswith(BLANK, pos):
            found = _BLANKS(text, pos, pos + WINDOW)
            assert found is not None  # one of them stands there
            self.pos = pos = found.end()

    def word(self) -> Word | None:
        """Scan one word at the cursor, or return None when an operator or the end stands there."""
        text, start = self.text, self.pos
        found = _ORDINARY(text, start, start + WINDOW)
        if found is not None:
            end = found.end()
            if end == self.size or text[end] in BREAK:
                if end < self.size and text[end] in "<>" and text[end + 1 : end + 2] == "(":
                    return self._compose(start)
                self.pos = end
                literal = found.group()
                if "{" in literal and ("," in literal or ".." in literal):
                    return Word(start, end, None, (Text(literal, False),), True)
                return made(Word, (start, end, literal, (), "*" in literal or "?" in literal or "[" in literal, False))
        return self._compose(start)

    def _compose(self, start: int) -> Word | None:
        parts: list[Part] = []
        text, size = self.text, self.size
        while self.pos < size:
            char = text[self.pos]
            if char in BREAK:
                if char in "<>" and text[self.pos + 1 : self.pos + 2] == "(":
                    self._process(parts, char)
                    continue
                break
            if char == "'":
                self._single(parts)
            elif char == '"':
                self.pos += 1
                self._double(parts)
            elif char == "\\":
                self._escape(parts)
            elif char == "$":
                self._dollar(parts, quoted=False)
            elif char == "`":
                self._backquote(parts, quoted=False)
            else:
                found = _ORDINARY(text, self.pos, self.pos + WINDOW)
                assert found is not None  # every other character is ordinary
                parts.append(Text(found.group(), False))
                self.pos = found.end()
        if self.pos == start:
            return None
        return self._finish(start, parts)

    def _finish(self, start: int, parts: list[Part]) -> Word:
        texts: list[str] = []
        bare = ""
        quoted = False
        for part in parts:
            if type(part) is Text:
                text, is_quoted = part
                texts.append(text)
                if not is_quoted:
                    bare += text
                    continue
            quoted = True
        glob = bool(bare) and ("*" in bare or "?" in bare or "[" in bare)
        braces = "{" in bare and ("," in bare or ".." in bare)
        if not braces and len(texts) == len(parts):
            return Word(start, self.pos, "".join(texts), (), glob, quoted or len(parts) != 1)
        return Word(start, self.pos, None, tuple(parts), glob, quoted)

    def _single(self, parts: list[Part]) -> None:
        end = self.text.find("'", self.pos + 1)
        if end < 0:
            self.broken, end = True, self.size
        parts.append(Text(self.text[self.pos + 1 : end], True))
        self.pos = min(end + 1, self.size)

    def _escape(self, parts: list[Part]) -> None:
        following = self.text[self.pos + 1 : self.pos + 2]
        if following != "\n":
            parts.append(Text(following, True))
        self.pos = min(self.pos + 2, self.size)

    def _double(self, parts: list[Part], closer: str = '"') -> None:
        """Scan from after the opening quote to after the closing one; with closer "" to the end (here-documents)."""
        text, size = self.text, self.size
        run = _DOUBLE if closer else _HERE
        parts.append(Text("", True))
        while self.pos < size:
            char = text[self.pos]
            if char == closer:
                self.pos += 1
                return
            if char == "\\":
                following = text[self.pos + 1 : self.pos + 2]
                if following != "\n":
                    parts.append(Text(following if following in '$`"\\' else "\\" + following, True))
                self.pos = min(self.pos + 2, size)
            elif char == "$":
                self._dollar(parts, quoted=True)
            elif char == "`":
                self._backquote(parts, quoted=True)
            else:
                found = run(text, self.pos, self.pos + WINDOW)
                assert found is not None  # the other characters were handled above
                parts.append(Text(found.group(), True))
                self.pos = found.end()
        if closer:
            self.broken = True

    def here_body(self) -> Word:
        """Read the whole text as the body of a here-document with expansions."""
        parts: list[Part] = []
        self._double(parts, "")
        return self._finish(0, parts)

    def _dollar(self, parts: list[Part], *, quoted: bool) -> None:
        text, start = self.text, self.pos
        following = text[start + 1 : start + 2]
        if following == "(":
            self._substitution(parts, quoted)
        elif following == "{":
            self._braced(parts, quoted)
        elif following == "'" and not quoted:
            self._ansi(parts)
        elif following == '"' and not quoted:
            self.pos += 2
            self._double(parts)
        elif following == "[":
            end = text.find("]", start)
            self.pos = self.size if end < 0 else end + 1
            parts.append(Opaque(text[start : self.pos]))
        elif found := _NAME(text, start + 1, start + WINDOW):
            self.pos = found.end()
            parts.append(Param(found.group(), "", None, quoted, text[start : self.pos]))
        else:
            self.pos += 1
            parts.append(Text("$", quoted))

    def _ansi(self, parts: list[Part]) -> None:
        start = self.pos + 2
        end = start
        while (end := self.text.find("'", end)) >= 0:
            backslashes = end - len(self.text[start:end].rstrip("\\")) - start
            if backslashes % 2 == 0:
                break
            end += 1
        if end < 0:
            self.broken, end = True, self.size
        body = self.text[start:end]
        if len(PRINTABLE_ESCAPE.findall(body, 0, WINDOW)) > 1:
            self.obscured = True
        parts.append(Text(decode_ansi(body), True))
        self.pos = min(end + 1, self.size)

    def _substitution(self, parts: list[Part], quoted: bool) -> None:
        text, start = self.text, self.pos
        if text[start + 2 : start + 3] == "(":
            end = self.arithmetic_end(start + 1)
            if end:
                self.pos = end
                self._arithmetic(parts, start, end, quoted)
                return
        self.pos = start + 2
        script = self._enter(")")
        parts.append(Subst(script, "$", quoted, text[start : self.pos]))

    def _arithmetic(self, parts: list[Part], start: int, end: int, quoted: bool) -> None:
        """Keep `$((...))` as text, but a command substitution inside it runs."""
        inner = self.text[start + 3 : end - 2]
        if "$(" in inner or "`" in inner:
            sub = type(self)(inner, self.depth + 1)
            found = [p for p in sub.here_body().parts if isinstance(p, Subst)]
            parts.extend(found)
        parts.append(Opaque(self.text[start:end]))

    def arithmetic_end(self, start: int) -> int:
        """Return the end of `((...))` whose first parenthesis is at *start*, 0 when it may be a command."""
        level, pos = 0, start
        while pos < self.size and pos - start < WINDOW:
            char = self.text[pos]
            if char == "(":
                level += 1
            elif char == ")":
                level -= 1
                if level == 1 and self.text[pos + 1 : pos + 2] != ")":
                    # `$((a) b)` is a subshell in a substitution; `((a)+1)` comes back up before the end
                    rest = self.text[pos + 1 : pos + 2]
                    if rest in (";", "\n", "|", "&"):
                        return 0
                if level == 0:
                    inner = self.text[start + 2 : pos - 1]
                    closed = self.text[pos - 1] == ")" and _COMMAND_LIKE(inner, 0, WINDOW) is None
                    return pos + 1 if closed else 0
            elif char in "'\"\n;":
                return 0
            pos += 1
        return 0

    def _process(self, parts: list[Part], kind: str) -> None:
        start = self.pos
        self.pos += 2
        script = self._enter(")")
        parts.append(Subst(script, kind, False, self.text[start : self.pos]))

    def _enter(self, closer: str) -> "Script":
        if self.depth >= MAX_DEPTH:
            raise TooDeepError
        self.depth += 1
        script = self.script_until(closer)
        self.depth -= 1
        return script

    def _backquote(self, parts: list[Part], *, quoted: bool) -> None:
        text, start = self.text, self.pos
        pos = start + 1
        inner: list[str] = []
        while pos < self.size and text[pos] != "`":
            if text[pos] == "\\" and text[pos + 1 : pos + 2] in ("`", "\\", "$"):
                pos += 1
            inner.append(text[pos])
            pos += 1
        if pos >= self.size:
            self.broken = True
        self.pos = min(pos + 1, self.size)
        parts.append(Subst(self.nested("".join(inner)), "$", quoted, text[start : self.pos]))

    def _braced(self, parts: list[Part], quoted: bool) -> None:
        text, start = self.text, self.pos
        if found := _PLAIN_PARAM(text, start + 1, start + WINDOW):
            self.pos = found.end()
            parts.append(Param(found.group(1), "", None, quoted, text[start : self.pos]))
            return
        self.pos = start + 2
        length = text[self.pos : self.pos + 1] == "#"
        indirect = text[self.pos : self.pos + 1] == "!"
        self.pos += length or indirect
        found = _NAME(text, self.pos, self.pos + WINDOW)
        if found is None:
            self._skip_to_brace()
            parts.append(Opaque(text[start : self.pos]))
            return
        self.pos = found.end()
        name = found.group()
        if text[self.pos : self.pos + 1] == "[":
            end = text.find("]", self.pos)
            self.pos = self.size if end < 0 else end + 1
            name = text[found.start() : self.pos]
        op = "#len" if length else "!" if indirect else ""
        arg: Word | None = None
        if operator := _PARAM_OP(text, self.pos, self.pos + 2):
            op = op or operator.group()
            self.pos = operator.end()
            arg = self._brace_argument()
        else:
            self._skip_to_brace()
        parts.append(Param(name, op, arg, quoted, text[start : self.pos]))

    def _skip_to_brace(self) -> None:
        end = self.text.find("}", self.pos)
        if end < 0:
            self.broken = True
        self.pos = self.size if end < 0 else end + 1

    def _brace_argument(self) -> Word:
        """Scan the word inside `${name<op>...}` up to its closing brace."""
        if self.depth >= MAX_DEPTH:
            raise TooDeepError
        self.depth += 1
        text, start = self.text, self.pos
        parts: list[Part] = []
        while self.pos < self.size and (char := text[self.pos]) != "}":
            if char == "'":
                self._single(parts)
            elif char == '"':
                self.pos += 1
                self._double(parts)
            elif char == "\\":
                self._escape(parts)
            elif char == "$":
                self._dollar(parts, quoted=False)
            elif char == "`":
                self._backquote(parts, quoted=False)
            else:
                parts.append(Text(char, False))
                self.pos += 1
        if self.pos >= self.size:
            self.broken = True
        word = self._finish(start, parts)
        self.pos = min(self.pos + 1, self.size)
        self.depth -= 1
        return word
