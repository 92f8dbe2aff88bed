"""What a group said meanwhile: bounded, taken once, never mixed."""

from gw.routing.replies import Said
from gw.routing.unmentioned import MOST_CHARS, Unmentioned


def test_groups_do_not_mix_and_are_taken_once() -> None:
    said = Unmentioned()
    said.add("telegram:default:group:1", "ann", "one")
    said.add("telegram:default:group:2", "bob", "two")
    assert said.take("telegram:default:group:1") == [Said("ann", "one")]
    assert said.take("telegram:default:group:1") == []
    assert len(said) == 1
    said.clear()
    assert len(said) == 0


def test_bounds() -> None:
    said = Unmentioned(per_group=2, groups=2)
    for n in range(3):
        said.add("a", "ann", str(n))
    said.add("b", "ann", "x" * (MOST_CHARS + 1))
    said.add("a", "ann", "3")
    said.add("c", "ann", "0")  # b has been quiet for longest
    assert [one.text for one in said.take("a")] == ["2", "3"]
    assert said.take("b") == []
    said.add("b", "ann", "x" * (MOST_CHARS + 1))
    assert [len(one.text) for one in said.take("b")] == [MOST_CHARS]
