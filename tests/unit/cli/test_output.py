"""Plain output for programs, colour only for a terminal."""

import json

import click
import pytest
from click.testing import CliRunner

from gw.cli import output


def test_tables_are_tab_separated_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("a", "b"), [("1", "two words"), ("3", "block")])
    assert capsys.readouterr().out == "1\ttwo words\n3\tblock\n"
    assert output.paint("block") == "block"


def test_tables_are_aligned_for_a_person(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(output, "is_for_person", lambda: True)
    output.print_table(("id", "verdict"), [("1", "[red]not markup"), ("22222", "block")])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["id", "verdict"]
    assert "[red]not markup" in shown[1], "text from elsewhere is never read as markup"
    assert output.paint("block") == "\x1b[31mblock\x1b[0m"
    assert output.paint("whatever") == "whatever"


def test_what_people_copy_is_whole_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "is_for_person", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    output.print_table(("rules", "id"), [("a.rule.with-a-long-name", "dec_8e93325a0fbfe6a1937a")])
    shown = capsys.readouterr().out
    assert "dec_8e93325a0fbfe6a1937a" in shown and "…" not in shown


def test_colour_needs_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.is_for_person()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.is_for_person()


def test_pairs_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_pairs([("a", "1"), ("long", "2")])
    assert capsys.readouterr().out == "a     1\nlong  2\n"
    output.print_json({"a": "ü"})
    assert json.loads(capsys.readouterr().out) == {"a": "ü"}


def test_a_groups_help_shows_whole_sentences() -> None:
    sentence = "Do a thing that takes a good many more words to tell than would fit into one line of the help."
    group = output.Group("g", commands={"x": click.Command("x", help=f"{sentence} And more of it.")})
    shown = " ".join(CliRunner().invoke(group, ["--help"]).output.split())
    assert f"x {sentence.rstrip('.')}" in shown and "And more" not in shown


def test_one_is_not_many() -> None:
    assert [output.counted(number, "error") for number in (0, 1, 2)] == ["0 errors", "1 error", "2 errors"]
