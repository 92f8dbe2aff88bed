"""Simple commands: words, assignments, redirects, here-documents, comments.

Knows nothing of lists and compounds, which the parser adds. Invariant: the body of a here-document is read at the next
newline, wherever its operator stood, and lands in the redirect that asked for it.
"""

import re

from gw.defender.shell.ast import Assign, Command, Param, Redirect, Simple, Text, Word, made
from gw.defender.shell.lexer import BLANK, WINDOW, Lexer

_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]\n ]*\])?(\+?)=").match
# What most commands are made of, told apart in one go; everything else goes through the lexer, which gives the same for
# these. A word ends where a blank or an operator stands; blanks behind it are taken along. Possessive, so linear;
# but for groups, whose ends CPython 3.11.2 gets wrong then (its issue 100061): nothing behind those can fail.
_END = r"(?=[ \t\n|&;)]|\Z)"
_WORD = rf"[%+-:=@A-Z\]^_a-z~]++{_END}"  # ASCII only: other blanks are letters to a shell
_WORDS = rf"({_WORD}(?:[ \t]++{_WORD})*)"
_NAME = r"([A-Za-z_][A-Za-z0-9_]*+)"
_OPERATOR = r"(&>>|&>|<>|<&|<|>>|>&|>\||>)"
# The first word, without a `=`, and the words behind it.
PLAIN = re.compile(rf"([^ \t\n'\"$`\\|&;()<>{{}}*?\[#!=]++){_END}(?:[ \t]++{_WORDS})?[ \t]*+").match
_NEXT = re.compile(
    rf"[ \t]*+(?:\\\n[ \t]*+)*(?:{_WORDS}"
    rf"|('[^']*+'|\"[^\"$`\\]*+\"){_END}"
    rf"|((\"?)\$(?:{_NAME}|\{{{_NAME}\}})\4){_END}"
    rf"|(\d{{0,4}}){_OPERATOR}[ \t]*+({_WORD})"
    rf"|([^ \t\n'\"$`\\|&;()<>{{}}#][^ \t\n'\"$`\\|&;()<>{{}}]*+){_END})[ \t]*+"
).match
_WORDS_FOUND, _QUOTED_FOUND, _VARIABLE_FOUND, _REDIRECT_FOUND = 1, 2, 3, 9  # the last group of each alternative
_QUOTES = Text("", True)  # `""` is an empty word, not none
_REDIRECT = re.compile(r"((?!\d+&)\d{0,4})(&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>&|>\||>)").match
_FD_VARIABLE = re.compile(r"\{[A-Za-z_]\w*\}(?=[<>])").match


class SimpleParser(Lexer):
    def __init__(self, text: str, depth: int = 0) -> None:
        super().__init__(text, depth)
        self.heredocs: list[tuple[list[Redirect], int, str, bool, bool]] = []
        self.comments: list[tuple[int, int]] = []

    def function(self, name: str, start: int) -> Command:
        """Read the body of a function whose name and parentheses were read."""
        raise NotImplementedError

    def simple(self, start: int, plain: re.Match[str] | None) -> Command:
        """Read one simple command; *plain* is what `PLAIN` found at its start."""
        text, size = self.text, self.size
        words: list[Word | str] = []
        assigns: list[Assign] = []
        redirects: list[Redirect] = []
        end = head = start
        if plain is not None and plain.end(1) < start + WINDOW:
            first, run = plain.groups()
            words.append(first)
            self.pos = end = head = plain.end(1)
            if run is None:
                self.pos = plain.end()
            elif plain.end(2) < start + WINDOW:
                words += run.split()
                self.pos, end = plain.end(), plain.end(2)
        while (pos := self.pos) < size:
            char = text[pos]
            if char in "\n;|)" or (char == "&" and not text.startswith(">", pos + 1)):
                break
            limit = pos + WINDOW
            if words and (found := _NEXT(text, pos, limit)) is not None:
                taken = self._next(found, limit, words, redirects)
                if taken:
                    end = taken
                    continue
            if text.startswith(BLANK, pos):
                self.skip_blanks()
                continue
            if char == "#":
                self._comment()
                break
            if char in "<>&0123456789{" and self._redirect(redirects):
                end = self.pos
            elif char == "(":
                if len(words) == 1 and (name := _literal(words[0])) is not None and self._empty_parentheses():
                    return self.function(name, start)
                # `echo (x)`: a syntax error; read on behind the parenthesis
                self.broken = True
                self.pos += 1
            elif not words and (assign := _ASSIGN(text, pos, limit)):
                self.pos = assign.end()
                assigns.append(self._assignment(assign.group(1), bool(assign.group(2))))
                end = self.pos
            elif (word := self.word()) is not None:
                head = head if words else word.end
                words.append(word)
                end = word.end
            else:
                self.broken = True
                self.pos += 1
        return made(Simple, (assigns, words, redirects, start, end, head))

    def _next(self, found: re.Match[str], limit: int, words: list[Word | str], redirects: list[Redirect]) -> int:
        """Take what `_NEXT` found and return its end; 0 (nothing taken) when the window may have cut it."""
        kind = found.lastindex or 0
        start, end = found.span(kind)
        if end == limit < self.size:
            run = found.group(kind) if kind == _WORDS_FOUND else ""
            run = run[: max(run.rfind(" "), run.rfind("\t"), 0)]
            if not run:
                return 0
            words += run.split()
            self.pos = start + len(run)
            return self.pos
        self.pos = found.end()
        if kind == _WORDS_FOUND:
            words += found.group(1).split()
        elif kind == _QUOTED_FOUND:
            words.append(made(Word, (start, end, self.text[start + 1 : end - 1], (), False, True)))
        elif kind == _VARIABLE_FOUND:
            source, quote, bare, braced = found.group(3, 4, 5, 6)
            param = Param(bare or braced, "", None, quote != "", source.strip('"'))
            words.append(made(Word, (start, end, None, (_QUOTES, param) if quote else (param,), False, True)))
        elif kind == _REDIRECT_FOUND:
            digits, operator, target = found.group(7, 8, 9)
            redirects.append(_redirected(digits, operator, Word(start, end, target)))
        else:
            literal = found.group(10)
            glob = "*" in literal or "?" in literal or "[" in literal
            words.append(made(Word, (start, end, literal, (), glob, False)))
        return end

    def _empty_parentheses(self) -> bool:
        pos = self.pos + 1
        while self.text[pos : pos + 1] in (" ", "\t"):
            pos += 1
        if self.text[pos : pos + 1] != ")":
            return False
        self.pos = pos + 1
        return True

    def _assignment(self, name: str, append: bool) -> Assign:
        if self.text[self.pos : self.pos + 1] == "(":
            self.pos += 1
            items: list[Word] = []
            while True:
                self.skip_lines()
                word = self.word()
                if word is None:
                    break
                items.append(word)
            if self.text[self.pos : self.pos + 1] == ")":
                self.pos += 1
            else:
                self.broken = True
            return Assign(name, None, append, tuple(items))
        value = self.word()
        return Assign(name, value or Word(self.pos, self.pos, ""), append)

    # --- redirects and here-documents ---------------------------------------------------------------------------------

    def redirects(self) -> list[Redirect]:
        redirects: list[Redirect] = []
        while True:
            self.skip_blanks()
            if not self._redirect(redirects):
                return redirects

    def _redirect(self, redirects: list[Redirect]) -> bool:
        """Read one redirect at the cursor into *redirects*; False (nothing consumed) when none stands there."""
        text, pos = self.text, self.pos
        if text.startswith("{", pos) and (variable := _FD_VARIABLE(text, pos, pos + WINDOW)):
            pos = variable.end()
        found = _REDIRECT(text, pos, pos + 8)
        if found is None:
            return False
        digits, op = found.groups()
        end = found.end()
        if op in "<>" and text.startswith("(", end):
            if digits or pos != self.pos:
                self.broken = True
            return False  # process substitution: a word
        self.pos = end
        self.skip_blanks()
        target = self.word()
        if target is None:
            self.broken = True
            return True
        if op in ("<<", "<<-"):
            self.heredocs.append((redirects, len(redirects), target.literal or "", target.quoted, op == "<<-"))
            op = "<<"
        redirects.append(_redirected(digits, op, target))
        return True

    def _read_heredocs(self) -> None:
        """Read the bodies that begin at the cursor, in the order their operators stood."""
        pending, self.heredocs = self.heredocs, []
        for redirects, index, delimiter, literal, strip in pending:
            body_start = self.pos
            lines: list[str] = []
            while self.pos < self.size:
                end = self.text.find("\n", self.pos)
                end = self.size if end < 0 else end
                line = self.text[self.pos : end]
                self.pos = min(end + 1, self.size)
                if strip:
                    line = line.lstrip("\t")
                if line == delimiter:
                    break
                lines.append(line)
            else:
                self.broken = True
            body = "".join(line + "\n" for line in lines)
            word = Word(body_start, self.pos, body, (), False, True)
            if not literal and ("$" in body or "`" in body or "\\" in body):
                inner = type(self)(body, self.depth + 1)
                word = inner.here_body()._replace(start=body_start, end=self.pos)
            redirects[index] = redirects[index]._replace(target=word)

    def skip_lines(self) -> None:
        """Skip blanks, newlines and comments; bodies of pending here-documents begin at a newline."""
        text, size = self.text, self.size
        while (pos := self.pos) < size:
            char = text[pos]
            if char == "\n":
                self.pos += 1
                if self.heredocs:
                    self._read_heredocs()
            elif char == "#":
                self._comment()
            elif char in " \t":
                self.pos += 1
            elif text.startswith("\\\n", pos):
                self.pos += 2
            else:
                return

    def _comment(self) -> None:
        end = self.text.find("\n", self.pos)
        end = self.size if end < 0 else end
        self.comments.append((self.pos, end))
        self.pos = end


def _literal(word: Word | str) -> str | None:
    return word if isinstance(word, str) else word.literal


def _redirected(digits: str, operator: str, target: Word) -> Redirect:
    if operator[0] == "&":
        return Redirect(-1, operator[1:], target)
    return Redirect(int(digits) if digits else int(operator[0] == ">"), operator, target)
