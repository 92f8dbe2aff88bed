"""gw/defender/places: the tree of a carrier's pointers, against a twin that looks for each pointer by itself."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.defender.carriers import EVENTS, EVERYTHING, METHODS, Carrier
from gw.defender.places import escape, find, planted
from gw.model.action import PartKind
from gw.ports import Json

PROMPT, COMMAND, ARGV, URL, PATH, TOOL, OUTPUT, DATA = PartKind
CARRIERS = [*METHODS.values(), *EVENTS.values(), EVERYTHING]
Pointers = Sequence[tuple[PartKind, str]]
Leaf = tuple[PartKind, str, Json]


def found(pointers: Pointers, value: Json) -> list[Leaf]:
    return [each[1:] for each in find(planted(pointers), value)]


# --- the twin --------------------------------------------------------------------------------------------------------


def below(where: str, value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, dict):
        return [(f"{where}/{escape(name)}", child) for name, child in value.items()]
    return [(f"{where}/{at}", child) for at, child in enumerate(value)] if isinstance(value, list) else []


def texts(where: str, value: Json) -> list[tuple[str, Json]]:
    if isinstance(value, str):
        return [(where, value)]
    return [text for child in below(where, value) for text in texts(*child)]


def at_pointer(pointer: str, value: Json) -> list[tuple[str, Json]]:
    leaves = [("", value)]
    for name in pointer.split("/")[1:]:
        if name == "**":
            leaves = [text for leaf in leaves for text in texts(*leaf)]
        elif name == "*":
            leaves = [child for leaf in leaves for child in below(*leaf)]
        else:
            leaves = [
                (f"{where}/{name}", node[name]) for where, node in leaves if isinstance(node, dict) and name in node
            ]
    return leaves


def one_by_one(pointers: Pointers, value: Json) -> list[Leaf]:
    taken: set[str] = set()
    leaves: list[Leaf] = []
    for kind, pointer in pointers:
        for where, node in at_pointer(pointer, value):
            steps = where.split("/")
            if not any("/".join(steps[:length]) in taken for length in range(1, len(steps) + 1)):
                taken.add(where)
                leaves.append((kind, where, node))
    return leaves


NAMES = sorted(
    {name for carrier in CARRIERS for _, pointer in carrier.parts for name in pointer.split("/")[1:]} - {"*", "**"}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text("a~/0", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def shaped(pointers: Pointers) -> st.SearchStrategy[Json]:
    """Values that have something at some of the pointers, and something else beside it."""

    def grown(steps: list[tuple[list[str], Json]]) -> Json:
        root: dict[str, Json] = {}
        for names, value in steps:
            node: Json = root
            for name, after in zip(names, [*names[1:], None], strict=True):
                fresh: Json = value if after is None else ([] if after == "*" else {})
                if isinstance(node, list):
                    node.append(fresh)
                    node = node[-1]
                elif isinstance(node, dict):
                    node = node.setdefault(name, fresh)
        return root

    paths = [[name for name in pointer.split("/")[1:] if name != "**"] or ["x"] for _, pointer in pointers] or [["x"]]
    return st.lists(st.tuples(st.sampled_from(paths), VALUES), max_size=5).map(grown)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_the_tree_finds_what_the_pointers_find(data: st.DataObject) -> None:
    carrier = data.draw(st.sampled_from(CARRIERS))
    value = data.draw(VALUES | shaped(carrier.parts))
    assert [each[1:] for each in find(carrier.places, value)] == one_by_one(carrier.parts, value)


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointers", "value", "expected"),
    [
        ([(PROMPT, "/a")], {"b": 1, "a": {"c": "x"}}, [(PROMPT, "/a", {"c": "x"})]),
        ([(PROMPT, "/a"), (PATH, "/b")], {"b": "2", "a": "1"}, [(PROMPT, "/a", "1"), (PATH, "/b", "2")]),
        ([(PROMPT, "/a/*")], {"a": ["x", {"y": "z"}]}, [(PROMPT, "/a/0", "x"), (PROMPT, "/a/1", {"y": "z"})]),
        ([(PROMPT, "/a/*/b")], {"a": {"k~/": {"b": "x"}}}, [(PROMPT, "/a/k~0~1/b", "x")]),
        ([(DATA, "/**")], "text", [(DATA, "", "text")]),
        ([(DATA, "/**")], [1, ["x", None], {"y": "z"}], [(DATA, "/1/0", "x"), (DATA, "/2/y", "z")]),
        ([(PATH, "/a/p"), (DATA, "/a/**")], {"a": {"q": {"p": "1"}, "p": ["2"]}, "p": "3"},
         [(PATH, "/a/p", ["2"]), (DATA, "/a/q/p", "1")]),
        ([(COMMAND, "/a/b/c"), (DATA, "/**")], {"a": {"b": {"d": "1", "c": "2"}}},
         [(COMMAND, "/a/b/c", "2"), (DATA, "/a/b/d", "1")]),
        ([(PROMPT, "/a/*/t"), (PROMPT, "/a")], {"a": [{"t": "1"}]},
         [(PROMPT, "/a/0/t", "1"), (PROMPT, "/a", [{"t": "1"}])]),
    ],
)  # fmt: skip
def test_what_is_found(pointers: Pointers, value: Json, expected: list[Leaf]) -> None:
    assert found(pointers, value) == expected == one_by_one(pointers, value)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_row_is_below_an_earlier_one_nor_beside_a_star(carrier: Carrier) -> None:
    pointers = [pointer for _, pointer in carrier.parts]
    for row, pointer in enumerate(pointers):
        assert not any(pointer.startswith(f"{earlier}/") for earlier in pointers[:row])
        if "*" in pointer.split("/"):
            stem = pointer.partition("/*")[0]
            assert not any(other.startswith(f"{stem}/") and not other.startswith(f"{stem}/*") for other in pointers)


def test_depth_costs_no_recursion_where_no_pointer_goes() -> None:
    deep: Json = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert [leaf[2] for leaf in found([(DATA, "/**")], deep)] == ["bottom"]
