import pytest

from gw import limits
from gw.model.action import PartKind
from gw.model.decision import Span
from gw.model.shell import NodeRole
from tests.support.matchers import build, matcher, problems_of
from tests.support.shell import node, part_subject, subject


def test_hits_are_looked_up_by_index() -> None:
    found, context = build("pattern: [a, b]")
    assert [regex for _, regex in context.patterns.rows] == ["a", "b"]
    assert found.keys == {0, 1}
    assert found.match(subject("x")) is None
    assert found.match(subject("x b", hits={1: (Span(2, 3),)})) == (Span(2, 3),)


@pytest.mark.parametrize(
    ("at", "hit"),
    [(Span(0, 4), True), (Span(5, 8), False), (Span(6, 8), False), (Span(20, 22), True), (Span(30, 33), False)],
)
def test_only_what_runs_counts(at: Span, hit: bool) -> None:
    # echo "mkfs" prints; `sh -c` runs its body; the comment does nothing.
    nodes = (
        node("echo 'mkfs'"),
        node("mkfs", 5, NodeRole.DATA),
        node("sh -c x y z w q r", 14),
        node("body body", 20, NodeRole.INLINE),
        node("comment", 30, NodeRole.COMMENT),
    )
    line = subject("e", *nodes, hits={0: (at,)})
    assert (matcher("pattern: x").match(line) is not None) is hit
    assert matcher("pattern: x", on_data=True).match(line) == (at,)


def test_a_flood_of_harmless_hits_hides_nothing() -> None:
    """Beyond so many hits of one pattern the text is not searched, so what stands there counts as running."""
    nodes = (node("echo 'mkfs'"), node("mkfs", 5, NodeRole.DATA))
    few, flood = ((Span(5, 8),) * count for count in (limits.MAX_PATTERN_SPANS, limits.MAX_PATTERN_SPANS + 1))
    assert matcher("pattern: x").match(subject("e", *nodes, hits={0: few})) is None
    assert matcher("pattern: x").match(subject("e", *nodes, hits={0: flood})) is not None


def test_a_hit_between_nodes_counts_when_it_reaches_one_that_runs() -> None:
    nodes = (node("curl x"), node("sh", 9))
    assert matcher("pattern: x").match(subject("curl x | sh", *nodes, hits={0: (Span(6, 11),)})) is not None
    assert matcher("pattern: x").match(subject("curl x | sh", *nodes, hits={0: (Span(6, 8),)})) is None


def test_everything_counts_in_a_line_that_could_not_be_parsed() -> None:
    line = subject("rm '", node("rm"), signals=frozenset(("shell.unparsed",)), hits={0: (Span(3, 4),)})
    assert matcher("pattern: x").match(line) is not None


def test_other_parts_have_no_roles() -> None:
    text = part_subject(PartKind.PROMPT, "x")
    assert matcher("pattern: x").match(text) is None


@pytest.mark.parametrize("text", ["pattern: ''", "pattern: []", "pattern: ~", "pattern: {a: b}"])
def test_bad_patterns(text: str) -> None:
    assert problems_of(text)
