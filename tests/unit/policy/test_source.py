import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.policy import source
from gw.policy.source import parse, plain


def values(text: str) -> object:
    root, problems = parse(text, "f.yaml")
    assert root is not None, problems
    assert not problems
    return plain(root)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("TRUE", "TRUE"),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1e3", "1e3"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2027-01-31", "2027-01-31"),
        ("~", None),
        ("null", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1234567890123456", "1234567890123456"),
        (".inf", ".inf"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    assert values(f"k: {text}") == {"k": value}


def test_positions_count_from_one_and_keys_have_their_own() -> None:
    root, _ = parse("a:\n  - x: 1\n    yy: two\n", "f.yaml")
    assert root is not None
    (element,) = root.get("a").elements()  # type: ignore[union-attr]
    assert (element.line, element.column) == (2, 5)
    assert element.keys["yy"] == (3, 5)
    assert (element.get("yy").line, element.get("yy").column) == (3, 9)  # type: ignore[union-attr]


def test_a_repeated_key_is_reported_where_it_stands_and_the_first_counts() -> None:
    root, problems = parse("a: 1\nb: 2\na: 3\n", "f.yaml")
    assert root is not None
    assert plain(root) == {"a": 1, "b": 2}
    assert [(p.line, p.column, p.code) for p in problems] == [(3, 1, "source.duplicate")]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: !!python/object:os.system x", "source.tag", 1),
        ("a: !!str x", "source.tag", 1),
        ("a: 1\n---\nb: 2\n", "source.documents", 2),
        ("? [a]\n: b", "source.key", 1),
        ("a: *nowhere", "source.alias", 1),
        ("a: &x [*x]", "source.alias", 1),
        ("a: [1, 2", "source.syntax", 1),
        ("a:\n\t- b", "source.syntax", 2),
        ("a: " + "[" * 40 + "]" * 40, "source.depth", 1),
        ("a: &a x\nb: [" + "*a, " * 300 + "]", "source.alias", 2),
        ("\x00", "source.syntax", 0),
    ],
)
def test_what_is_refused(text: str, code: str, line: int) -> None:
    root, problems = parse(text, "f.yaml")
    assert root is None
    assert problems[-1].code == code
    assert problems[-1].file == "f.yaml"
    assert problems[-1].line in (line, line + 1)


def test_an_alias_bomb_is_counted_expanded() -> None:
    rows = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"]
    rows += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    root, problems = parse("\n".join(rows), "f.yaml")
    assert root is None
    assert problems[0].code == "source.nodes"


def test_a_large_file_is_refused_before_it_is_parsed() -> None:
    root, problems = parse("a: " + "x" * source.MAX_BYTES, "f.yaml")
    assert root is None
    assert problems[0].code == "source.size"


def test_an_empty_file_has_no_root() -> None:
    assert parse("# nothing\n", "f.yaml") == (None, [])


def test_one_value_may_stand_for_a_list_of_one() -> None:
    root, _ = parse("a: x", "f.yaml")
    assert root is not None
    assert [plain(node) for node in root.get("a").elements()] == ["x"]  # type: ignore[union-attr]


@given(st.text(max_size=200))
def test_any_text_gives_a_tree_or_problems(text: str) -> None:
    root, problems = parse(text, "f.yaml")
    assert (
        root is not None or problems or not text.strip() or text.lstrip().startswith(("#", "---", "%", "\ufeff", "."))
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [("a", "text"), ("1", "a number"), ("true", "true/false"), ("[]", "a list"), ("{}", "a mapping"), ("~", "nothing")],
)
def test_every_kind_has_a_word(text: str, word: str) -> None:
    root, _ = parse(f"k: {text}", "f.yaml")
    assert root is not None
    assert root.get("k").word == word  # type: ignore[union-attr]
