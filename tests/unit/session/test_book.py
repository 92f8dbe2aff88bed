"""The book: memory first, disk in the same order, nobody told before it is there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.errors import Overloaded, StoreError, Unavailable
from gw.session import book as module
from gw.session import entries, transcript
from gw.session.backends import backend_for
from gw.session.book import Book, Writer, file_of
from gw.session.store import ENTRIES, Append, Change, Put
from tests.support.sessions import Inline

KEY = "agent:main:x"


def new(**fields: Any) -> entries.Entry:
    return entries.new(KEY, now_ms=1000, session_id="s-1", revision="r") | fields


def said(name: str, at: int = 2000) -> transcript.Record:
    return transcript.message_record(name, {"role": "user", "content": f"text {name}"}, at_ms=at, facts={})


def opened(path: Path) -> Book:
    book = Book(backend_for(path), Inline())
    book.open()
    return book


@pytest.fixture
def book(tmp_path: Path) -> Any:
    made = opened(tmp_path / "b.json")
    yield made
    made.close()


def test_what_is_put_is_there_at_once_and_after_reopening(book: Book) -> None:
    changes = book.put(KEY, new(label="L"))
    assert book.get(KEY) == new(label="L")
    book.write(changes)
    book.close()
    again = opened(Path(book.path))
    assert again.get(KEY) == new(label="L")
    assert again.count() == 1
    again.close()


def test_copies_are_fresh(book: Book) -> None:
    book.put(KEY, new())
    first = book.get(KEY)
    assert first is not None
    first["label"] = "changed"
    assert book.get(KEY) == new()
    assert book.get("none") is None


def test_newest_first_even_when_the_clock_goes_back(book: Book) -> None:
    for key, at in (("a", 5), ("b", 9), ("c", 7)):
        book.put(key, new(updatedAt=at))
    assert [card.key for card in book.newest_first()] == ["b", "c", "a"]
    book.put("a", new(updatedAt=10))
    assert book.recent(2) == [("a", 10), ("b", 9)]
    assert [card.key for card in book.newest_first()] == ["a", "b", "c"]


def test_appending_moves_the_leaf_and_counts(book: Book) -> None:
    entry = new()
    one, changes = book.append(KEY, entry, said("m1"))
    two, more = book.append(KEY, entry, said("m2"))
    assert (one.seq, two.seq, two.raw_seq, two.record["parentId"]) == (1, 2, 2, "m1")
    book.write(changes + more)
    stored = book.get(KEY)
    assert stored is not None
    assert (stored["_leaf"], stored["_count"], stored["updatedAt"]) == ("m2", 2, 2000)
    assert [r["id"] for r in book.records(KEY, stored)] == ["m1", "m2"]
    assert [one.record["id"] for one in book.shown(KEY, stored)] == ["m1", "m2"]


def test_a_cached_transcript_follows_what_is_appended(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = new()
    book.write(book.append(KEY, entry, said("m1"))[1])
    book.records(KEY, entry)
    book.write(book.append(KEY, entry, said("m2"))[1])
    monkeypatch.setattr(book._store, "transcript", lambda name: pytest.fail("read again"))
    assert [r["id"] for r in book.records(KEY, entry)] == ["m1", "m2"]


def test_a_transcript_that_is_still_being_written_is_not_cached(book: Book) -> None:
    entry = new()
    _, changes = book.append(KEY, entry, said("m1"))
    assert book.records(KEY, entry) == []
    book.write(changes)
    assert [r["id"] for r in book.records(KEY, entry)] == ["m1"]


def test_the_cache_is_bounded(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_TRANSCRIPTS", 2)
    for number in range(4):
        entry = new(sessionId=f"s-{number}")
        book.write(book.append(f"k{number}", entry, said("m"))[1])
        book.records(f"k{number}", entry)
    assert list(book._cache) == ["s-2", "s-3"]


def test_incognito_sessions_give_nothing_to_write(book: Book) -> None:
    key = "agent:main:dashboard:incognito-1"
    entry = new()
    assert book.append(key, entry, said("m1"))[1] == []
    assert [r["id"] for r in book.records(key, entry)] == ["m1"]
    assert book.drop(key) == []
    assert book.get(key) is None
    assert book.records(key, entry) == []


def test_an_archived_transcript_is_gone_from_here(book: Book) -> None:
    entry = new()
    book.write(book.append(KEY, entry, said("m1"))[1])
    book.records(KEY, entry)
    path, changes = book.archive(entry, "s-1.jsonl.deleted.1")
    book.write(changes + book.drop(KEY))
    assert Path(path).read_bytes().count(b"\n") == 1
    assert KEY not in book
    assert book.records(KEY, entry) == []


def test_the_transcripts_name_may_differ_from_the_session() -> None:
    assert (file_of(new()), file_of(new(_file="f"))) == ("s-1", "f")


def test_damage_is_said_when_opening(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "b.json"
    opened(path).close()
    second = opened(path)
    second.write(second.put(KEY, new()))
    second.close()
    third = backend_for(path)
    third.open()
    third.close()
    path.write_bytes(b"garbage")
    path.with_name("b.json.last-good").write_bytes(b"garbage")
    with pytest.raises(StoreError):
        opened(path)


# --- the writer -----------------------------------------------------------------------------------------------


class Memory:
    """A store that only remembers its batches, and refuses while told to."""

    def __init__(self) -> None:
        self.batches: list[list[Change]] = []
        self.refuses = False

    def commit(self, changes: Sequence[Change]) -> None:
        if self.refuses:
            raise StoreError("full")
        self.batches.append(list(changes))


def put(number: int) -> Put:
    return Put(ENTRIES, f"k{number}", b"1")


def test_waiting_writers_share_a_batch() -> None:
    store, pool = Memory(), hub.OffloadPool("test", 1, 64)
    writer = Writer(store, pool)  # type: ignore[arg-type]
    gate: list[int] = []
    slow = store.commit

    def commit(changes: Sequence[Change]) -> None:
        if not gate:
            gate.append(1)
            import time

            time.sleep(0.05)  # in the native thread: others queue up meanwhile
        slow(changes)

    store.commit = commit  # type: ignore[method-assign]
    done = [hub.spawn(writer.write, [put(number)]) for number in range(20)]
    for task in done:
        task.join(30)
    assert sum(map(len, store.batches)) == 20
    assert len(store.batches) < 20
    pool.close()


def test_a_refused_batch_is_owed_and_written_first() -> None:
    store = Memory()
    writer = Writer(store, Inline())  # type: ignore[arg-type]
    store.refuses = True
    with pytest.raises(StoreError):
        writer.write([put(1)])
    assert writer.failing
    with pytest.raises(Unavailable):
        writer.recover()
    store.refuses = False
    writer.recover()
    assert not writer.failing
    writer.write([put(2)])
    assert store.batches == [[put(1)], [put(2)]]
    writer.recover()
    writer.write([])
    assert len(store.batches) == 2


def test_a_store_that_breaks_tells_everybody_whose_changes_it_had() -> None:
    class Broken(Memory):
        def commit(self, changes: Sequence[Change]) -> None:
            if put(1) in changes:
                raise ValueError("a fault of ours")
            super().commit(changes)

    class Gathering(Inline):
        """The first job to come waits until the second has queued, as behind a slow disk."""

        def run(self, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not told:
                told.append("")
                with pytest.raises(StoreError) as caught:
                    writer.write([put(2)])
                told.append(str(caught.value))
            return super().run(job, *args, **kwargs)

    told: list[str] = []
    store = Broken()
    writer = Writer(store, Gathering())  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="inside the gateway"):
        writer.write([put(1)])
    assert told[1] == "the store failed inside the gateway"
    writer.write([put(3)])
    assert store.batches == [[put(3)]] and not writer.failing


def test_too_many_writers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WRITERS", 1)
    store = Memory()
    calls: list[str] = []

    class Reentrant(Inline):
        def run(self, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not calls:
                calls.append("nested")
                with pytest.raises(Overloaded):
                    writer.write([put(2)])
            return super().run(job, *args, **kwargs)

    writer = Writer(store, Reentrant())  # type: ignore[arg-type]
    writer.write([put(1), Append("t", b"1")])
    assert store.batches == [[put(1), Append("t", b"1")]]
