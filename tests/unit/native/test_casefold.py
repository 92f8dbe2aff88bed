"""gw/_native/casefold: what folds to one, and what is not known to."""

import pytest

from gw._native.casefold import ORBITS, cases, folds


@pytest.mark.parametrize("orbit", ORBITS)
def test_all_cases_fold_to_one(orbit: str) -> None:
    (stand,) = {folds()[char] for char in orbit}
    assert set(orbit) <= set(cases()[stand])


@pytest.mark.parametrize("char", ["a", "\u00e9", "\u0436"])
def test_letters_come_in_pairs(char: str) -> None:
    assert folds()[char] == folds()[char.upper()] == char.upper()
    assert sorted(cases()[char.upper()]) == [char.upper(), char]


@pytest.mark.parametrize(("char", "folded"), [("7", None), ("\u0149", "")])
def test_signs_have_no_case_and_some_letters_an_uncertain_one(char: str, folded: str | None) -> None:
    assert folds().get(char) == folded
