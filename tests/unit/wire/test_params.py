"""Texts and order are upstream's; tests/conformance/test_params.py compares them with the published validators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.wire.params import MATCHED_CHARACTERS, load_shapes, problem
from tests.support.shared import shared_json
from tests.support.tables import method_table, shape_of

TEXT = {"is": "string", "min": 1, "max": 3}

# Schema names are the methods' names in another spelling.
METHODS = {
    "".join(word[0].upper() + word[1:] for word in spec.name.split(".")) + "Params": spec.name
    for spec in method_table()
}


@pytest.mark.parametrize("case", shared_json("openclaw/vectors/rpc_params.json")["cases"], ids=lambda c: c["name"][:70])
def test_vectors(case):
    method = METHODS[case["input"]["schema"]]
    assert (problem(shape_of(method), case["input"]["params"]) is None) is case["expect"]["valid"]


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        ({}, {"anything": [1]}, None),
        ({"is": "object"}, [], "must be object"),
        ({"is": "object", "need": ["a", "b"]}, {}, "must have required property 'a'"),
        ({"fields": {"a": TEXT}}, {"a": 1}, "at /a: must be string"),
        ({"fields": {"a": TEXT}}, {"a": ""}, "at /a: must not have fewer than 1 characters"),
        ({"fields": {"a": TEXT}}, {"a": "xxxx"}, "at /a: must not have more than 3 characters"),
        ({"fields": {"a": TEXT}, "closed": True}, {"b": 1, "c": 2}, "at root: unexpected property 'b'"),
        ({"fields": {"o": {"closed": True, "fields": {}}}}, {"o": {"x": 1}}, "at /o: unexpected property 'x'"),
        ({"is": "object", "values": TEXT}, {"a": 1}, "at /a: must be string"),
        ({"values": TEXT, "names": "^x", "closed": True}, {"x1": "ok", "y": 1}, "at root: unexpected property 'y'"),
        ({"is": "object", "min": 1}, {}, "must not have fewer than 1 properties"),
        ({"is": "object", "max": 0}, {"a": 1}, "must not have more than 0 properties"),
        ({"is": "array", "of": TEXT}, ["ok", 1], "at /1: must be string"),
        ({"is": "array", "min": 1}, [], "must not have fewer than 1 items"),
        ({"is": "array", "max": 1}, [1, 2], "must not have more than 1 items"),
        ({"is": "array", "unique": True}, [1, 2, 1], "must not have duplicate items"),
        ({"is": "array", "unique": True}, [{"a": 1, "b": 2}, {"a": 2, "b": 1}], None),
        ({"is": "integer", "min": 1}, 0, "must be >= 1"),
        ({"is": "integer", "max": 1}, 2, "must be <= 1"),
        ({"is": "integer"}, 1.5, "must be integer"),
        ({"is": "integer"}, 2.0, None),
        ({"is": "integer", "min": 20}, 1.5, "must be integer; must be >= 20"),
        ({"is": "integer"}, True, "must be integer"),
        ({"is": "number"}, False, "must be number"),
        ({"is": "boolean"}, 0, "must be boolean"),
        ({"is": ["string", "null"]}, None, None),
        ({"is": ["string", "null"]}, 1, "must be either string or null"),
        ({"equals": 1}, True, "must be equal to constant"),
        ({"equals": 1}, 1.0, None),
        ({"enum": ["a", "b"]}, "c", "must be equal to one of the allowed values"),
        ({"match": "^[a-z]+$"}, "A", 'must match pattern "^[a-z]+$"'),
        ({"match": "^[a-z]+$"}, "a\n", 'must match pattern "^[a-z]+$"'),
        ({"any": [{"equals": "a"}, {"equals": "b"}]}, "b", None),
        ({"any": [{"is": "string"}, {"is": "null"}]}, 1, "must be string; must be null; must match a schema in anyOf"),
        ({"one": [{"is": "string"}, {"min": 3}]}, "long", "must match exactly one schema in oneOf"),
        ({"all": [{"is": "string"}, {"equals": "x"}]}, "y", "must be equal to constant"),
        ({"not": {"need": ["a"]}}, {"a": 1}, "must not be valid"),
        ({"not": {"need": ["a"]}}, {}, None),
    ],
)
def test_problem(shape, value, expected):
    assert problem(shape, value) == expected


def test_no_more_problems_than_upstream_counts():
    shape = {"fields": {str(i): {"is": "string"} for i in range(20)}}
    found = problem(shape, {str(i): i for i in range(20)})
    assert found.count("must be string") == 8


def test_long_text_is_not_put_through_a_pattern():
    text = "a" * (MATCHED_CHARACTERS + 1)
    assert problem({"match": "^a+$"}, text) is not None
    assert problem({"match": "^a"}, text) is None


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        (
            "chat.history",
            {"bogus": 1},
            "must have required property 'sessionKey'; at root: unexpected property 'bogus'",
        ),
        ("sessions.list", {"x": 1}, "at root: unexpected property 'x'"),
        ("sessions.list", {"limit": 0}, "at /limit: must be >= 1"),
        ("device.pair.list", {}, None),
    ],
)
def test_published_shapes(method, params, expected):
    assert problem(shape_of(method), params) == expected


def test_only_wanted_shapes_are_read():
    table = '{\n"a.b": {"is":"object"},\n"c": {"broken\n}\n'
    assert load_shapes(table, {"a.b"}) == {"a.b": {"is": "object"}}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SHAPED = [spec.name for spec in method_table() if spec.name in ("chat.send", "agent", "cron.add", "sessions.patch")]


@pytest.mark.parametrize("method", SHAPED)
@given(value=JSON_VALUES)
def test_any_value_is_answered(method, value):
    found = problem(shape_of(method), value)
    assert found is None or isinstance(found, str)
