"""Simple commands: words, assignments, redirects, here-documents, comments.

Knows nothing of lists and compounds, which the parser adds. Invariant: the body of a here-document is read at the next
newline, wherever its operator stood, and lands in the redirect that asked for it.
"""

import re

from gw.defender.shell.ast import Assign, Command, Redirect, Simple, Word
from gw.defender.shell.lexer import WINDOW, Lexer

_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]\n ]*\])?(\+?)=").match
# A whole word of ordinary characters and the blanks before it, and a run of such words. The first word of a command
# holds no `=`. Linear: words and blanks share no character, so a run can be split in one way only.
_FIRST = re.compile(r"[ \t]*([^ \t\n'\"$`\\|&;()<>{}*?\[#!=]+)(?=[ \t\n|&;)]|\Z)").match
_WORD = r"[%+-:=@A-Z\]^_a-z~]+"  # ASCII only: other blanks are letters to a shell
_REST = re.compile(rf"[ \t]+({_WORD}(?:[ \t]+{_WORD})*)(?=[ \t\n|&;)]|\Z)").match
# A word that is one pair of quotes with nothing to expand in it.
_QUOTED = re.compile(r"[ \t]*('([^']*)'|\"([^\"$`\\]*)\")(?=[ \t\n|&;)]|\Z)").match
_REDIRECT = re.compile(r"(\d{0,4})(&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>&|>\||>)").match
_FD_VARIABLE = re.compile(r"\{[A-Za-z_]\w*\}(?=[<>])").match


class SimpleParser(Lexer):
    def __init__(self, text: str, depth: int = 0) -> None:
        super().__init__(text, depth)
        self.heredocs: list[tuple[list[Redirect], int, str, bool, bool]] = []
        self.comments: list[tuple[int, int]] = []

    def function(self, name: str, start: int) -> Command:
        """Read the body of a function whose name and parentheses were read."""
        raise NotImplementedError

    def simple(self, start: int) -> Command:
        text, size = self.text, self.size
        words: list[Word | str] = []
        assigns: list[Assign] = []
        redirects: list[Redirect] = []
        end = head = start
        if (found := _FIRST(text, start, start + WINDOW)) is not None and found.end() < start + WINDOW:
            words.append(found.group(1))
            self.pos = end = head = found.end()
        while True:
            limit = self.pos + WINDOW
            if words and (found := _REST(text, self.pos, limit)) is not None:
                run = found.group(1)
                if found.end() == limit < size:  # the window may have cut the last word
                    run = run[: max(run.rfind(" "), run.rfind("\t"), 0)]
                if run:
                    words += run.split()
                    self.pos = end = found.start(1) + len(run)
                    if found.end() == limit < size:
                        continue
            if words and (found := _QUOTED(text, self.pos, limit)) is not None and found.end() < limit:
                literal = found.group(2)
                words.append(
                    Word(found.start(1), found.end(1), found.group(3) if literal is None else literal, (), False, True)
                )
                self.pos = end = found.end()
                continue
            self.skip_blanks()
            if self.pos >= size:
                break
            char = text[self.pos]
            if char in "\n;|)":
                break
            if char == "#":
                self._comment()
                break
            if char == "&" and text[self.pos + 1 : self.pos + 2] != ">":
                break
            if char in "<>&0123456789{" and self._redirect(redirects):
                end = self.pos
            elif char == "(":
                if len(words) == 1 and (name := _literal(words[0])) is not None and self._empty_parentheses():
                    return self.function(name, start)
                # `echo (x)`: a syntax error; read on behind the parenthesis
                self.broken = True
                self.pos += 1
            elif not words and (assign := _ASSIGN(text, self.pos, limit)):
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
        return Simple(assigns, words, redirects, start, end, head)

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
        if variable := _FD_VARIABLE(text, pos, pos + WINDOW):
            pos = variable.end()
        found = _REDIRECT(text, pos, pos + 8)
        if found is None:
            return False
        digits, op = found.groups()
        following = text[found.end() : found.end() + 1]
        if following == "(" and op in "<>":
            if digits or pos != self.pos:
                self.broken = True
            return False  # process substitution: a word
        self.pos = found.end()
        self.skip_blanks()
        fd = int(digits) if digits else (0 if op[0] == "<" else 1)
        if op.startswith("&"):
            fd, op = -1, op[1:]
        target = self.word()
        if target is None:
            self.broken = True
            return True
        if op in ("<<", "<<-"):
            self.heredocs.append((redirects, len(redirects), target.literal or "", target.quoted, op == "<<-"))
            op = "<<"
        redirects.append(Redirect(fd, op, target))
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
        while True:
            self.skip_blanks()
            char = self.text[self.pos : self.pos + 1]
            if char == "\n":
                self.pos += 1
                if self.heredocs:
                    self._read_heredocs()
            elif char == "#":
                self._comment()
            else:
                return

    def _comment(self) -> None:
        end = self.text.find("\n", self.pos)
        end = self.size if end < 0 else end
        self.comments.append((self.pos, end))
        self.pos = end


def _literal(word: Word | str) -> str | None:
    return word if isinstance(word, str) else word.literal
