import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.ledger.redact import KEY_BYTES, Redactor
from gw.model.decision import Span

KEY = bytes(range(KEY_BYTES))


def redactor() -> Redactor:
    return Redactor(KEY, lambda text: [Span(i, i + 6) for i in range(len(text)) if text.startswith("secret", i)])


def test_a_token_depends_on_text_and_key_alone() -> None:
    assert redactor().token("x") == redactor().token("x")
    assert redactor().token("x") != redactor().token("y")
    assert redactor().token("x") != Redactor(bytes(KEY_BYTES)).token("x")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        Redactor(bytes(31))


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("agent:main:main", "agent:main:main"),
        ("agent:main:discord:group:g1", "agent:main:discord:group:g1"),
        ("agent:main:whatsapp:direct:+491701234567", "agent:main:whatsapp:direct:~"),
        ("agent:main:mail:direct:sam@example.com", "agent:main:mail:direct:~"),
    ],
)
def test_session_keys_lose_what_names_a_person(key: str, kept: str) -> None:
    found = redactor().session(key)
    assert found.startswith(kept)
    assert ("~" in found) == (key != kept)


def test_mask_replaces_given_spans_and_found_secrets_once() -> None:
    one = redactor()
    text = one.mask("a secret, b", [Span(2, 4), Span(10, 99), Span(5, 5)])
    assert text == f"a [redacted:{one.token('secret')}], [redacted:{one.token('b')}]"


@given(st.text(max_size=40), st.lists(st.builds(Span, st.integers(-3, 45), st.integers(-3, 45)), max_size=5))
def test_masking_keeps_what_is_outside_the_spans(text: str, spans: list[Span]) -> None:
    masked = Redactor(KEY).mask(text, spans)
    outside = [c for i, c in enumerate(text) if not any(max(0, s.start) <= i < s.end for s in spans)]
    rest = masked
    for letter in outside:
        at = rest.find(letter)
        assert at >= 0
        rest = rest[at + 1 :]
    if len(outside) == len(text):
        assert masked == text
