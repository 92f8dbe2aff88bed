"""The picture: differences of every kind, acceptance, and a signature that must fit."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gw.defender.integrity.baseline import Baseline, Change, FileState, Key
from gw.defender.integrity.keys import generate, signer, verifier
from gw.errors import StoreError

PRIVATE, PUBLIC = generate()
SIGN, FITS = signer(PRIVATE), verifier(PUBLIC)
FILE = FileState("aa", 0o644, 0, 0, 10)

states = st.builds(
    FileState,
    st.sampled_from(["aa", "bb"]),
    st.sampled_from([0o644, 0o600]),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 3),
)
pictures = st.dictionaries(st.tuples(st.sampled_from(["w1", "w2"]), st.sampled_from(["/a", "/b", "/c"])), states)


@pytest.mark.parametrize(
    "after, kind",
    [
        (None, "missing"),
        (FILE._replace(digest="bb"), "content"),
        (FILE._replace(size=11), "content"),
        (FILE._replace(mode=0o4755), "mode"),
        (FILE._replace(uid=1000), "owner"),
        (FILE._replace(gid=1000), "owner"),
    ],
)
def test_what_differs(after: FileState | None, kind: str) -> None:
    observed = {} if after is None else {("w", "/f"): after}
    assert Baseline(0, {("w", "/f"): FILE}).diff(observed) == (Change("w", "/f", kind, FILE, after),)


def test_a_planted_file_is_a_change() -> None:
    assert Baseline(0, {}).diff({("w", "/f"): FILE}) == (Change("w", "/f", "appeared", None, FILE),)


@given(pictures, pictures)
def test_accepting_every_change_leaves_none(before: dict[Key, FileState], after: dict[Key, FileState]) -> None:
    baseline = Baseline(0, before)
    changes = baseline.diff(after)
    accepted = baseline.accepting(changes, 5)
    assert accepted.diff(after) == ()
    assert all(accepted.acknowledges(change.key, 5) and not accepted.acknowledges(change.key, 6) for change in changes)
    assert bool(changes) == (before != after)


@given(pictures)
def test_written_and_read_back(files: dict[Key, FileState]) -> None:
    baseline = Baseline(7, files, {("w1", "/a"): 9}, 11)
    assert Baseline.load(baseline.dump(SIGN), FITS) == baseline


@given(st.data())
def test_one_altered_byte_is_refused(data: st.DataObject) -> None:
    original = Baseline(7, {("w", "/f"): FILE}).dump(SIGN)
    written = bytearray(original)
    place = data.draw(st.integers(0, len(written) - 2))
    written[place] ^= 1 << data.draw(st.integers(0, 7))
    # A hex digit has two spellings; that is the one change that means the same.
    signature_at = original.index(b"\n")
    assume(place < signature_at or bytes(written).lower() != original.lower())
    with pytest.raises(StoreError):
        Baseline.load(bytes(written), FITS)


def test_another_hosts_key_does_not_fit() -> None:
    _, other = generate()
    with pytest.raises(StoreError, match="not signed by this host's key"):
        Baseline.load(Baseline(0, {}).dump(SIGN), verifier(other))


@pytest.mark.parametrize("data", [b"", b"{}", b"{}\n", b"{}\nzz\n", b"\n\n"])
def test_unsigned_files_are_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        Baseline.load(data, FITS)


@pytest.mark.parametrize("picture", [b"[]", b"{}", b'{"version": 2}', b'{"version": 1, "files": [[1]]}', b"not json"])
def test_signed_nonsense_is_refused_too(picture: bytes) -> None:
    with pytest.raises(StoreError):
        Baseline.load(picture + b"\n" + SIGN(picture).hex().encode() + b"\n", FITS)
