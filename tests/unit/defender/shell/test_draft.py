"""Sorting a command's words."""

from gw.defender.shell.draft import Draft
from gw.model.decision import Span


def draft(line: str) -> Draft:
    argv = line.split()
    return Draft(argv[0], argv, [0] * len(argv), Span(0, len(line)))


def test_flags_are_a_set_wherever_they_stand() -> None:
    one, other = draft("rm -rf x --force"), draft("rm x --force -r -f")
    assert one.has("-r") and one.has("-f") and one.has("--force")
    assert other.has("-r") and other.has("-f") and other.has("--force")
    assert one.operands == other.operands == ["x"]


def test_two_dashes_end_the_flags() -> None:
    found = draft("rm -r -- -f x")
    assert not found.has("-f")
    assert found.operands == ["-f", "x"]


def test_values_of_options() -> None:
    assert draft("p -o x").value("-o", "--out") == "x"
    assert draft("p -ox").value("-o", "--out") == "x"
    assert draft("p --out x").value("-o", "--out") == "x"
    assert draft("p --out=x").value("-o", "--out") == "x"
    assert draft("p --outer=x").value("-o", "--out") is None
    assert draft("p -o").value("-o") is None
    assert draft("p -if x").after("-if") == ["x"]
    assert draft("p").after("-if") == []


def test_paths_are_normalised_against_the_folder() -> None:
    found = draft("p a /etc/../b")
    found.cwd = "/srv"
    assert found.paths() == ("/srv/a", "/b")
    assert found.paths(["c"]) == ("/srv/c",)


def test_a_node_has_everything() -> None:
    found = draft("rm -rf x")
    found.facts.add("deletes-tree")
    found.deletes += ("x",)
    node = found.node()
    assert (node.program, node.argv, node.deletes) == ("rm", ("rm", "-rf", "x"), ("x",))
    assert node.flags == {"-rf", "-r", "-f"}
    assert node.facts == {"deletes-tree"}
