"""The static walk: a tree becomes drafts in the order they would run, with variables, pipes and files followed.

Runs nothing; single commands are the business of gw.defender.shell.run. Invariant: bounded by a budget of commands, of
texts parsed again and of nesting; what the budget cuts off is a signal.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gw.defender.shell.ast import Command, Compound, Param, Pipeline, Redirect, Script, Simple, Subst, Word, made
from gw.defender.shell.context import Context
from gw.defender.shell.draft import Draft
from gw.defender.shell.effects.files import redirect_to
from gw.defender.shell.expand import Expander
from gw.defender.shell.facts import derive
from gw.defender.shell.interpret import run_variables
from gw.defender.shell.lexer import TooDeepError
from gw.defender.shell.parser import Parser
from gw.defender.shell.paths import normalise
from gw.defender.shell.programs import MESSAGE_OPTIONS, SEARCHED_FOR, profile
from gw.defender.shell.run import LISTERS, place_of, run
from gw.defender.shell.stream import (
    EMPTY,
    EXPANDED,
    FETCHED,
    GLOB,
    LOCAL,
    PARTIAL,
    SECRET,
    TAINT,
    UNKNOWN,
    UNRESOLVED,
    Field,
    Stream,
)
from gw.model.decision import Span
from gw.model.shell import NodeRole

MAX_DRAFTS = 256
MAX_TEXTS = 64  # strings parsed again as shell in one line
MAX_TEXT_CHARS = 128 * 1024  # of all of them
MAX_NESTING = 12
MAX_REDIRECTS = 256  # of one command
MAX_LOOP = 4  # items of a `for` that are walked one by one

_NOBODY = profile("")


class Walker(Expander):
    """State of one line: what ran so far, variables, functions, files written."""

    base: Span | None = None  # the span of everything found in a text that is not the line itself
    outer: Context | None = None  # what runs that text
    captures = False  # somebody wants the output of what is walked now
    isolated = 0  # depth of subshells
    texts = 0
    text_chars = 0
    depth = 0

    def __init__(self, source: str, cwd: str | None) -> None:
        super().__init__(cwd)
        self.source = source
        self.drafts: list[Draft] = []
        self.extra: list[tuple[NodeRole, Span]] = []  # data and comments
        self.signals: set[str] = set()
        self.functions: dict[str, Script] = {}
        self.used: set[str] = set()  # functions that were called
        self.aliases: dict[str, str] = {}
        self.files: dict[str, Stream] = {}  # written by this line
        self.called: list[Script | str] = []  # bodies of functions and names of aliases being walked
        self.restarted: set[str] = set()  # names of functions that started themselves
        self.armed: set[str] = set()  # facts of whatever reads a file written by this line

    # --- lists and pipelines ------------------------------------------------------------------------------------------

    def script(self, script: Script, stdin: Stream | None = None) -> Stream:
        """Walk a list of pipelines; return its whole output."""
        output = EMPTY
        for pipeline in script:
            if len(self.drafts) >= MAX_DRAFTS:
                self.signals.add("shell.too-long")
                break
            printed = self._pipeline(pipeline, stdin)
            output = printed if output is EMPTY else joined(output, printed)
        return output

    def _pipeline(self, pipeline: Pipeline, stdin: Stream | None) -> Stream:
        commands = pipeline.commands
        first = len(self.drafts)
        if len(commands) == 1:
            output = self._command(commands[0], stdin)
        else:
            output = self._stages(commands, stdin)
        if pipeline.separator == "&":
            for draft in self.drafts[first:]:
                draft.background = True
                draft.facts.discard("clears-history")
        return output

    def _stages(self, commands: Sequence[Command], stdin: Stream | None) -> Stream:
        stream = stdin
        drafts = self.drafts
        captures, self.captures = self.captures, True
        stages: list[list[Draft]] = []
        for i, command in enumerate(commands, 1):
            first = len(drafts)
            if first >= MAX_DRAFTS:
                self.signals.add("shell.too-long")
                break
            if i == len(commands):
                self.captures = captures
            stream = self._command(command, stream)
            stages.append(drafts[first:])
        self.captures = captures
        _connect(stages)
        return UNKNOWN if stream is None else stream

    # --- compound commands --------------------------------------------------------------------------------------------

    def _grouped(self, command: Compound, stdin: Stream | None) -> Stream:
        """A compound command and its redirects."""
        context = Context(self.span(command.start, command.end), stdin)
        if command.redirects:
            stdin = self._redirect(command.redirects, context)
        output = self._compound(command, stdin)
        if any(operator[0] == ">" and fd != 2 for operator, fd, _target in context.redirects):
            self._bare(context)
            return EMPTY
        return output

    def _compound(self, command: Compound, stdin: Stream | None) -> Stream:
        kind = command.kind
        if kind == "function":
            self.functions[command.name] = command.bodies[0]
            return EMPTY
        if kind == "for":
            return self._for(command, stdin)
        output = EMPTY
        cwd = self.cwd
        self.isolated += kind == "("
        if kind == "coproc":
            stdin = UNKNOWN  # somebody writes to its descriptor
        for body in command.bodies:
            output = joined(output, self.script(body, stdin))
        if kind == "(":
            self.isolated -= 1
            self.cwd = cwd
        return output if kind in "({" else Stream(None, output.marks)

    def _for(self, command: Compound, stdin: Stream | None) -> Stream:
        items = [f for word in command.words for f in self.fields(word)][:MAX_LOOP]
        variables = self.variables
        variables.pop(command.name, None)
        marks = 0
        for item in items or (Field("", UNRESOLVED),):
            if not item.marks & UNRESOLVED:
                variables[command.name] = Stream(item.text, item.marks)
            elif (place := self.listed()) is not None:
                variables[command.name] = Stream(place, item.marks & TAINT | EXPANDED)
            elif item.marks & TAINT:
                variables[command.name] = Stream(None, item.marks & TAINT)
            for body in command.bodies:
                marks |= self.script(body, stdin).marks
        return Stream(None, marks)

    def listed(self) -> str | None:
        """The place whose files are listed by what ran last, when that is all it does."""
        last = self.drafts[-1] if self.drafts else None
        return place_of(last.argv) if last is not None and last.program in LISTERS else None

    # --- functions ----------------------------------------------------------------------------------------------------

    def uncalled(self) -> None:
        """Walk functions that nobody called: they may be called later in the same session."""
        for name in list(self.functions):
            if name not in self.used and len(self.drafts) < MAX_DRAFTS:
                self.call(name, [name], None, known=False)

    def call(self, name: str, argv: list[str], stdin: Stream | None, *, known: bool = True) -> Stream:
        """Walk the body of a function; with *known* the arguments are its positional parameters."""
        body = self.functions[name]
        if any(body is walked for walked in self.called):
            self.restarted.add(name)
            return UNKNOWN  # the outer call grades functions that start themselves
        if len(self.called) >= MAX_NESTING:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        self.used.add(name)
        positional, self.positional = self.positional, argv if known else None
        self.called.append(body)
        self.restarted.discard(name)
        first = len(self.drafts)
        output = self.script(body, stdin)
        self.called.pop()
        self.positional = positional
        own = [d for d in self.drafts[first:] if d.program == name]
        if name in self.restarted and (
            len(own) > 1 or any(d.background or name in (d.pipes_into, d.piped_from) for d in own)
        ):
            for draft in own:
                draft.facts.add("fork-bomb")
        return output

    # --- simple commands ----------------------------------------------------------------------------------------------

    def _command(self, command: Command, stdin: Stream | None) -> Stream:
        if isinstance(command, Compound):
            return self._grouped(command, stdin)
        assigns, words, redirects, start, end, head = command
        context = Context(self.base or made(Span, (start, end)), stdin)
        if assigns:
            self._assign(command, context)
        if redirects:
            context.stdin = self._redirect(redirects, context)
        argv, marks = self._fields(words)
        if not argv:
            self._bare(context)
            return EMPTY
        outer = self.outer
        if outer is not None:
            context.wrappers, context.privileged = outer.wrappers, outer.privileged
        if len(words) > 1:
            known = profile(argv[0])
            if known.quiet:
                self.extra.append((NodeRole.DATA, self.span(head + 1, end)))
            elif known.cites and self.base is None:
                self.extra += [(NodeRole.DATA, span) for span in cited(words)]
        return run(self, argv, marks, context)

    def _fields(self, words: Sequence[Word | str]) -> tuple[list[str], list[int]]:
        """Expand words to the arguments they become, each with its marks."""
        if Word not in map(type, words):
            return words, [0] * len(words)  # type: ignore[return-value]  # what holds no Word holds texts
        argv: list[str] = []
        marks: list[int] = []
        for word in words:
            if isinstance(word, str):
                argv.append(word)
                marks.append(0)
            elif word.literal is not None:
                if word.quoted and not argv and self.base is None and is_split(self.source, word):
                    self.obscured = True
                argv.append(word.literal)
                marks.append(GLOB if word.glob else 0)
            else:
                if not argv and word.parts and type(word.parts[0]) is Param and word.parts[0].name == "0":
                    self.obscured = True  # `... | $0`
                for field in self.fields(word, program=not argv):
                    argv.append(field.text)
                    marks.append(field.marks)
        return argv, marks

    def _assign(self, command: Simple, context: Context) -> None:
        """Variables of `A=1 program` are the program's alone; those of `A=1` stay."""
        variables = self.variables
        saved = dict(variables) if command.words else None
        context.env = {assign.name: self.assign(assign) for assign in command.assigns}
        if saved is not None:
            self.variables = saved

    def _bare(self, context: Context) -> None:
        """Assignments or redirects without a program."""
        if not context.redirects and not context.env:
            return
        draft = self.draft("", ("",), (0,), context)
        self.write_redirects(draft, context)
        derive(draft, _NOBODY)
        run_variables(self, draft, context)
        if draft.facts or draft.writes:
            self.drafts.append(draft)

    def draft(self, program: str | None, argv: Sequence[str], marks: Sequence[int], context: Context) -> Draft:
        draft = Draft(program, argv, marks, context.span)
        draft.cwd = self.cwd
        if context.wrappers:
            draft.wrappers = context.wrappers
            draft.privileged = context.privileged
        if context.stdin is not None:
            draft.stdin = context.stdin
        if context.env:
            draft.env = context.env
        if self.base is not None:
            draft.role = NodeRole.INLINE
        return draft

    # --- texts --------------------------------------------------------------------------------------------------------

    def text(self, text: str, context: Context) -> Stream:
        """Walk a text that some shell will parse; everything in it bears the span of its container."""
        self.texts += 1
        self.text_chars += len(text)
        if self.texts > MAX_TEXTS or self.text_chars > MAX_TEXT_CHARS or self.depth >= MAX_NESTING:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        saved = self.base, self.outer
        self.base, self.outer = context.span, context
        self.depth += 1
        self.isolated += 1
        try:
            parser = Parser(text)
            script = parser.parse()
            if parser.broken:
                self.signals.add("shell.unparsed-inner")
            self.obscured = self.obscured or parser.obscured
            return self.script(script, context.stdin)
        except TooDeepError:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        finally:
            self.depth -= 1
            self.isolated -= 1
            self.base, self.outer = saved

    # --- redirects and substitutions ----------------------------------------------------------------------------------

    def _redirect(self, redirects: Sequence[Redirect], context: Context) -> Stream | None:
        """Expand redirects into the context; return the input they leave."""
        stdin = context.stdin
        targets: list[tuple[str, int, Field]] = []
        context.redirects = targets
        self.cut = self.cut or len(redirects) > MAX_REDIRECTS
        for redirect in redirects[:MAX_REDIRECTS]:
            if redirect.op in ("<<", "<<<"):
                stdin = self.value(redirect.target)
                if redirect.fd:
                    self.files[f"/dev/fd/{redirect.fd}"] = stdin
                self.extra.append((NodeRole.DATA, self.span(redirect.target.start, redirect.target.end)))
                continue
            target = (self.fields(redirect.target) or [Field("")])[0]
            targets.append((redirect.op, redirect.fd, target))
            if redirect.op in ("<", "<>"):
                stdin = self._input(target, context)
                if redirect.fd:
                    self.files[f"/dev/fd/{redirect.fd}"] = stdin
            elif redirect.op == "<&":
                stdin = self.files.get(f"/dev/fd/{target.text[:8]}", stdin)
        return stdin

    def _input(self, target: Field, context: Context) -> Stream:
        path = normalise(target.text, self.cwd)
        known = self.files.get(path)
        if known is not None:
            return known
        if path == "/dev/null":
            return EMPTY
        draft = self.draft("", ("", path), (0, target.marks), context)
        draft.reads = (path,)
        derive(draft, _NOBODY)
        if draft.facts:
            self.drafts.append(draft)
        if "raw-network" in draft.facts:
            return Stream(None, FETCHED)
        return Stream(None, LOCAL | (SECRET if draft.facts & {"reads-secret", "reads-private"} else 0))

    def write_redirects(self, draft: Draft, context: Context) -> None:
        """Record where the redirects of *draft* write to."""
        for operator, fd, target in context.redirects:
            if operator[0] != ">" and operator != "<>":
                continue
            draft.redirected = draft.redirected or (fd in (1, -1) and operator != ">&")
            if target.text and not target.text.isdigit() and target.text != "-":
                redirect_to(draft, target.text, target.marks)
                if operator in (">", ">|"):
                    draft.overwrites += (draft.redirects[-1],)

    def substitute(self, part: Subst) -> Stream:
        """Walk a substitution where it stands and return what stands for it: its output, or a file name."""
        if len(self.drafts) >= MAX_DRAFTS or self.depth > 2 * MAX_NESTING:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        captures, self.captures = self.captures, True
        self.depth += 1
        output = self.script(part.script, UNKNOWN if part.kind == ">" else None)
        self.depth -= 1
        self.captures = captures
        if part.kind != "$":
            path = f"/dev/fd/{63 - len(self.files) % 50}"
            self.files[path] = output
            return Stream(path, output.marks | EXPANDED)
        text = None if output.text is None else output.text.rstrip("\n")
        return Stream(text, output.marks | EXPANDED)

    def span(self, start: int, end: int) -> Span:
        return self.base or Span(start, end)


def _connect(stages: Sequence[list[Draft]]) -> None:
    """Tell neighbours in a pipeline about each other; the last draft of a stage speaks for it."""
    for left, right in pairwise(stages):
        if left and right and "reads-service-secret" in left[-1].facts and "login" in right[-1].operands[:2]:
            left[-1].facts.discard("reads-service-secret")  # it is handed to whom it is for
        for draft in left if right else ():
            draft.pipes_into = right[-1].program or draft.pipes_into
        for draft in right if left else ():
            draft.piped_from = left[-1].program or draft.piped_from


def cited(words: Sequence[Word | str]) -> Iterator[Span]:
    """Spans of quoted words that are patterns (grep) or messages (git commit -m)."""
    program = words[0] if isinstance(words[0], str) else words[0].literal
    previous = ""
    for word in words[1:]:
        if isinstance(word, str):
            previous = word
            continue
        if word.quoted and (program in SEARCHED_FOR or previous in MESSAGE_OPTIONS):
            yield Span(word.start, word.end)
        previous = word.literal or ""


_SPLIT_NAME = re.compile(r"[A-Za-z0-9](?:''|\"\"|\\\\[a-z]|'[a-z]'|\"[a-z]\")|(?:''|\"\")[A-Za-z0-9]")


def is_split(source: str, word: Word) -> bool:
    """`r''m`, `w\\ho`, `c'a't`: quoting inside a program's name hides it and does nothing else."""
    return _SPLIT_NAME.search(source, word.start, min(word.end, word.start + 256)) is not None


def joined(first: Stream, second: Stream) -> Stream:
    """The output of two commands, one after the other."""
    if first is EMPTY:
        return second
    marks = first.marks | second.marks
    if first.text is not None and second.text is not None:
        return Stream(first.text + second.text, marks)
    if first.text is None and second.text is None:
        return Stream(None, marks)
    return Stream(first.text or second.text or "", marks | PARTIAL)
