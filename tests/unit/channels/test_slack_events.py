"""Slack events: the vectors, and shapes they leave out."""

from typing import Any

import pytest

from gw.channels import slack_events
from gw.channels.base import Inbound
from gw.channels.slack_events import Bot, escape, normalise, resolve
from tests.support import inbound

ME = Bot("UBOT", "BBOT", "helper")
ROWS = inbound.rows("slack")


def event(**fields: Any) -> dict[str, Any]:
    base = {"type": "message", "user": "U1", "ts": "1700000000.000100", "channel": "C1", "text": "hi"}
    return {"type": "event_callback", "team_id": "T1", "event": {**base, **fields}}


def one(bot: Bot = ME, **fields: Any) -> Inbound:
    (found,) = normalise(event(**fields), bot, "default")
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_vectors(row: dict[str, Any]) -> None:
    found = normalise(row["input"], Bot(row["bot"]["userId"]), "default")
    inbound.assert_as_expected(found, row["expect"])
    twin = next((other for other in ROWS if other["name"] == row["expect"].get("dedupeSameAs")), None)
    if twin is not None:
        (same,) = normalise(twin["input"], Bot(row["bot"]["userId"]), "default")
        assert found[0].dedupe_key == same.dedupe_key


IGNORED: dict[str, dict[str, Any]] = {
    "our own bot id": {"user": "", "bot_id": "BBOT"},
    "another bot": {"bot_id": "B2"},
    "join": {"subtype": "channel_join"},
    "deleted": {"subtype": "message_deleted"},
    "nothing said": {"text": ""},
    "no channel": {"channel": ""},
    "no time": {"ts": None},
    "other event": {"type": "team_join"},
}


@pytest.mark.parametrize("fields", IGNORED.values(), ids=IGNORED)
def test_ignored(fields: dict[str, Any]) -> None:
    assert normalise(event(**fields), ME, "default") == []


def test_other_bots_may_be_let_in() -> None:
    found = one(ME._replace(allow_bots=True), user="", bot_id="B2", subtype="bot_message", username="ci")
    assert (found.sender.id, found.sender.name, found.sender.is_bot) == ("B2", "ci", True)


SHOWN = [
    ("<@U2|bob> and <@U3>", "@bob and @U3"),
    ("<@UBOT> hi", "@helper hi"),
    ("<#C2>", "#C2"),
    ("<!here> <!channel|@channel>", "@here @channel"),
    ("<!subteam^S1|@ops> <!date^1^x|monday>", "@ops monday"),
    ("<https://x.org> <https://x.org|https://x.org>", "https://x.org https://x.org"),
    ("1 &lt; 2 < 3", "1 < 2 < 3"),
    ("&amp;lt;", "&lt;"),
    ("<mailto:a@x.org|a@x.org>", "a@x.org (mailto:a@x.org)"),
]


@pytest.mark.parametrize(("raw", "shown"), SHOWN)
def test_text_is_what_its_reader_sees(raw: str, shown: str) -> None:
    assert resolve(raw, ME) == shown


def test_escaping_is_undone_by_resolving() -> None:
    for text in ("<!channel>", "a & b", "&lt;", "<@UBOT>"):
        assert "<" not in escape(text)
        assert resolve(escape(text), ME) == text


MENTIONS = [
    ("`<@UBOT>` hi", False),
    ("```\n<@UBOT>\n``` hi", False),
    ("`x` <@UBOT|b>", True),
    ("<@U2>", False),
]


@pytest.mark.parametrize(("text", "is_bot"), MENTIONS)
def test_mentions_are_references_outside_code(text: str, is_bot: bool) -> None:
    assert one(text=text).mentions.bot is is_bot


def test_a_thread_we_wrote_in_is_a_mention_of_sorts() -> None:
    thread = "1699999999.000001"
    assert one(thread_ts=thread).mentions.implicit == ()
    assert one(ME._replace(threads={f"C1:{thread}"}), thread_ts=thread).mentions.implicit == ("bot_thread_participant",)
    assert one(thread_ts="1700000000.000100").thread_id == ""


def test_files() -> None:
    files = [{"id": "F1", "mimetype": "image/png", "size": 3, "name": "a.png"}, {"id": "F2", "mimetype": "text/plain"}]
    found = one(text="", subtype="file_share", files=files)
    assert found.text == "<media:image>"
    assert [file.kind for file in found.media] == ["image", "document"]


def test_reactions() -> None:
    item = {"type": "message", "channel": "C1", "ts": "1.2"}
    reaction = {"type": "reaction_added", "user": "U1", "reaction": "eyes", "item": item, "event_ts": "1700000000.5"}
    (found,) = normalise({"team_id": "T1", "event": reaction}, ME, "default")
    assert (found.kind, found.text, found.edit_of, found.timestamp_ms) == (
        "reaction",
        ":eyes:",
        "1.2",
        1_700_000_000_500,
    )
    assert normalise({"event": {**reaction, "user": "UBOT"}}, ME, "default") == []


def test_slash_commands() -> None:
    body = b"command=%2FStatus&text=now+please&channel_id=D1&user_id=U1&user_name=ann&team_id=T1&trigger_id=9"
    (found,) = slack_events.command(slack_events.form(body), "default", 5)
    assert (found.kind, found.text, found.commands[0].name, found.commands[0].args) == (
        "command",
        "/Status now please",
        "status",
        "now please",
    )
    assert found.peer == ("direct", "U1")
    assert slack_events.command({"command": "no-slash", "channel_id": "C", "user_id": "U"}, "default", 5) == []


@pytest.mark.parametrize("ts", ["", "abc", "1" * 20, "１.5"])
def test_an_odd_time_is_none(ts: str) -> None:
    assert one(ts="x" + ts).timestamp_ms == 0
