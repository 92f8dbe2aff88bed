"""gw/methods/kept_answers: given again under the same state only, and within a bound."""

from gw.methods.kept_answers import KeptAnswers
from gw.wire.json import Encoded


def test_an_answer_is_given_again_until_the_state_is_another() -> None:
    kept = KeptAnswers()
    assert kept.get(b"{}", (1, 10)) is None
    answer = kept.keep(b"{}", Encoded(b'{"n":1}'))
    assert kept.get(b"{}", (1, 10)) is answer
    assert kept.get(b'{"limit":1}', (1, 10)) is None
    assert kept.get(b"{}", (2, 10)) is None
    assert kept.get(b"{}", (1, 10)) is None  # forgotten for good


def test_what_does_not_fit_is_answered_and_not_kept() -> None:
    kept = KeptAnswers(most_bytes=10)
    kept.get(b"a", 1)
    assert kept.keep(b"a", Encoded(b"12345")) == b"12345"
    assert kept.keep(b"b", Encoded(b"12345")) == b"12345"
    assert (kept.get(b"a", 1), kept.get(b"b", 1)) == (b"12345", None)
    assert kept.get(b"a", 2) is None
    assert kept.keep(b"b", Encoded(b"12345")) == kept.get(b"b", 2)  # room again
