"""Transcript files: places, replays, torn lines; the journal's view is what counts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.session.store import Append, Archive
from gw.session.transcript_files import TranscriptFiles


@pytest.fixture
def files(tmp_path: Path) -> TranscriptFiles:
    return TranscriptFiles(tmp_path / "d")


def test_places_follow_each_other(files: TranscriptFiles) -> None:
    places = [files.place(Append("t", line)) for line in (b"one", b"three", b"x")]
    assert [place.offset for place in places] == [0, 4, 10]


def test_replaying_twice_changes_nothing(files: TranscriptFiles) -> None:
    places = [files.place(Append("t", b"%d" % n)) for n in range(5)]
    for _ in range(2):
        assert files.replay(places) == []
        assert files.read("t") == [b"0", b"1", b"2", b"3", b"4"]
    assert files.replay(places[2:4]) == []
    assert len(files.read("t")) == 5, "what came later stays"


def test_a_gap_is_reported(files: TranscriptFiles) -> None:
    place = files.place(Append("t", b"one"))
    assert files.replay([place._replace(offset=10)]) == ["transcript t lacks 10 bytes before its journalled lines"]


def test_lines_that_do_not_follow_each_other_go_where_they_belong(files: TranscriptFiles) -> None:
    first = files.place(Append("t", b"aa"))
    second = files.place(Append("t", b"bb"))
    third = files.place(Append("t", b"cc"))
    files.replay([first, second, third])
    files.replay([first._replace(line=b"AA"), third._replace(line=b"CC")])
    assert files.read("t") == [b"AA", b"bb", b"CC"]


def test_an_archived_transcript_is_not_brought_back(files: TranscriptFiles) -> None:
    place = files.place(Append("t", b"one"))
    files.replay([place])
    change = Archive("t", "t.old")
    for _ in range(2):
        files.replay([place, change])
        assert files.read("t") == []
        assert files.archive_path("t.old").read_bytes() == b"one\n"


def test_names_are_those_that_exist(files: TranscriptFiles) -> None:
    files.replay([files.place(Append(name, b"1")) for name in ("b", "a")])
    assert files.names() == ["a", "b"]
    files.sync()
    assert files.verify() == []


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=5).map(bytes.hex)), max_size=12), st.integers(0, 12)
)
def test_any_prefix_replayed_again_is_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], again: int
) -> None:
    files = TranscriptFiles(tmp_path_factory.mktemp("t"))
    places = [files.place(Append(name, line.encode())) for name, line in lines]
    files.replay(places)
    files.replay(places[:again])
    for name in "ab":
        assert files.read(name) == [line.encode() for one, line in lines if one == name]
