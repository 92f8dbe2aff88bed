"""The log format: what is written is read back, a torn tail counts for nothing, damage is named."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.session import state_log
from gw.session.state_log import Placed
from gw.session.store import FORMAT_VERSION, Archive, Drop, Put

RECORDS = [
    Put("entry", "agent:main:main", b'{"a":[1,"x\\"],"]}'),
    Put("entry", 'k"\\,\n', b'"v"'),
    Drop("entry", "x"),
    Placed("t", 17, b'{"a":"b,c"}'),
    Archive("t", "t.old"),
]
HEAD = state_log.encode_header("journal", 3)


def test_every_record_survives() -> None:
    log = state_log.read(HEAD + state_log.transaction(RECORDS) + state_log.transaction([]))
    assert (log.records, log.commits, log.problem) == (RECORDS, 2, None)
    assert log.header == {"format": "clawgate-state", "version": FORMAT_VERSION, "kind": "journal", "generation": 3}


def test_lines_are_json(tmp_path: object) -> None:
    import json

    for line in (HEAD + state_log.transaction(RECORDS)).splitlines():
        json.loads(line)


def test_every_cut_keeps_exactly_the_whole_transactions() -> None:
    first, second = state_log.transaction(RECORDS[:2]), state_log.transaction(RECORDS[2:])
    data = HEAD + first + second
    for size in range(len(HEAD), len(data)):
        log = state_log.read(data[:size])
        whole = size >= len(HEAD + first)
        assert log.problem is None
        assert log.records == (RECORDS[:2] if whole else [])
        assert log.good_bytes == (len(HEAD + first) if whole else len(HEAD))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_every_flipped_byte_before_the_end_is_noticed(place: int, flip: int) -> None:
    blocks = [state_log.transaction([record]) for record in RECORDS]
    data = bytearray(HEAD + b"".join(blocks))
    place %= len(data) - len(blocks[-1])
    data[place] ^= flip
    try:
        log = state_log.read(bytes(data))
    except state_log.NewerError:  # the flip met the version's digit
        return
    assert log.problem is not None or log.header is None or log.header != state_log.read(HEAD).header
    assert log.records == RECORDS[: len(log.records)]


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "empty"),
        (b"nonsense\n", "no state header"),
        (b'{"format":"other"}\n', "no state header"),
        (b'{"format":"clawgate-state"}\n', "None is no format version"),
        (b'{"format":"clawgate-state","version":0}\n', "0 is no format version"),
        (b'{"format":"clawgate-state","version":"2"}\n', "2 is no format version"),
    ],
)
def test_what_is_no_log_is_said(data: bytes, said: str) -> None:
    problem = state_log.read(data).problem
    assert problem is not None
    assert said in problem


def test_a_later_format_is_no_damage() -> None:
    with pytest.raises(state_log.NewerError, match="version 99 is newer than"):
        state_log.read(b'{"format":"clawgate-state","version":99}\n')


def test_a_wrong_checksum_with_more_behind_it_is_damage() -> None:
    good, bad = state_log.transaction(RECORDS[:1]), state_log.encode(RECORDS[1]) + state_log.encode_commit(1)
    log = state_log.read(HEAD + good + bad + good)
    assert log.problem is not None
    assert log.records == RECORDS[:1]


def test_a_commit_takes_bytes_or_their_checksum() -> None:
    assert state_log.encode_commit(b"abc") == state_log.encode_commit(zlib.crc32(b"abc"))


def test_unknown_lines_are_not_swallowed() -> None:
    line = b'["future",1]\n'
    log = state_log.read(HEAD + line + state_log.encode_commit(line))
    assert log.problem is not None
