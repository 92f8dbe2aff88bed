import pytest

from gw.model.action import PartKind
from tests.support.matchers import matcher, problems_of
from tests.support.shell import part_subject


@pytest.mark.parametrize(("text", "hit"), [("x" * 11, True), ("x" * 10, False), ("", False)])
def test_size(text: str, hit: bool) -> None:
    found = matcher("size: {over: 10}")
    assert (found.match(part_subject(PartKind.PROMPT, text)) is not None) is hit
    assert found.keys is None


@pytest.mark.parametrize("text", ["size: 3", "size: {}", "size: {over: -1}", "size: {over: true}"])
def test_bad_sizes(text: str) -> None:
    assert problems_of(text)
