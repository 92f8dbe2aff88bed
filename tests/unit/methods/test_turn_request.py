"""Senders of connections, and what the scheduler is told of a request."""

import pytest

from gw.methods.turn_request import Request, Sender, sender_of
from tests.unit.methods.plain import info


def test_the_sender_of_a_device_is_the_device() -> None:
    sender = sender_of(info()._replace(device_id="d1", display_name="Ann's laptop"))
    assert (sender.owner, sender.caller, sender.label, sender.conn_id) == ("d1", "d1", "Ann's laptop", "c1")
    assert sender.transport == {"clients": [{"id": "cli", "mode": "cli", "displayName": "Ann's laptop"}]}


def test_without_a_device_the_owner_is_the_connection_and_the_caller_survives_it() -> None:
    sender = sender_of(info())
    assert (sender.owner, sender.caller, sender.label) == ("c1", "cli/cli", "cli")


@pytest.mark.parametrize(
    "one, other, same",
    [
        ({}, {"thinking": "high"}, True),
        ({"originatingTo": "1"}, {"originatingTo": "1"}, True),
        ({"originatingTo": "1"}, {"originatingTo": "2"}, False),
        ({"originatingChannel": "a", "originatingTo": "b"}, {"originatingChannel": "ab"}, False),
        ({}, {"replyToId": "m"}, False),
    ],
)
def test_only_what_is_said_in_one_place_is_joined(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    sender = Sender("o", "c", "label", "id", {})
    items = [Request("m", "k", "r", "text", sender, params).item(7) for params in (one, other)]
    assert (items[0].context == items[1].context) == same
    assert (items[0].owner, items[0].sender, items[0].at_ms, items[0].joins) == ("o", "label", 7, True)


def test_attachments_are_not_joined() -> None:
    request = Request("m", "k", "r", "text", Sender("o", "c", "l", "i", {}), {"attachments": [{}]}, heartbeat=True)
    assert (request.item(0).joins, request.item(0).heartbeat) == (False, True)
