import json as stdlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw._native.envelope import scan
from gw.wire import json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES)
def test_what_is_written_is_read_back_by_another_parser(value):
    assert stdlib.loads(json.dumps(value)) == value


@given(VALUES)
def test_what_another_library_writes_is_read(value):
    assert json.loads(stdlib.dumps(value).encode()) == value


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), VALUES, max_size=4))
def test_the_strict_scanner_accepts_what_is_written(params):
    frame = b'{"type":"req","id":"1","method":"x","params":%b}' % json.dumps(params)
    envelope = scan(frame, max_depth=64)
    assert json.loads(frame[envelope.body_start : envelope.body_end]) == params


def test_encoded_json_passes_as_it_is():
    assert json.dumps(json.Encoded(b'{"a":1}')) == b'{"a":1}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_json_is_refused(value):
    with pytest.raises((OverflowError, ValueError)):
        json.dumps({"x": value})


def test_a_lone_surrogate_does_not_break_an_answer():
    assert json.dumps("a\ud800b") == b'"a?b"'


@pytest.mark.parametrize("text", [b"{", b"", b"[1,]", b"nope"])
def test_what_is_read_must_be_json(text):
    with pytest.raises(ValueError):
        json.loads(text)
