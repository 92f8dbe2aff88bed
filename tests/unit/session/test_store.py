"""The store contract, on both backends: the same tests, so that a backend cannot mean something of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.errors import StoreError
from gw.session.backends import backend_for
from gw.session.store import ENTRIES, PENDING, Append, Archive, Change, Drop, Put, StateStore, check_name

SUFFIXES = ("json", "sqlite")


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"state.{request.param}"


@pytest.fixture
def store(path: Path) -> Iterator[StateStore]:
    made = backend_for(path)
    made.open()
    yield made
    made.close()


def reopened(store: StateStore) -> StateStore:
    store.close()
    again = backend_for(store.path)
    again.open()
    return again


def test_a_new_store_is_empty_and_private(store: StateStore) -> None:
    assert store.transcript("t") == []
    assert store.transcripts() == []
    assert store.verify() == []
    mode = store.path.stat().st_mode & 0o077
    assert mode == 0, oct(mode)


def test_what_is_committed_is_there_after_reopening(path: Path) -> None:
    store = backend_for(path)
    store.open()
    store.commit([Put(ENTRIES, "k", b'{"a":1}'), Put(PENDING, "p", b"1"), Append("t", b'{"n":1}')])
    store.commit([Put(ENTRIES, "k", b'{"a":2}'), Drop(PENDING, "p"), Append("t", b'{"n":2}'), Append("u", b"[]")])
    store.close()
    again = backend_for(path)
    loaded = again.open()
    assert loaded.problems == ()
    assert loaded.tables[ENTRIES] == {"k": b'{"a":2}'}
    assert loaded.tables[PENDING] == {}
    assert (again.transcript("t"), again.transcripts()) == ([b'{"n":1}', b'{"n":2}'], ["t", "u"])
    again.close()


@pytest.mark.parametrize("key", ["", 'a"b', "a\nb", "tab\t", "\\", '","', "日本", "a\\", 'x",y', "\x00"])
def test_keys_may_hold_anything(store: StateStore, key: str) -> None:
    store.commit([Put(ENTRIES, key, b'{"v":"x\\"],"}')])
    again = reopened(store)
    again.close()
    third = backend_for(store.path)
    assert third.open().tables[ENTRIES] == {key: b'{"v":"x\\"],"}'}
    third.close()


def test_an_archived_transcript_is_a_file_of_its_lines(store: StateStore) -> None:
    store.commit([Append("t", b"1"), Append("t", b"2"), Archive("t", "t.jsonl.deleted.5")])
    assert store.transcript("t") == []
    assert store.archive_path("t.jsonl.deleted.5").read_bytes() == b"1\n2\n"
    again = reopened(store)
    assert again.transcript("t") == []
    assert again.archive_path("t.jsonl.deleted.5").read_bytes() == b"1\n2\n"
    again.close()


def test_archiving_nothing_is_no_error(store: StateStore) -> None:
    store.commit([Archive("t", "t.gone")])
    assert not store.archive_path("t.gone").exists()


def test_an_empty_batch_writes_nothing(store: StateStore) -> None:
    store.commit([])
    assert store.verify() == []


def test_one_process_at_a_time(store: StateStore) -> None:
    store.commit([Put(ENTRIES, "k", b"1")])
    with pytest.raises(StoreError):
        backend_for(store.path).open()


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a b", "é", "x" * 201])
def test_names_that_are_no_file_names_are_refused(store: StateStore, name: str) -> None:
    with pytest.raises(StoreError):
        check_name(name)
    with pytest.raises(StoreError):
        store.commit([Put(ENTRIES, "before", b"1"), Append(name, b"1")])
    store.close()
    again = backend_for(store.path)
    assert again.open().tables[ENTRIES] == {}, "a batch is applied wholly or not at all"
    again.close()


keys = st.sampled_from(["a", "b", "agent:main:x"])
changes = st.one_of(
    st.builds(Put, st.sampled_from([ENTRIES, PENDING]), keys, st.integers(0, 9).map(lambda n: b"%d" % n)),
    st.builds(Drop, st.sampled_from([ENTRIES, PENDING]), keys),
    st.builds(Append, st.sampled_from(["t", "u"]), st.integers(0, 99).map(lambda n: b"%d" % n)),
)
batches = st.lists(st.one_of(st.lists(changes, max_size=4), st.just("reopen")), max_size=8)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40, deadline=None)
@given(steps=batches)
def test_against_plain_dictionaries(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, steps: list[list[Change] | str]
) -> None:
    path = tmp_path_factory.mktemp("state") / f"s.{suffix}"
    store = backend_for(path)
    store.open()
    tables: dict[str, dict[str, bytes]] = {ENTRIES: {}, PENDING: {}}
    lines: dict[str, list[bytes]] = {"t": [], "u": []}
    apply: dict[type, Callable[[Change], object]] = {
        Put: lambda c: tables[c.table].__setitem__(c.key, c.value),  # type: ignore[union-attr]
        Drop: lambda c: tables[c.table].pop(c.key, None),  # type: ignore[union-attr]
        Append: lambda c: lines[c.transcript].append(c.line),  # type: ignore[union-attr]
    }
    for step in [*steps, "reopen"]:
        if step == "reopen":
            store.close()
            store = backend_for(path)
            loaded = store.open()
            assert {name: dict(loaded.tables[name]) for name in tables} == tables
            assert loaded.problems == ()
        else:
            store.commit(step)  # type: ignore[arg-type]
            for change in step:
                apply[type(change)](change)  # type: ignore[index, arg-type]
        assert {name: store.transcript(name) for name in lines} == lines
    assert store.verify() == []
    store.close()
