"""Pairing codes: made once, few at a time, gone after an hour, and kept over a restart."""

import pytest

from gw.errors import InvalidRequest, StoreError
from gw.ports import Json
from gw.routing import pairing
from gw.routing.pairing import PairedSenders, PairRequest


class File:
    def __init__(self) -> None:
        self.records: Json | None = None
        self.is_full = False

    def load(self) -> Json | None:
        return self.records

    def save(self, records: Json) -> None:
        if self.is_full:
            raise StoreError("no space left")
        self.records = records


def ask(store: PairedSenders, sender: str, at_ms: int = 0, account: str = "default") -> PairRequest | None:
    return store.ask("telegram", account, sender, sender.upper(), f"chat-{sender}", at_ms)


def test_a_stranger_hears_of_a_request_once() -> None:
    store = PairedSenders(File())
    first = ask(store, "ann")
    assert first is not None
    assert ask(store, "ann", 10) is None
    assert [one.seen_at_ms for one in store.pending(10)] == [10]
    assert len(first.code) == pairing.CODE_CHARS
    assert set(first.code) <= set(pairing.ALPHABET)


def test_a_request_that_could_not_be_kept_is_made_again() -> None:
    file = File()
    store = PairedSenders(file)
    file.is_full = True
    with pytest.raises(StoreError):
        ask(store, "ann")
    file.is_full = False
    assert ask(store, "ann") is not None


def test_so_many_wait_per_account_and_for_an_hour() -> None:
    store = PairedSenders(File())
    assert all(ask(store, f"u{n}", n) for n in range(pairing.MOST_PENDING))
    assert ask(store, "late", 10) is None
    assert ask(store, "elsewhere", 10, account="work") is not None
    assert ask(store, "late", pairing.TTL_MS) is not None  # the first is gone by then
    assert [one.sender_id for one in store.pending(pairing.TTL_MS, "telegram", "default")] == ["u1", "u2", "late"]


@pytest.mark.parametrize("by", ["request_id", "code", "lower"])
def test_approval_opens_one_account_and_survives_a_restart(by: str) -> None:
    file = File()
    store = PairedSenders(file)
    request = ask(store, "ann")
    assert request is not None
    name = request.code.lower() if by == "lower" else getattr(request, by)
    again = PairedSenders(file)
    with pytest.raises(InvalidRequest):
        again.approve("telegram", "work", name, 5)
    assert again.approve("telegram", "default", name, 5).chat_id == "chat-ann"
    for one in (again, PairedSenders(file)):
        assert one.paired("telegram", "default") == {"ann"}
        assert one.paired("telegram", "work") == frozenset()
        assert one.pending(5) == []


def test_dismissed_and_expired_requests_cannot_be_approved() -> None:
    store = PairedSenders(File())
    request = ask(store, "ann")
    other = ask(store, "bob")
    assert request is not None
    assert other is not None
    assert store.dismiss("telegram", "default", request.request_id, 1).sender_id == "ann"
    for name, at_ms in ((request.code, 1), (other.code, pairing.TTL_MS)):
        with pytest.raises(InvalidRequest, match="no pending"):
            store.approve("telegram", "default", name, at_ms)


def test_records_of_a_later_version_are_refused() -> None:
    file = File()
    file.records = {"version": 2}
    with pytest.raises(ValueError, match="version 2"):
        PairedSenders(file)


def test_so_many_people_per_account() -> None:
    file = File()
    people = [[f"u{n}", n] for n in range(pairing.MOST_PAIRED)]
    file.records = {"version": 1, "pending": [], "paired": [["telegram", "default", people]]}
    store = PairedSenders(file)
    request = ask(store, "ann")
    assert request is not None
    store.approve("telegram", "default", request.code, 1)
    found = store.paired("telegram", "default")
    assert len(found) == pairing.MOST_PAIRED
    assert "ann" in found
    assert "u0" not in found
