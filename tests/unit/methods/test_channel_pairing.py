"""The operator's answer to strangers, in the published shapes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gw.methods.channel_pairing import APPROVED, ChannelPairing
from tests.support import openclaw
from tests.support.chats import Chats, direct
from tests.support.sessions import FakeClient, House, house

SCOPES = ("operator.pairing", "operator.admin", "operator.read")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json") as made:
        yield made


@pytest.fixture
def chats(home: House) -> Chats:
    made = Chats(home, {"channels": {"telegram": {"dmPolicy": "pairing"}}})
    home.router.attach(ChannelPairing(made.paired, made.outlet, home.clock, has_owner=lambda: False))
    return made


@pytest.fixture
def client(home: House, chats: Chats) -> FakeClient:
    return home.client(scopes=SCOPES)


def test_list_approve_dismiss(home: House, chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello", sender="ann"))
    chats.hear(direct("hello", sender="bob"))
    listed = client.call("channels.pairing.list")
    assert [row["senderId"] for row in listed["requests"]] == ["ann", "bob"]
    assert [row["senderLabel"] for row in listed["requests"]] == ["Ann", "Bob"]
    assert listed["accounts"][0]["channel"] == "telegram"
    codes = [one.code for one in chats.paired.pending(home.clock.now_ms())]
    assert not any(code in str(listed) for code in codes)

    place = {"channel": "telegram", "accountId": "default"}
    approved = client.call("channels.pairing.approve", **place, requestId=codes[0])
    assert (approved["senderId"], approved["notification"]) == ("ann", "sent")
    assert chats.account.sent[-1].text == APPROVED
    assert chats.account.sent[-1].chat_id == "ann"
    request_id = listed["requests"][1]["requestId"]
    assert client.call("channels.pairing.dismiss", **place, requestId=request_id)["senderId"] == "bob"
    assert client.call("channels.pairing.list")["requests"] == []
    assert "no pending" in client.error("channels.pairing.approve", **place, requestId=codes[1])["message"]


def test_quietly(home: House, chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello", sender="ann"))
    (request,) = chats.paired.pending(home.clock.now_ms())
    place = {"channel": "telegram", "accountId": "default", "requestId": request.request_id}
    answer = client.call("channels.pairing.approve", **place, notify=False, bootstrapCommandOwner=True)
    assert (answer["notification"], answer["commandOwnerBootstrap"]) == ("not-requested", "unavailable")
    assert len(chats.account.sent) == 1  # the code alone


def test_other_channels_are_not_shown(chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello", sender="ann"))
    answer = client.call("channels.pairing.list", channel="slack")
    assert (answer["accounts"], answer["requests"]) == ([], [])


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello", sender="ann"))
    assert openclaw.problems("ChannelsPairingListResult", client.call("channels.pairing.list")) == []
