"""What is said in chats: judged, once per key, and never in silence when it cannot be."""

import pytest

from gw.errors import InvalidRequest, Overloaded
from gw.methods.outlet import Outlet, Target
from tests.support.chats import FakeAccount, FakeDefender

TARGET = Target("telegram", "default", "5", "t1", "m1")


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


@pytest.fixture
def defender() -> FakeDefender:
    return FakeDefender()


@pytest.fixture
def outlet(account: FakeAccount, defender: FakeDefender) -> Outlet:
    made = Outlet(defender.judge, defender.told.append)
    made.add(account)
    return made


def test_own_words_are_not_judged(outlet: Outlet, account: FakeAccount, defender: FakeDefender) -> None:
    assert outlet.say(TARGET._replace(reply_mode="first"), "forbidden", "k1")
    assert defender.asked == []
    assert [(out.thread_id, out.reply_to, out.key) for out in account.sent] == [("t1", "m1", "k1")]


def test_one_answer_per_key(outlet: Outlet, account: FakeAccount) -> None:
    assert outlet.answer(TARGET, "one", "k1", "s", "main")
    assert outlet.say(TARGET, "two", "k1")
    assert account.texts == ["one"]


def test_a_joined_turn_answers_the_newest(outlet: Outlet, account: FakeAccount) -> None:
    target = TARGET._replace(reply_mode="batched")
    outlet.answer(target, "one", "k1", "s", "main")
    outlet.answer(target, "two", "k2", "s", "main", joined=True)
    assert [out.reply_to for out in account.sent] == ["", "m1"]


def test_what_cannot_be_sent_is_reported(outlet: Outlet, account: FakeAccount) -> None:
    account.error = Overloaded("outbox")
    assert not outlet.say(TARGET, "hi", "k1")
    assert not outlet.say(TARGET._replace(account="gone"), "hi", "k1")
    outlet.typing(TARGET._replace(account="gone"))


def test_need(outlet: Outlet, account: FakeAccount) -> None:
    assert outlet.need("telegram", "default") is account
    assert outlet.accounts() == [account]
    with pytest.raises(InvalidRequest, match="does not run"):
        outlet.need("slack", "default")


def test_a_target_survives_in_a_transcript() -> None:
    assert Target.restored({**TARGET.facts(), "new": "fact"}) == TARGET
    assert "reply_token" not in TARGET._replace(reply_token="secret").facts()
    assert Target.restored({"channel": "telegram"}) is None
