"""gw/modes/guard/numbering: no gap in what a client sees, and nothing else changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw._native.envelope import scan
from gw.modes.guard.numbering import Numbering, with_seq


def event(seq: int, **more: object) -> bytes:
    return json.dumps(
        {"type": "event", "event": "x", "payload": {"seq": 7}, "seq": seq, **more}, separators=(",", ":")
    ).encode()


PLAIN = [
    b'{"type":"event","event":"x","payload":{"seq":12,"a":"\\"seq\\":12"},"seq":12,"stateVersion":{"presence":1}}',
    b'{"seq":12,"type":"event","event":"x","payload":{"seq":12}}',
    b'{"type":"event","event":"x","seq":12}',
]
ODD = [
    b'{"type":"event","event":"x","payload":1,"seq" : 12}',
    b'{"type":"event","event":"x","payload":1,"s\\u0065q":12}',
    b'{"type":"event","event":"seq","payload":1,"seq":12,"recipientProfileId":"\\"seq\\":12,"}',
]


@pytest.mark.parametrize("data", PLAIN)
def test_only_the_number_changes(data: bytes) -> None:
    changed = with_seq(data, scan(data, max_depth=64), 11)
    assert json.loads(changed) == {**json.loads(data), "seq": 11}
    assert len(changed) == len(data)


@pytest.mark.parametrize("data", ODD)
def test_an_unusual_spelling_keeps_its_meaning(data: bytes) -> None:
    assert json.loads(with_seq(data, scan(data, max_depth=64), 11)) == {**json.loads(data), "seq": 11}


def test_as_long_as_nothing_is_left_out_events_pass_as_they_come() -> None:
    numbering, data = Numbering(), event(3)
    assert numbering.renumber(data, scan(data, max_depth=64)) is data
    plain = b'{"type":"event","event":"x"}'
    assert numbering.renumber(plain, scan(plain, max_depth=64)) is plain


@given(st.lists(st.sampled_from(["pass", "drop", "late"])))
def test_no_gap_whatever_is_dropped_or_added(steps: list[str]) -> None:
    numbering, seen, late = Numbering(), list[int](), list[bytes]()
    for seq, step in enumerate(steps, 1):
        data = event(seq)
        if step == "pass":
            seen.append(json.loads(numbering.renumber(data, scan(data, max_depth=64)))["seq"])
        else:
            numbering.drop()
            if step == "late":
                late.append(data)
            elif late:
                again = late.pop()
                seen.append(json.loads(numbering.add(again, scan(again, max_depth=64)))["seq"])
    assert seen == list(range(1, len(seen) + 1))
