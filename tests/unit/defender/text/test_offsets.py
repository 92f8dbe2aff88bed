"""Edits and the way back."""

import pytest

from gw.defender.text.offsets import Edit, Offsets, rewrite
from gw.model.subject import View


def test_rewrite_maps_every_character_back() -> None:
    text, offsets = rewrite("abcdef", [Edit(1, 2, ""), Edit(3, 5, "XYZW")])
    assert text == "acXYZWf"
    assert list(offsets) == [0, 2, 3, 3, 4, 4, 5]


def test_an_overlapping_edit_is_skipped() -> None:
    assert rewrite("abcdef", [Edit(0, 3, "-"), Edit(2, 4, "+")])[0] == "-def"


def test_offsets_compose() -> None:
    first, offsets = rewrite("0123456789", [Edit(0, 5, "")])
    second, composed = rewrite(first, [Edit(0, 2, "x")], offsets)
    assert second == "x789"
    assert [composed[i] for i in range(4)] == [5, 7, 8, 9]


def test_offsets_are_a_sequence() -> None:
    offsets = Offsets.of([(0, 3, 5)], 2)
    assert len(offsets) == 2
    assert offsets[0:2] == [3, 4]
    with pytest.raises(IndexError):
        offsets[2]


def test_a_view_spans_whole_replacements() -> None:
    text, offsets = rewrite("see 616263 ok", [Edit(4, 10, "abc")])
    view = View("decoded", text, offsets)
    assert view.span(4, 7) == (4, 9)
    assert view.span(0, len(text)) == (0, 13)


def test_nothing_left_of_a_text_maps_nothing() -> None:
    text, offsets = rewrite("gone", [Edit(0, 4, "")])
    assert (text, list(offsets)) == ("", [])
