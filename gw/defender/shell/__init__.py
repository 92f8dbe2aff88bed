"""Understanding a shell command line without running it: `analyse` is the way in.

Knows nothing of policies or verdicts. Invariant: total and bounded: any text gives CommandFacts, and what was not
understood is named in `signals`.
"""

from typing import Final

from gw.defender.shell.ast import made
from gw.defender.shell.draft import Draft
from gw.defender.shell.interpret import foreign
from gw.defender.shell.lexer import TooDeepError
from gw.defender.shell.parser import Parser
from gw.defender.shell.relations import relate
from gw.defender.shell.walk import Walker
from gw.model.decision import Span
from gw.model.shell import CommandFacts, Node, NodeRole

MAX_COMMAND_CHARS: Final = 64 * 1024  # a large here-document is ordinary, a larger one is held
MAX_TEXT_NODES: Final = 256  # data and comments, each

_NO_FLAGS: Final[frozenset[str]] = frozenset()
_DOES_NOTHING: Final = Node(NodeRole.DATA, None, (), _NO_FLAGS, (), Span(0, 0))[6:]


def analyse(command: str, *, cwd: str | None = None) -> CommandFacts:
    """Return what *command* would run, as far as the text alone tells; *cwd* is where it starts, when known."""
    text = command[:MAX_COMMAND_CHARS]
    walker = Walker(text, cwd)
    if len(command) > MAX_COMMAND_CHARS:
        walker.signals.add("shell.too-long")
    parser = Parser(text)
    try:
        script = parser.parse()
    except TooDeepError:
        walker.signals.add("shell.too-deep")
        return CommandFacts((), frozenset(walker.signals | {"shell.unparsed"}), True)
    if parser.broken or parser.heredocs:
        walker.signals.add("shell.unparsed")
    walker.script(script)
    if parser.broken:
        foreign(walker, text)
    if walker.functions:
        walker.uncalled()
    if walker.cut:
        walker.signals.add("shell.too-long")
    if parser.obscured or walker.obscured:
        walker.signals.add("shell.obscured")
    if len(walker.drafts) > 1:
        relate(walker.drafts, text)
    nodes = [*map(Draft.node, walker.drafts)]
    if walker.extra:
        nodes += [_text_node(role, span) for role, span in walker.extra[:MAX_TEXT_NODES]]
    if parser.comments:
        nodes += [_text_node(NodeRole.COMMENT, Span(*span)) for span in parser.comments[:MAX_TEXT_NODES]]
    return made(CommandFacts, (tuple(nodes), frozenset(walker.signals), len(walker.drafts) > 1 or len(script) > 1))


def _text_node(role: NodeRole, span: Span) -> Node:
    return made(Node, (role, None, (), _NO_FLAGS, (), span, *_DOES_NOTHING))
