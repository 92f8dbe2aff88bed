import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.access.tokens import derived_token, hmac_sha256, matches


@given(st.text(min_size=1), st.text(min_size=1))
def test_matches_is_equality(one, other):
    assert matches(one, one)
    assert matches(one, other) is (one == other)


@pytest.mark.parametrize(("given_", "expected"), [(None, "x"), ("x", None), ("", ""), (None, None)])
def test_an_empty_secret_matches_nothing(given_, expected):
    assert not matches(given_, expected)


def test_derived_tokens_depend_on_every_part_and_on_where_one_ends():
    made = {
        derived_token(b"s" * 32, "ab", "c"),
        derived_token(b"s" * 32, "a", "bc"),
        derived_token(b"s" * 32, "abc"),
        derived_token(b"t" * 32, "ab", "c"),
    }
    assert len(made) == 4
    assert derived_token(b"s" * 32, "ab", "c") in made


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_our_hmac_is_the_standard_librarys(key, message):
    assert hmac_sha256(key, message) == hmac.digest(key, message, "sha256")
