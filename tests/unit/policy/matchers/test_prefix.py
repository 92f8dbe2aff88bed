import pytest

from gw.model.action import PartKind
from gw.model.decision import Span
from gw.model.shell import NodeRole
from tests.support.matchers import matcher, problems_of
from tests.support.shell import node, part_subject, subject


@pytest.mark.parametrize(
    ("rule", "line", "hit"),
    [
        ("prefix: [git, status]", "git status", True),
        ("prefix: [git, status]", "git status -s", True),
        ("prefix: [git, status]", "git", False),
        ("prefix: [git, status]", "git statusx", False),
        ("prefix: [git, [log, diff]]", "git diff a", True),
        ("prefix: [[ls, rg], -l]", "rg -l", True),
        ("prefix: git status", "git status", True),
        ("prefix: [git, {list: safe}]", "git log", True),
        ("prefix: [git, {list: safe}]", "git push", False),
    ],
)
def test_words_are_compared_whole_and_in_order(rule: str, line: str, hit: bool) -> None:
    assert (matcher(rule).match(subject(line)) is not None) is hit


def test_only_nodes_that_run_count_and_each_gives_its_span() -> None:
    nodes = (node("git status"), node("git status", 12), node("git status", 24, NodeRole.DATA))
    assert matcher("prefix: [git]").match(subject("git status; git status # git status", *nodes)) == (
        Span(0, 10),
        Span(12, 22),
    )


def test_the_program_is_the_key() -> None:
    assert matcher("prefix: [[ls, rg], x]").keys == {("program", "ls"), ("program", "rg")}


def test_a_prefix_says_nothing_of_other_parts() -> None:
    assert matcher("prefix: [git]").match(part_subject(PartKind.PROMPT, "git")) is None


@pytest.mark.parametrize(
    "text", ["prefix: []", "prefix: ''", "prefix: [git, []]", "prefix: [true]", "prefix: [{list: no}]"]
)
def test_bad_prefixes(text: str) -> None:
    assert problems_of(text)
