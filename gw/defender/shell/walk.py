"""The static walk: a tree becomes drafts in the order they would run, with variables, pipes and wrappers followed.

Runs nothing. Invariant: bounded by a budget of commands, of texts re-parsed and of nesting; what the budget cuts off is
a signal.
"""

from collections.abc import Sequence

from gw.defender.shell import escapes
from gw.defender.shell.ast import Command, Compound, Pipeline, Redirect, Script, Simple, Subst, Word
from gw.defender.shell.code import inspect
from gw.defender.shell.draft import Draft
from gw.defender.shell.expand import Expander
from gw.defender.shell.facts import derive, feeds_interpreter, output_marks
from gw.defender.shell.files import deletes, redirect_to
from gw.defender.shell.filters import evaluate
from gw.defender.shell.interpreters import SHELLS, Code, code_of
from gw.defender.shell.lexer import TooDeep
from gw.defender.shell.parser import Parser
from gw.defender.shell.paths import normalise
from gw.defender.shell.stream import (
    DECODED,
    EMPTY,
    EXPANDED,
    FETCHED,
    GLOB,
    LOCAL,
    SECRET,
    UNKNOWN,
    UNRESOLVED,
    Field,
    Stream,
)
from gw.defender.shell.wrappers import PRIVILEGED, inner_commands
from gw.model.decision import Span
from gw.model.shell import NodeRole

MAX_DRAFTS = 256
MAX_TEXTS = 64  # strings re-parsed as shell in one line
MAX_NESTING = 12
MAX_LOOP = 4  # items of a `for` that are walked one by one

_QUIET = frozenset(("echo", "printf", ":", "true", "false", "test", "[", "[[", "sleep", "wait", "logger", "notify-send"))
_MESSAGE_OPTIONS = frozenset(("-m", "--message", "-am", "--body", "--title", "-F", "--notes", "--description"))


class _Context:
    """What wraps the command being walked: wrappers, rights, its input, the span to report."""

    __slots__ = ("env", "privileged", "redirects", "span", "stdin", "wrappers")

    def __init__(self, span: Span, stdin: Stream | None) -> None:
        self.span = span
        self.stdin = stdin
        self.wrappers: tuple[str, ...] = ()
        self.privileged = False
        self.redirects: list[tuple[str, int, Field]] = []  # operator, descriptor, target
        self.env: dict[str, Stream] = {}


class Walker:
    def __init__(self, cwd: str | None) -> None:
        self.drafts: list[Draft] = []
        self.extra: list[tuple[NodeRole, Span]] = []  # data and comments
        self.signals: set[str] = set()
        self.expander = Expander(self._substitute, cwd)
        self.functions: dict[str, Script] = {}
        self.aliases: dict[str, str] = {}
        self.files: dict[str, Stream] = {}  # written by this line
        self.called: list[str] = []  # functions being walked
        self.base: Span | None = None  # the span of everything found in a text that is not the line itself
        self.outer: _Context | None = None
        self.texts = 0
        self.depth = 0

    # --- lists ------------------------------------------------------------------------------------------------------

    def script(self, script: Script, stdin: Stream | None = None) -> Stream:
        """Walk a list of pipelines; return its whole output."""
        output = EMPTY
        for pipeline in script:
            if len(self.drafts) >= MAX_DRAFTS:
                self.signals.add("shell.too-long")
                break
            output = _joined(output, self._pipeline(pipeline, stdin))
        return output

    def _pipeline(self, pipeline: Pipeline, stdin: Stream | None) -> Stream:
        stream = stdin
        commands = pipeline.commands
        if len(commands) == 1:
            first = len(self.drafts)
            output = self._command(commands[0], stdin)
            if pipeline.separator == "&":
                for draft in self.drafts[first:]:
                    draft.background = True
            return output
        heads: list[tuple[int, int]] = []
        for command in commands:
            first = len(self.drafts)
            stream = self._command(command, stream)
            heads.append((first, len(self.drafts)))
        self._connect(heads, background=pipeline.separator == "&")
        return stream if stream is not None else UNKNOWN

    def _connect(self, heads: list[tuple[int, int]], *, background: bool) -> None:
        """Tell neighbours in a pipeline about each other; the last draft of a stage speaks for it."""
        for i, (first, last) in enumerate(heads):
            for draft in self.drafts[first:last]:
                draft.background = draft.background or background
                if i + 1 < len(heads) and heads[i + 1][0] < heads[i + 1][1]:
                    draft.pipes_into = self.drafts[heads[i + 1][1] - 1].program
                if i and heads[i - 1][0] < heads[i - 1][1]:
                    draft.piped_from = self.drafts[heads[i - 1][1] - 1].program

    # --- commands -----------------------------------------------------------------------------------------------------

    def _command(self, command: Command, stdin: Stream | None) -> Stream:
        if type(command) is Simple:
            return self._simple(command, stdin)
        assert isinstance(command, Compound)
        context = _Context(self._span(command.start, command.end), stdin)
        stdin = self._redirect(command.redirects, context)
        output = self._compound(command, stdin)
        for operator, fd, target in context.redirects:
            if operator[0] == ">" and fd != 2:
                self._compound_write(target, context.span)
                output = EMPTY
        return output

    def _compound_write(self, target: Field, span: Span) -> None:
        if target.text.isdigit() or target.text in ("-", "/dev/null"):
            return
        draft = Draft("", ("",), (0,), span)
        draft.cwd = self.expander.cwd
        self._write(draft, target)
        derive(draft)
        if draft.facts or draft.writes:
            self.drafts.append(draft)

    def _compound(self, command: Compound, stdin: Stream | None) -> Stream:
        kind = command.kind
        if kind == "function":
            return self._define(command)
        if kind == "for":
            return self._for(command, stdin)
        output = EMPTY
        saved = self.expander.cwd
        for body in command.bodies:
            output = _joined(output, self.script(body, stdin))
        if kind == "(":
            self.expander.cwd = saved
        if kind in ("if", "while", "case"):
            return Stream(None, output.marks)
        return output

    def _for(self, command: Compound, stdin: Stream | None) -> Stream:
        fields = [f for word in command.words for f in self.expander.fields(word)]
        items: Sequence[Field] = fields[:MAX_LOOP]
        marks = 0
        for body in command.bodies:
            if not items:
                self.expander.variables.pop(command.name, None)
                return Stream(None, self.script(body, stdin).marks)
            for item in items:
                known = not item.marks & (GLOB | UNRESOLVED)
                self.expander.variables[command.name] = Stream(item.text if known else None, item.marks)
                if not known and item.marks & GLOB:
                    self.expander.variables[command.name] = Stream(item.text, item.marks)
                marks |= self.script(body, stdin).marks
        return Stream(None, marks)

    def _define(self, command: Compound) -> Stream:
        body = command.bodies[0]
        self.functions[command.name] = body
        return EMPTY

    def uncalled(self) -> None:
        """Walk functions that nobody called: they may be called later in the same session."""
        for name, body in list(self.functions.items()):
            if name and len(self.drafts) < MAX_DRAFTS:
                self._call(name, body, [name], None, None)

    def _call(self, name: str, body: Script, argv: list[str], stdin: Stream | None, draft: Draft | None) -> Stream:
        if name in self.called:
            return UNKNOWN  # the caller grades functions that start themselves
        if len(self.called) >= MAX_NESTING:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        saved, self.expander.positional = self.expander.positional, argv if draft is not None else None
        self.called.append(name)
        first = len(self.drafts)
        output = self.script(body, stdin)
        self.called.pop()
        self.expander.positional = saved
        self._fork_bomb(name, self.drafts[first:])
        self.functions.pop(name, None) if draft is None else None
        return output

    def _fork_bomb(self, name: str, inside: list[Draft]) -> None:
        own = [d for d in inside if d.program == name]
        if own and (len(own) > 1 or any(d.background or d.pipes_into == name or d.piped_from == name for d in own)):
            for draft in own:
                draft.facts.add("fork-bomb")

    # --- simple commands ------------------------------------------------------------------------------------------------

    def _simple(self, command: Simple, stdin: Stream | None) -> Stream:
        expander = self.expander
        context = _Context(self._span(command.start, command.end), stdin)
        words = command.words
        for assign in command.assigns:
            if words:
                saved = expander.variables.get(assign.name)
                context.env[assign.name] = expander.assign(assign)
                if saved is None:
                    expander.variables.pop(assign.name, None)
                else:
                    expander.variables[assign.name] = saved
            else:
                context.env[assign.name] = expander.assign(assign)
        if command.redirects:
            context.stdin = self._redirect(command.redirects, context)
        if not words:
            return self._bare(context)
        argv: list[str] = []
        marks: list[int] = []
        for i, word in enumerate(words):
            literal = word.literal
            if literal is not None:
                argv.append(literal)
                marks.append(GLOB if word.glob else 0)
                continue
            for field in expander.fields(word, program=not i):
                argv.append(field.text)
                marks.append(field.marks)
        if not argv:
            return self._bare(context)
        if argv[0] in _QUIET and len(words) > 1:
            self.extra.append((NodeRole.DATA, self._span(words[1].start, words[-1].end)))
        return self.run(argv, marks, context)

    def _bare(self, context: _Context) -> Stream:
        """Assignments or redirects without a program."""
        if not context.redirects and not context.env:
            return EMPTY
        draft = Draft("", ("",), (0,), context.span)
        draft.cwd = self.expander.cwd
        draft.env = context.env
        for operator, _fd, target in context.redirects:
            if operator in (">", ">|", ">>", "<>"):
                if operator in (">", ">|"):
                    draft.facts.add("truncates")
                self._write(draft, target)
        self._command_variables(draft, context)
        derive(draft)
        draft.facts.discard("truncates") if not draft.writes else None
        if draft.facts or draft.writes:
            self.drafts.append(draft)
        return EMPTY

    def run(self, argv: list[str], marks: list[int], context: _Context) -> Stream:
        """Walk one command given as fields: unwrap, follow, derive."""
        outer = self.outer
        if outer is not None and outer.wrappers and not context.wrappers:
            context.wrappers, context.privileged = outer.wrappers, outer.privileged or context.privileged
        program = self._program(argv[0], marks[0])
        if program is None:
            return self._unknown(argv, marks, context)
        if program in self.aliases and program not in self.called:
            text = " ".join([self.aliases[program], *argv[1:]])
            self.called.append(program)
            output = self._text(text, context)
            self.called.pop()
            return output
        inner = inner_commands(program, argv)
        if inner is not None:
            return self._wrapper(program, argv, marks, context, inner)
        body = self.functions.get(program)
        if body is not None:
            draft = self._draft(program, argv, marks, context)
            self.drafts.append(draft)
            return self._call(program, body, argv, context.stdin, draft)
        return self._plain(program, argv, marks, context)

    def _program(self, word: str, marks: int) -> str | None:
        """The base name; None when an expansion or a pattern hides it."""
        if marks & (UNRESOLVED | GLOB):
            name = word.rpartition("/")[2]
            if not any(c in name for c in "$`*?[") and name and "$(" not in word:
                return name
            if marks & UNRESOLVED:
                self.signals.add("shell.unresolved-program")
                return None
            if len(word) > 1 and word != "[":
                self.signals.add("shell.pattern-program")
                return None
        return word.rpartition("/")[2] or word

    def _unknown(self, argv: list[str], marks: list[int], context: _Context) -> Stream:
        draft = self._draft(None, argv, marks, context)
        if marks[0] & FETCHED:
            draft.facts.add("executes-fetched")
        derive(draft)
        self.drafts.append(draft)
        return Stream(None, output_marks(draft))

    def _draft(self, program: str | None, argv: Sequence[str], marks: Sequence[int], context: _Context) -> Draft:
        draft = Draft(program, argv, marks, context.span, context.wrappers, privileged=context.privileged, stdin=context.stdin)
        draft.cwd = self.expander.cwd
        draft.env = context.env
        return draft

    # --- wrappers ---------------------------------------------------------------------------------------------------------

    def _wrapper(
        self, program: str, argv: list[str], marks: list[int], context: _Context, inner: list
    ) -> Stream:
        if not inner:
            return self._plain(program, argv, marks, context)
        output = UNKNOWN
        if program in ("find", "ssh", "docker", "podman", "kubectl", "lxc", "screen", "tmux", "script", "strace", "fd"):
            self._plain(program, argv, marks, context)
        if program == "env":
            self._env_words(argv, context)
        for found in inner[:8]:
            wrapped = _Context(context.span, context.stdin)
            wrapped.env, wrapped.redirects = context.env, context.redirects
            wrapped.wrappers = (*context.wrappers, program)
            wrapped.privileged = context.privileged or program in PRIVILEGED
            if found.text is not None:
                output = self._text(found.text, wrapped)
                continue
            words, word_marks = argv[found.start : found.end], marks[found.start : found.end]
            if not words:
                continue
            if program == "xargs":
                words, word_marks = self._xargs(words, word_marks, context.stdin)
                wrapped.stdin = None
            if program in ("find", "fd"):
                words, word_marks = self._found(argv, words, word_marks)
            if len(wrapped.wrappers) > MAX_NESTING:
                self.signals.add("shell.too-deep")
                break
            output = self.run(words, word_marks, wrapped)
        return output

    def _env_words(self, argv: list[str], context: _Context) -> None:
        context.env = dict(context.env)
        for word in argv[1:8]:
            name, equals, value = word.partition("=")
            if equals and name.isidentifier():
                context.env[name] = Stream(value)

    def _xargs(self, words: list[str], marks: list[int], stdin: Stream | None) -> tuple[list[str], list[int]]:
        """Append what xargs will append, when its input is known; else say that there will be more."""
        if stdin is None:
            return words, marks
        if stdin.text is not None:
            more = stdin.text.split()[:64]
            return words + more, marks + [stdin.marks | EXPANDED] * len(more)
        return words, [m | (stdin.marks & SECRET) for m in marks]

    def _found(self, argv: list[str], words: list[str], marks: list[int]) -> tuple[list[str], list[int]]:
        """Replace `{}` by what find starts from: deleting what is found there deletes there."""
        filtered = any(a in argv for a in ("-name", "-iname", "-path", "-regex", "-mtime", "-size", "-empty", "-newer", "-mmin", "-iregex", "-wholename", "-user", "-perm"))
        root = next((a for a in argv[1:] if a[:1] not in "-(!"), ".")
        place = root if not filtered else root.rstrip("/") + "/{}"
        return [place if w == "{}" else w for w in words], marks

    # --- plain programs -----------------------------------------------------------------------------------------------------

    def _plain(self, program: str, argv: list[str], marks: list[int], context: _Context) -> Stream:
        draft = self._draft(program, argv, marks, context)
        for operator, fd, target in context.redirects:
            if operator[0] == ">" or operator == "<>":
                draft.redirected = draft.redirected or fd == 1 or fd == -1
                self._write(draft, target)
        if context.env:
            self._command_variables(draft, context)
        derive(draft)
        self.drafts.append(draft)
        code = code_of(program, argv)
        if code is not None:
            return self._interpreter(draft, code, context)
        special = _SPECIAL.get(program)
        if special is not None:
            special(self, draft, context)
        if escapes.COMMAND_OPTIONS.get(program) or program in escapes.FINDERS:
            self._escapes(draft, context)
        self._runs_known_file(draft, argv[0], context)
        return self._output(draft, argv, context)

    def _output(self, draft: Draft, argv: list[str], context: _Context) -> Stream:
        stdin = context.stdin
        text = evaluate(draft.program or "", argv[1:], stdin.text if stdin is not None else None)
        marks = output_marks(draft)
        for mark in draft.marks:
            marks |= mark & (SECRET | FETCHED | LOCAL | 32)
        if text is not None:
            marks |= EXPANDED
        if any(m & UNRESOLVED for m in draft.marks):
            text = None
        stream = Stream(text, marks)
        for operator, fd, target in context.redirects:
            if operator[0] == ">" and fd != 2:
                path = normalise(target.text, self.expander.cwd)
                known = self.files.get(path) if operator == ">>" else None
                self.files[path] = _joined(known, stream) if known is not None else stream
        if draft.program == "tee":
            for path in draft.writes:
                self.files[path] = stream
        elif draft.fetches and not draft.output.marks:
            for path in draft.writes:
                self.files[path] = Stream(None, FETCHED)
        elif draft.program in ("cp", "mv", "install", "ln") and draft.reads and draft.writes:
            self.files[draft.writes[-1]] = self.files.get(draft.reads[0], Stream(None, 0))
        return EMPTY if draft.redirected else stream

    def _write(self, draft: Draft, target: Field) -> None:
        if not target.text or target.text.isdigit() or target.text == "-":
            return
        redirect_to(draft, target.text, target.marks)

    def _runs_known_file(self, draft: Draft, word: str, context: _Context) -> None:
        if "/" not in word or not self.files:
            return
        content = self.files.get(normalise(word, self.expander.cwd))
        if content is None:
            return
        if content.marks & FETCHED:
            draft.facts.add("executes-download")
        elif content.text:
            self._text(content.text, context)

    def _command_variables(self, draft: Draft, context: _Context) -> None:
        """PAGER=..., GIT_SSH_COMMAND=...: the value is a command that the program will run."""
        for name, value in list(context.env.items())[:8]:
            if value.text and escapes.is_command_variable(name) and ("/" in value.text or " " in value.text or value.text in SHELLS):
                stem = value.text.split()
                if name == "SHELL" and len(stem) == 1:
                    continue
                inner = _Context(context.span, None)
                inner.wrappers = (*context.wrappers, name)
                if stem[0].rpartition("/")[2] in SHELLS:
                    draft.facts.add("shell-escape")
                self._text(value.text, inner)

    # --- code -----------------------------------------------------------------------------------------------------------------

    def _interpreter(self, draft: Draft, code: Code, context: _Context) -> Stream:
        draft.language = code.language
        stdin = context.stdin
        if code.text is not None:
            draft.inline_code = code.text
            mark = draft.marks[code.index] if 0 <= code.index < len(draft.marks) else 0
            if mark & FETCHED or (mark & UNRESOLVED and code.language == "sh"):
                feeds_interpreter(draft, Stream(None, mark))
            return self._code(draft, code, code.text, context)
        if code.script is not None and code.script not in ("/dev/stdin", "/proc/self/fd/0"):
            return self._script_file(draft, code, context)
        if stdin is not None:
            if stdin.text is not None:
                draft.inline_code = stdin.text
                return self._code(draft, code, stdin.text, context)
            feeds_interpreter(draft, stdin)
        if code.language == "sh":
            self._grade_shell(draft, code, context)
        return Stream(None, stdin.marks if stdin is not None else 0)

    def _script_file(self, draft: Draft, code: Code, context: _Context) -> Stream:
        script = code.script or ""
        content = self.files.get(normalise(script, self.expander.cwd)) if script else None
        mark = draft.marks[code.index] if 0 <= code.index < len(draft.marks) else 0
        if mark & FETCHED:
            draft.facts.add("executes-fetched")
        elif content is not None:
            if content.text is not None:
                return self._code(draft, code, content.text, context)
            if script.startswith("/dev/fd/"):
                feeds_interpreter(draft, content)
            elif content.marks & FETCHED:
                draft.facts.add("executes-download")
            elif content.marks & DECODED:
                draft.facts.add("executes-decoded")
        return UNKNOWN

    def _grade_shell(self, draft: Draft, code: Code, context: _Context) -> None:
        """A shell without a command: interactive, or fed by a descriptor."""
        stdin = context.stdin
        if any("/dev/tcp/" in t.text or "/dev/udp/" in t.text for _o, _f, t in context.redirects):
            draft.facts.add("reverse-shell")
        elif stdin is None and draft.wrappers and not set(draft.wrappers) <= {"docker", "podman", "kubectl", "time", "docker-compose", "xargs", "nerdctl", "oc", "ssh", "env", "command", "builtin", "tmux", "screen", "script", "npx", "exec", "lxc"} | ({"sudo"} if False else set()):
            draft.facts.add("root-shell" if draft.privileged else "spawns-shell")
        elif code.interactive:
            draft.facts.add("spawns-shell")

    def _code(self, draft: Draft, code: Code, text: str, context: _Context) -> Stream:
        if code.language == "sh":
            inner = _Context(context.span, context.stdin if code.text is not None else None)
            inner.wrappers = (*context.wrappers, draft.program or "sh")
            inner.privileged = context.privileged
            saved = self.expander.positional
            if code.args:
                self.expander.positional = list(code.args)
            output = self._text(text, inner)
            self.expander.positional = saved
            return output
        draft.inline_code = text
        found = inspect(code.language, text)
        draft.facts |= found.facts
        paths = [normalise(p, self.expander.cwd) for p in found.paths]
        if found.deletes and paths:
            deletes(draft, paths, recursive=found.recursive)
        elif found.deletes and found.recursive:
            draft.facts.add("deletes-tree")
        if paths:
            (draft.writes if found.writes else draft.reads).extend(paths)
            effect_free = Draft("", ("",), (0,), draft.span)
            effect_free.reads, effect_free.writes = paths if not found.writes else [], paths if found.writes else []
            derive(effect_free)
            draft.facts |= effect_free.facts
        inner = _Context(context.span, None)
        inner.wrappers = (*context.wrappers, draft.program or code.language)
        inner.privileged = context.privileged
        for command in found.commands:
            self._text(command, inner)
        return Stream(None, FETCHED if "code-network" in found.facts else 0)

    def _escapes(self, draft: Draft, context: _Context) -> None:
        inner = _Context(context.span, None)
        inner.wrappers = (*context.wrappers, draft.program or "")
        for text in escapes.commands(draft):
            if _runs_shell(text):
                draft.facts.add("shell-escape")
            self._text(text, inner)

    def _text(self, text: str, context: _Context) -> Stream:
        """Walk a text that some shell will parse; everything in it bears the span of its container."""
        self.texts += 1
        if self.texts > MAX_TEXTS or self.depth >= MAX_NESTING:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        saved = self.base, self.outer
        self.base, self.outer = context.span, context
        self.depth += 1
        try:
            parser = Parser(text)
            script = parser.parse()
            if parser.broken:
                self.signals.add("shell.unparsed-inner")
            return self.script(script, context.stdin)
        except TooDeep:
            self.signals.add("shell.too-deep")
            return UNKNOWN
        finally:
            self.depth -= 1
            self.base, self.outer = saved

    # --- redirects and substitutions -----------------------------------------------------------------------------------------

    def _redirect(self, redirects: Sequence[Redirect], context: _Context) -> Stream | None:
        """Expand redirects into the context; return the input they leave."""
        stdin = context.stdin
        for redirect in redirects:
            if redirect.op in ("<<", "<<<"):
                stdin = self.expander.value(redirect.target)
                if redirect.op == "<<":
                    self.extra.append((NodeRole.DATA, self._span(redirect.target.start, redirect.target.end)))
                if stdin.marks & UNRESOLVED and stdin.text is not None and not stdin.marks & FETCHED:
                    stdin = Stream(stdin.text, stdin.marks)
                continue
            fields = self.expander.fields(redirect.target) or [Field("", 0)]
            target = fields[0]
            context.redirects.append((redirect.op, redirect.fd, target))
            if redirect.op[0] == "<" and redirect.op != "<&":
                stdin = self._input(redirect.target, target)
        return stdin

    def _input(self, word: Word, target: Field) -> Stream:
        path = normalise(target.text, self.expander.cwd)
        known = self.files.get(path)
        if known is not None:
            return known
        if path.startswith(("/dev/tcp/", "/dev/udp/")):
            return Stream(None, FETCHED)
        draft = Draft("", ("", path), (0, 0), self._span(word.start, word.end))
        draft.reads = [path]
        derive(draft)
        if draft.facts:
            self.drafts.append(draft)
        marks = SECRET if draft.facts & {"reads-secret", "reads-private"} else 0
        return Stream(None, LOCAL | marks)

    def _substitute(self, part: Subst) -> Stream:
        """Walk a substitution where it stands and return what it prints."""
        if len(self.drafts) >= MAX_DRAFTS:
            return UNKNOWN
        self.depth += 1
        try:
            if self.depth > MAX_NESTING * 2:
                self.signals.add("shell.too-deep")
                return UNKNOWN
            output = self.script(part.script, UNKNOWN if part.kind == ">" else None)
        finally:
            self.depth -= 1
        if part.kind != "$":
            path = f"/dev/fd/{63 - len(self.files) % 50}"
            self.files[path] = output
            return Stream(path, output.marks | EXPANDED)
        if output.text is None:
            return Stream(None, output.marks | EXPANDED)
        return Stream(output.text.rstrip("\n"), output.marks | EXPANDED)

    def _span(self, start: int, end: int) -> Span:
        return self.base or Span(start, end)


def _joined(first: Stream, second: Stream) -> Stream:
    if first is EMPTY:
        return second
    text = None if first.text is None or second.text is None else first.text + second.text
    return Stream(text, first.marks | second.marks)


def _runs_shell(text: str) -> bool:
    words = text.replace(",", " ").split()
    return bool(words) and words[0].rpartition("/")[2] in SHELLS


# --- builtins that take commands or change the walk ------------------------------------------------------------------------


def _cd(walker: Walker, draft: Draft, _context: _Context) -> None:
    target = draft.operands[0] if draft.operands else "~"
    if target == "-" or "$" in target:
        walker.expander.cwd = None
    else:
        walker.expander.cwd = normalise(target, walker.expander.cwd)


def _eval(walker: Walker, draft: Draft, context: _Context) -> None:
    text = " ".join(draft.argv[1:])
    marks = 0
    for mark in draft.marks[1:]:
        marks |= mark
    if marks & UNRESOLVED or marks & FETCHED:
        feeds_interpreter(draft, Stream(None, marks))
    inner = _Context(context.span, context.stdin)
    inner.wrappers = (*context.wrappers, "eval")
    inner.privileged = context.privileged
    walker._text(text, inner)


def _source(walker: Walker, draft: Draft, context: _Context) -> None:
    if draft.operands:
        walker._script_file(draft, Code("sh", script=draft.operands[0], index=1), context)


def _trap(walker: Walker, draft: Draft, context: _Context) -> None:
    if draft.operands and len(draft.operands) > 1:
        walker._text(draft.operands[0], context)


def _alias(walker: Walker, draft: Draft, context: _Context) -> None:
    for word in draft.operands:
        name, equals, value = word.partition("=")
        if equals:
            walker.aliases[name] = value
            if len(value) > 2:
                walker._text(value, context)


def _export(walker: Walker, draft: Draft, context: _Context) -> None:
    for word, mark in zip(draft.argv[1:], draft.marks[1:], strict=False):
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            walker.expander.variables[name] = Stream(None if mark & UNRESOLVED else value, mark)
            inner = _Context(context.span, None)
            inner.env = {name: Stream(value)}
            walker._command_variables(draft, inner)


def _schedule(walker: Walker, draft: Draft, context: _Context) -> None:
    """`at` and `crontab -` read commands from their input."""
    text = context.stdin.text if context.stdin is not None else None
    if text and ("schedules" in draft.facts):
        for line in text.splitlines()[:8]:
            fields = line.split(None, 5)
            if draft.program == "crontab":
                line = fields[5] if len(fields) > 5 and not line.startswith("@") else line.partition(" ")[2]
            walker._text(line, context)


def _read(walker: Walker, draft: Draft, context: _Context) -> None:
    """`read x <<< value` sets x."""
    names = [o for o in draft.operands if o.isidentifier()]
    text = context.stdin.text if context.stdin is not None else None
    for name, value in zip(names, (text or "").split(None, len(names) - 1) if names else [], strict=False):
        walker.expander.variables[name] = Stream(value.strip() if text is not None else None, EXPANDED)


def _printf(walker: Walker, draft: Draft, _context: _Context) -> None:
    """`printf -v name ...` sets name."""
    if draft.argv[1:2] == ["-v"] and len(draft.argv) > 3:
        walker.expander.variables[draft.argv[2]] = Stream(evaluate("printf", draft.argv[3:], None))


def _at(walker: Walker, draft: Draft, context: _Context) -> None:
    _schedule(walker, draft, context)


_SPECIAL = {
    "cd": _cd, "pushd": _cd, "eval": _eval, "source": _source, ".": _source, "trap": _trap, "alias": _alias, "export": _export, "declare": _export, "typeset": _export, "readonly": _export,
    "local": _export, "crontab": _schedule, "at": _at, "batch": _at, "read": _read, "printf": _printf,
}  # fmt: skip
