"""Grammar of POSIX sh and the bash forms that matter: text in, tree out.

Knows nothing of what programs do. Invariant: total. Any text gives a tree in linear time; what is not grammatical sets
`broken` and is skipped a token at a time, so that whatever stands behind the mistake is still seen.
"""

import re

from gw.defender.shell.ast import Assign, Command, Compound, Pipeline, Redirect, Script, Simple, Word
from gw.defender.shell.lexer import BREAK, MAX_DEPTH, WINDOW, Lexer, TooDeep

_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]\n ]*\])?(\+?)=").match
# A whole word of ordinary characters and the blanks before it; the first word of a command holds no `=`.
_FIRST = re.compile(r"[ \t]*([^ \t\n'\"$`\\|&;()<>{}*?\[#!=]+)(?=[ \t\n|&;)]|\Z)").match
_NEXT = re.compile(r"[ \t]*([^ \t\n'\"$`\\|&;()<>{}*?\[#]+)(?=[ \t\n|&;)]|\Z)").match
_REDIRECT = re.compile(r"(\d{0,4})(&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>&|>\||>)").match
_FD_VARIABLE = re.compile(r"\{[A-Za-z_]\w*\}(?=[<>])").match

_CLOSERS = frozenset(("then", "else", "elif", "fi", "do", "done", "esac", "}"))
_OPENERS = frozenset(("if", "while", "until", "for", "select", "case", "{", "function", "coproc", "[[", "!"))
_RESERVED = re.compile(
    "(?:" + "|".join(re.escape(w) for w in sorted(_CLOSERS | _OPENERS, reverse=True)) + r")(?=[ \t\n|&;()<>]|\Z)"
).match


class Parser(Lexer):
    def __init__(self, text: str, depth: int = 0) -> None:
        super().__init__(text, depth)
        self.heredocs: list[tuple[list[Redirect], int, str, bool, bool]] = []
        self.comments: list[tuple[int, int]] = []

    def parse(self) -> Script:
        """Return the tree of the whole text; raises TooDeep past the nesting bound."""
        pipelines: list[Pipeline] = []
        while True:
            pipelines.extend(self._list(frozenset()))
            if self.pos >= self.size:
                return tuple(pipelines)
            # a closer without its opener: skip it and read on
            self.broken = True
            self.pos += 1 if self.text[self.pos] in ");" else len(self._peek_reserved() or " ")

    def script_until(self, closer: str) -> Script:
        script = self._list(frozenset(closer))
        if self.text[self.pos : self.pos + 1] == closer:
            self.pos += 1
        else:
            self.broken = True
            self.pos = self.size
        return script

    def nested(self, text: str) -> Script:
        if self.depth >= MAX_DEPTH:
            raise TooDeep
        inner = Parser(text, self.depth + 1)
        script = inner.parse()
        self.broken = self.broken or inner.broken
        self.obscured = self.obscured or inner.obscured
        return script

    # --- lists and pipelines --------------------------------------------------------------------------------------

    def _list(self, closers: frozenset[str]) -> Script:
        """Read pipelines until `)`, `;;`, a closing reserved word or the end."""
        pipelines: list[Pipeline] = []
        text, size = self.text, self.size
        while True:
            self._skip_lines()
            if self.pos >= size:
                break
            char = text[self.pos]
            if char == ")" or text.startswith(";;", self.pos):
                if char == ")" or closers:
                    break
                self.pos += 2
                self.broken = True
                continue
            if char in ";&|":
                # an operator with nothing before it
                self.broken = True
                self.pos += 1
                continue
            if self._peek_reserved() in _CLOSERS:
                break
            before = self.pos
            pipelines.append(self._pipeline())
            if self.pos == before:
                self.broken = True
                self.pos += 1
        return tuple(pipelines)

    def _skip_lines(self) -> None:
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

    def _pipeline(self) -> Pipeline:
        commands = [self._command()]
        while True:
            self.skip_blanks()
            text, pos = self.text, self.pos
            char = text[pos : pos + 1]
            if char == "|":
                if text.startswith("||", pos):
                    self.pos += 2
                    return Pipeline(tuple(commands), "||")
                self.pos += 2 if text.startswith("|&", pos) else 1
                self._skip_lines()
                if self.pos >= self.size:
                    self.broken = True
                    return Pipeline(tuple(commands), "")
                commands.append(self._command())
                continue
            break
        if char == "&":
            if text.startswith("&&", pos):
                self.pos += 2
                return Pipeline(tuple(commands), "&&")
            self.pos += 1
            return Pipeline(tuple(commands), "&")
        if char == ";" and not text.startswith(";;", pos):
            self.pos += 1
            return Pipeline(tuple(commands), ";")
        return Pipeline(tuple(commands), "")

    # --- commands ---------------------------------------------------------------------------------------------------

    def _peek_reserved(self) -> str | None:
        """Return the reserved word at the cursor, if one stands there unquoted and alone."""
        found = _RESERVED(self.text, self.pos, self.pos + 10)
        return None if found is None else found.group()

    def _command(self) -> Command:
        start = self.pos
        char = self.text[start : start + 1]
        if char == "(":
            return self._parenthesis(start)
        reserved = self._peek_reserved()
        if reserved is None or reserved in _CLOSERS:
            return self._simple(start)
        if reserved == "!":
            self.pos += 1
            self.skip_blanks()
            return self._command()
        if reserved == "[[":
            return self._test(start)
        self.pos += len(reserved)
        if self.depth >= MAX_DEPTH:
            raise TooDeep
        self.depth += 1
        try:
            return self._compound(reserved, start)
        finally:
            self.depth -= 1

    def _parenthesis(self, start: int) -> Command:
        if self.text.startswith("((", start):
            end = self.arithmetic_end(start)
            if end:
                self.pos = end
                return Compound("((", (), (), "", self._redirects(), start, self.pos)
        self.pos += 1
        body = self._enter(")")
        return Compound("(", (body,), (), "", self._redirects(), start, self.pos)

    def _compound(self, word: str, start: int) -> Command:
        if word == "{":
            bodies: tuple[Script, ...] = (self._until("}"),)
        elif word == "if":
            bodies = self._if()
        elif word in ("while", "until"):
            bodies = (self._until("do"), self._until("done"))
            word = "while"
        elif word in ("for", "select"):
            return self._for(start)
        elif word == "case":
            return self._case(start)
        elif word == "coproc":
            self.skip_blanks()
            bodies = ((Pipeline((self._command(),), "&"),),)
        else:
            self.skip_blanks()
            name = self._bare_word()
            self.skip_blanks()
            if self.text.startswith("()", self.pos):
                self.pos += 2
            return self._function(name, start)
        return Compound(word, bodies, (), "", self._redirects(), start, self.pos)

    def _until(self, closer: str) -> Script:
        body = self._list(frozenset((closer,)))
        self._expect(closer)
        return body

    def _expect(self, word: str) -> bool:
        self._skip_lines()
        if self._peek_reserved() == word:
            self.pos += len(word)
            return True
        self.broken = True
        return False

    def _if(self) -> tuple[Script, ...]:
        bodies = [self._until("then"), self._list(frozenset(("fi",)))]
        while True:
            self._skip_lines()
            word = self._peek_reserved()
            if word == "elif":
                self.pos += 4
                bodies.append(self._until("then"))
                bodies.append(self._list(frozenset(("fi",))))
            elif word == "else":
                self.pos += 4
                bodies.append(self._list(frozenset(("fi",))))
            else:
                self._expect("fi")
                return tuple(bodies)

    def _for(self, start: int) -> Command:
        self.skip_blanks()
        words: list[Word] = []
        name = ""
        if self.text.startswith("((", self.pos):
            self.pos = self.arithmetic_end(self.pos) or self._past("))")
        else:
            name = self._bare_word()
            self._skip_lines()
            if self.text.startswith("in", self.pos) and self.text[self.pos + 2 : self.pos + 3] in BREAK:
                self.pos += 2
                self.skip_blanks()
                while (word := self.word()) is not None:
                    words.append(word)
                    self.skip_blanks()
        self.skip_blanks()
        if self.text[self.pos : self.pos + 1] == ";":
            self.pos += 1
        self._skip_lines()
        closer = "}" if self._peek_reserved() == "{" else "done"
        if closer == "}":
            self.pos += 1
        else:
            self._expect("do")
        body = self._until(closer)
        return Compound("for", (body,), tuple(words), name, self._redirects(), start, self.pos)

    def _past(self, mark: str) -> int:
        end = self.text.find(mark, self.pos)
        if end < 0:
            self.broken = True
            return self.size
        return end + len(mark)

    def _case(self, start: int) -> Command:
        self.skip_blanks()
        subject = self.word()
        self._skip_lines()
        if self.text.startswith("in", self.pos):
            self.pos += 2
        else:
            self.broken = True
        bodies: list[Script] = []
        while True:
            self._skip_lines()
            if self.pos >= self.size or self._peek_reserved() == "esac":
                break
            if not self._pattern():
                self.broken = True
                break
            bodies.append(self._list(frozenset((";;", "esac"))))
            self._skip_lines()
            if self.text.startswith(";;", self.pos):
                self.pos += 3 if self.text.startswith(";;&", self.pos) else 2
        self._expect("esac")
        words = () if subject is None else (subject,)
        return Compound("case", tuple(bodies), words, "", self._redirects(), start, self.pos)

    def _pattern(self) -> bool:
        """Skip `(a|b)` in front of a case branch; False when no closing parenthesis comes."""
        if self.text[self.pos : self.pos + 1] == "(":
            self.pos += 1
        while self.pos < self.size:
            self.skip_blanks()
            char = self.text[self.pos : self.pos + 1]
            if char == ")":
                self.pos += 1
                return True
            if char == "|":
                self.pos += 1
            elif self.word() is None:
                return False
        return False

    def _bare_word(self) -> str:
        word = self.word()
        if word is None or word.literal is None:
            self.broken = True
            return ""
        return word.literal

    def _function(self, name: str, start: int) -> Command:
        self._skip_lines()
        if self.pos >= self.size:
            self.broken = True
            return Simple((), (), (), start, self.pos)
        if self.depth >= MAX_DEPTH:
            raise TooDeep
        self.depth += 1
        body = self._command()
        self.depth -= 1
        return Compound("function", ((Pipeline((body,), ""),),), (), name, (), start, self.pos)

    def _test(self, start: int) -> Command:
        """Read `[[ ... ]]`, where < > && || ( ) are words."""
        self.pos += 2
        words: list[Word | str] = ["[["]
        while True:
            self._skip_lines()
            if self.pos >= self.size:
                self.broken = True
                break
            if self.text.startswith("]]", self.pos):
                self.pos += 2
                break
            word = self.word()
            if word is None:
                word = Word(self.pos, self.pos + 1, self.text[self.pos])
                self.pos += 1
            words.append(word)
        return Simple((), words, self._redirects(), start, self.pos, start + 2)

    # --- simple commands --------------------------------------------------------------------------------------------

    def _simple(self, start: int) -> Command:
        text, size = self.text, self.size
        words: list[Word | str] = []
        assigns: list[Assign] = []
        redirects: list[Redirect] = []
        end = head = start
        pattern = _FIRST
        while True:
            limit = self.pos + WINDOW
            found = pattern(text, self.pos, limit)
            if found is not None and (found.end() < limit or limit >= size):
                words.append(found.group(1))
                self.pos = end = found.end()
                if pattern is _FIRST:
                    pattern, head = _NEXT, end
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
                    return self._function(name, start)
                # `echo (x)`: a syntax error; read on behind the parenthesis
                self.broken = True
                self.pos += 1
            elif not words and (assign := _ASSIGN(text, self.pos, limit)):
                self.pos = assign.end()
                assigns.append(self._assignment(assign.group(1), bool(assign.group(2))))
                end = self.pos
            elif (word := self.word()) is not None:
                words.append(word)
                end = word.end
                if pattern is _FIRST:
                    pattern, head = _NEXT, end
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
                self._skip_lines()
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

    def _redirects(self) -> list[Redirect]:
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
                inner = Parser(body, self.depth + 1)
                word = inner.here_body()._replace(start=body_start, end=self.pos)
            redirects[index] = redirects[index]._replace(target=word)


def _literal(word: Word | str) -> str | None:
    return word if isinstance(word, str) else word.literal
