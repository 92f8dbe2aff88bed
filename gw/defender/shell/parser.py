"""Grammar of POSIX sh and the bash forms that matter: text in, tree out.

Knows nothing of what programs do. Invariant: total. Any text gives a tree in linear time; what is not grammatical sets
`broken` and is skipped a token at a time, so that whatever stands behind the mistake is still seen.
"""

import re

from gw.defender.shell.ast import Command, Compound, Pipeline, Script, Simple, Word, made
from gw.defender.shell.lexer import BREAK, MAX_DEPTH, WINDOW, TooDeepError
from gw.defender.shell.names import names
from gw.defender.shell.simple import PLAIN, SimpleParser

_CLOSERS = frozenset(("then", "else", "elif", "fi", "do", "done", "esac", "}"))
_OPENERS = names("if while until for select case { function coproc [[ !")
_CLOSING = tuple(_CLOSERS)
_BRANCH_ENDS = (";;", ";&")
_RESERVED = re.compile(
    "(?:" + "|".join(re.escape(w) for w in sorted(_CLOSERS | _OPENERS, reverse=True)) + r")(?=[ \t\n|&;()<>]|\Z)"
).match


class Parser(SimpleParser):
    def parse(self) -> Script:
        """Return the tree of the whole text; raises TooDeepError past the nesting bound."""
        script = self._list(frozenset())
        while self.pos < self.size:
            # a closer without its opener: skip it and read on
            self.broken = True
            self.pos += 1 if self.text[self.pos] in ");" else len(self._peek_reserved() or " ")
            script += self._list(frozenset())
        return script

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
            raise TooDeepError
        inner = Parser(text, self.depth + 1)
        script = inner.parse()
        self.broken = self.broken or inner.broken
        self.obscured = self.obscured or inner.obscured
        return script

    # --- lists and pipelines ------------------------------------------------------------------------------------------

    def _list(self, closers: frozenset[str]) -> Script:
        """Read pipelines until `)`, `;;`, a closing reserved word or the end."""
        pipelines: list[Pipeline] = []
        text, size = self.text, self.size
        while self.pos < size:
            self.skip_lines()
            before = self.pos
            if before >= size:
                break
            char = text[before]
            if char in ");&|":
                ends = text.startswith(_BRANCH_ENDS, before)
                if char == ")" or (ends and closers):
                    break
                # an operator with nothing before it
                self.broken = True
                self.pos += 2 if ends else 1
                continue
            if char in "tefd}" and text.startswith(_CLOSING, before) and self._peek_reserved() in _CLOSERS:
                break
            pipelines.append(self._pipeline())
            if self.pos == before:
                self.broken = True
                self.pos += 1
        return tuple(pipelines)

    def _pipeline(self) -> Pipeline:
        commands = [self._command()]
        text, size = self.text, self.size
        separator = ""
        while (pos := self.pos) < size:
            char = text[pos]
            if char not in "|&;" or text.startswith(_BRANCH_ENDS, pos):
                break
            if char != ";" and text.startswith(char, pos + 1):
                separator = char + char
            elif char != "|":
                separator = char
            else:
                self.pos += 2 if text.startswith("&", pos + 1) else 1
                self.skip_lines()
                if self.pos >= size:
                    self.broken = True
                    break
                commands.append(self._command())
                continue
            self.pos += len(separator)
            break
        return made(Pipeline, (tuple(commands), separator))

    # --- commands -----------------------------------------------------------------------------------------------------

    def _peek_reserved(self) -> str | None:
        """Return the reserved word at the cursor, if one stands there unquoted and alone."""
        found = _RESERVED(self.text, self.pos, self.pos + 10)
        return None if found is None else found.group()

    def _command(self) -> Command:
        """Read one command and the blanks behind it."""
        text = self.text
        while True:
            start = self.pos
            plain = PLAIN(text, start, start + WINDOW)
            reserved = self._peek_reserved() if plain is None else plain.group(1)
            if reserved != "!":
                break
            self.pos += 1
            self.skip_blanks()
        if reserved not in _OPENERS:
            if plain is None and text.startswith("(", start):
                return self._parenthesis(start)
            return self.simple(start, plain)
        if reserved == "[[":
            return self._test(start)
        self.pos += len(reserved)
        if self.depth >= MAX_DEPTH:
            raise TooDeepError
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
                return Compound("((", (), (), "", self.redirects(), start, self.pos)
        self.pos += 1
        body = self._enter(")")
        return Compound("(", (body,), (), "", self.redirects(), start, self.pos)

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
            return self.function(name, start)
        return Compound(word, bodies, (), "", self.redirects(), start, self.pos)

    def _until(self, closer: str) -> Script:
        body = self._list(frozenset((closer,)))
        self._expect(closer)
        return body

    def _expect(self, word: str) -> bool:
        self.skip_lines()
        if self._peek_reserved() == word:
            self.pos += len(word)
            return True
        self.broken = True
        return False

    def _if(self) -> tuple[Script, ...]:
        bodies = [self._until("then"), self._list(frozenset(("fi",)))]
        while True:
            self.skip_lines()
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
            self.skip_lines()
            if self.text.startswith("in", self.pos) and self.text[self.pos + 2 : self.pos + 3] in BREAK:
                self.pos += 2
                self.skip_blanks()
                while (word := self.word()) is not None:
                    words.append(word)
                    self.skip_blanks()
        self.skip_blanks()
        if self.text[self.pos : self.pos + 1] == ";":
            self.pos += 1
        self.skip_lines()
        closer = "}" if self._peek_reserved() == "{" else "done"
        if closer == "}":
            self.pos += 1
        else:
            self._expect("do")
        body = self._until(closer)
        return Compound("for", (body,), tuple(words), name, self.redirects(), start, self.pos)

    def _past(self, mark: str) -> int:
        end = self.text.find(mark, self.pos)
        if end < 0:
            self.broken = True
            return self.size
        return end + len(mark)

    def _case(self, start: int) -> Command:
        self.skip_blanks()
        subject = self.word()
        self.skip_lines()
        if self.text.startswith("in", self.pos):
            self.pos += 2
        else:
            self.broken = True
        bodies: list[Script] = []
        while True:
            self.skip_lines()
            if self.pos >= self.size or self._peek_reserved() == "esac":
                break
            if not self._pattern():
                self.broken = True
                break
            bodies.append(self._list(frozenset((";;", "esac"))))
            self.skip_lines()
            if self.text.startswith(_BRANCH_ENDS, self.pos):
                self.pos += 3 if self.text.startswith(";;&", self.pos) else 2
        self._expect("esac")
        words = () if subject is None else (subject,)
        return Compound("case", tuple(bodies), words, "", self.redirects(), start, self.pos)

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

    def function(self, name: str, start: int) -> Command:
        self.skip_lines()
        if self.pos >= self.size:
            self.broken = True
            return Simple((), (), (), start, self.pos)
        if self.depth >= MAX_DEPTH:
            raise TooDeepError
        self.depth += 1
        body = self._command()
        self.depth -= 1
        return Compound("function", ((Pipeline((body,), ""),),), (), name, (), start, self.pos)

    def _test(self, start: int) -> Command:
        """Read `[[ ... ]]`, where < > && || ( ) are words."""
        self.pos += 2
        words: list[Word | str] = ["[["]
        while True:
            self.skip_lines()
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
        return Simple((), words, self.redirects(), start, self.pos, start + 2)
