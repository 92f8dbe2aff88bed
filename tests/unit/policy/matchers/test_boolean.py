import pytest

from tests.support.matchers import matcher, problems_of
from tests.support.shell import subject


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ("all: [{prefix: git}, {tool: exec}]", True),
        ("all: [{prefix: git}, {tool: read}]", False),
        ("any: [{prefix: ls}, {tool: exec}]", True),
        ("any: [{prefix: ls}, {tool: read}]", False),
        ("not: {tool: read}", True),
        ("not: {tool: exec}", False),
        ("any: [{tool: exec, prefix: ls}, {not: {prefix: ls}}]", True),
        ("{tool: exec, prefix: ls}", False),
        ("{tool: exec, prefix: git}", True),
    ],
)
def test_combinations(rule: str, hit: bool) -> None:
    assert (matcher(rule).match(subject("git status", tool="exec")) is not None) is hit


def test_all_points_at_the_first_place_it_has() -> None:
    assert matcher("all: [{tool: exec}, {prefix: git}]").match(subject("git x", tool="exec")) == ((0, 5),)


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        ("all: [{prefix: [[a, b]]}, {tool: exec}]", {("tool", "exec")}),
        ("all: [{not: {tool: x}}, {tool: exec}]", {("tool", "exec")}),
        ("all: [{not: {tool: x}}]", None),
        ("any: [{prefix: a}, {tool: exec}]", {("program", "a"), ("tool", "exec")}),
        ("any: [{prefix: a}, {not: {tool: exec}}]", None),
    ],
)
def test_keys_never_hide_a_match(rule: str, keys: set[tuple[str, str]] | None) -> None:
    assert matcher(rule).keys == keys


@pytest.mark.parametrize("text", ["all: []", "any: x", "not: {}", "not: [a]", "not: {nott: x}", "{}"])
def test_bad_combinations(text: str) -> None:
    assert problems_of(text)
