"""Who is heard, by which agent, and what stays in the group."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.channels.base import Command, Media, Mentions, Peer, Quote, Sender
from gw.channels.batches import join
from gw.methods.inbound import session_of
from gw.model.action import Provenance
from gw.model.decision import Verdict
from gw.routing.bot_loops import MOST_EVENTS
from gw.session.config import SessionConfig
from gw.session.keys import KeyRules
from tests.support.chats import Chats, FakeAccount, direct, in_group
from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import House, house
from tests.support.waiting import until

OPEN: dict[str, Any] = {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}
AGENTS = {"entries": {"main": {"default": True, "identity": {"name": "Molty"}}, "ops": {"identity": {"name": "Ops"}}}}
RULES = KeyRules(("main", "ops"), "main")


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner(steerable=False)


@pytest.fixture
def home(tmp_path: Path, runner: ScriptedRunner) -> Iterator[House]:
    with house(tmp_path / "s.json", runner, config=SessionConfig(rules=RULES, debounce_ms=0)) as made:
        yield made


def chats(home: House, telegram: dict[str, Any] | None = None, **top: Any) -> Chats:
    settings = {"agents": AGENTS, "channels": {"telegram": {**OPEN, **(telegram or {})}}, **top}
    return Chats(home, settings)


def test_a_direct_message_is_answered_in_its_chat(home: House, runner: ScriptedRunner) -> None:
    made = chats(home)
    assert made.hear(direct("hello")) == "taken"
    home.idle()
    assert [(out.chat_id, out.text, out.reply_to) for out in made.account.sent] == [("17", "echo: hello", "")]
    assert made.account.typed == 1
    assert [turn.session_key for turn in runner.turns] == ["agent:main:main"]
    asked, answered = made.defender.asked
    assert (asked.method, asked.provenance, asked.channel, asked.chat_type, asked.sender) == (
        "channel.message",
        Provenance.CHANNEL,
        "telegram",
        "direct",
        "telegram:17",
    )
    assert asked.session_key == "agent:main:telegram:default:direct:17"  # not the main session's trust
    assert answered.method == "channel.reply"


def test_what_is_not_a_new_message_is_ignored(home: House) -> None:
    made = chats(home)
    assert made.hear(direct("hello", kind="edit")) == "ignored"
    assert made.hear(direct("  ")) == "ignored"
    assert made.hear(direct("", media=(Media("image", name="cat.png"),))) == "taken"
    home.idle()
    assert made.account.texts == ["echo: <media:image> cat.png"]


@pytest.mark.parametrize(
    ("telegram", "expected"),
    [
        ({"dmPolicy": "disabled"}, "denied"),
        ({"dmPolicy": "allowlist", "allowFrom": ["18"]}, "denied"),
        ({"dmPolicy": "allowlist", "allowFrom": [17]}, "taken"),
        ({"dmPolicy": "allowlist", "allowFrom": ["accessGroup:staff"]}, "taken"),
        ({"dmPolicy": "allowlist", "allowFrom": ["accessGroup:gone"]}, "denied"),
    ],
)
def test_direct_access(home: House, telegram: dict[str, Any], expected: str) -> None:
    made = chats(home, telegram, accessGroups={"staff": {"telegram": ["17"]}})
    assert made.hear(direct("hello")) == expected
    home.idle()
    assert bool(made.account.sent) is (expected == "taken")


def test_a_display_name_opens_nothing(home: House) -> None:
    made = chats(home, {"dmPolicy": "allowlist", "allowFrom": ["admin", "@boss"]})
    assert made.hear(direct("hello", sender=Sender("66", name="admin"))) == "denied"
    assert made.hear(direct("hello", sender=Sender("66", username="Boss"))) == "taken"
    home.idle()


def test_a_channel_nobody_configured_admits_nobody(home: House) -> None:
    assert chats(home).hear(direct("hello", channel="slack")) == "denied"


def test_a_stranger_is_paired_by_a_code(home: House, runner: ScriptedRunner) -> None:
    made = chats(home, {"dmPolicy": "pairing", "allowFrom": []})
    assert made.hear(direct("let me in")) == "pairing"
    assert made.hear(direct("hello?")) == "pairing"
    (request,) = made.paired.pending(home.clock.now_ms())
    assert len(made.account.sent) == 1
    assert f"clawgate pairing approve telegram {request.code}" in made.account.texts[0]
    made.paired.approve("telegram", "default", request.code, home.clock.now_ms())
    assert made.hear(direct("hello")) == "taken"
    assert made.hear(in_group("Molty?")) == "taken"  # the group is open; pairing is not why
    home.idle()
    assert [turn.prompt for turn in runner.turns] == ["hello", "Molty?"]


def test_a_channel_that_cannot_pair_denies(home: House) -> None:
    settings = {"channels": {"telegram": {"dmPolicy": "pairing"}}}
    made = Chats(home, settings, FakeAccount(pairing=False))
    assert made.hear(direct("let me in")) == "denied"


def test_groups_hear_the_agent_when_it_is_meant(home: House, runner: ScriptedRunner) -> None:
    made = chats(home)
    assert made.hear(in_group("lunch?", sender="1")) == "unmentioned"
    assert made.hear(in_group("pizza", sender="2", group="-200")) == "unmentioned"
    assert made.hear(in_group("molty, what do you think?")) == "taken"
    home.idle()
    (turn,) = runner.turns
    assert turn.session_key == "agent:main:telegram:group:-100"
    assert "1: lunch?" in turn.prompt
    assert "pizza" not in turn.prompt
    entry = home.talk.book.get(turn.session_key)
    assert entry is not None
    assert (entry["chatType"], entry["createdVia"]) == ("group", "channel")
    assert entry["delivery"] == {"kind": "external", "channel": "telegram", "to": "-100", "accountId": "default"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mentions": Mentions(bot=True)}, "taken"),
        ({"mentions": Mentions(any=True)}, "unmentioned"),
        ({"mentions": Mentions(implicit=("reply_to_bot",))}, "taken"),
        ({"is_forwarded": True}, "unmentioned"),
    ],
)
def test_mentions(home: House, fields: dict[str, Any], expected: str) -> None:
    text = "molty said so" if "is_forwarded" in fields else "what now"
    assert chats(home).hear(in_group(text, **fields)) == expected
    home.idle()


def test_without_sight_of_mentions_everything_is_meant(home: House) -> None:
    settings = {"channels": {"telegram": OPEN}}  # no name either
    made = Chats(home, settings, FakeAccount(detects_mentions=False))
    assert made.hear(in_group("hello")) == "taken"
    home.idle()


def test_listed_groups_and_senders(home: House) -> None:
    telegram = {"groupPolicy": "allowlist", "groups": {"-100": {"requireMention": False}}, "groupAllowFrom": ["17"]}
    made = chats(home, telegram)
    assert made.hear(in_group("hello")) == "taken"
    assert made.hear(in_group("hello", sender="18")) == "denied"
    assert made.hear(in_group("hello", group="-200")) == "denied"
    topic = in_group("hello", peer=Peer("group", "-100:topic:4"), chat_id="-100", thread_id="4")
    assert made.hear(topic) == "taken"
    home.idle()
    assert made.account.sent[-1].thread_id == "4"


def test_guilds(home: House) -> None:
    made = chats(home, {"guilds": {"G1": {"users": ["17"], "requireMention": False}}})
    assert made.hear(in_group("hello", guild_id="G1")) == "taken"
    assert made.hear(in_group("hello", guild_id="G1", sender="18")) == "denied"
    assert made.hear(in_group("hello", guild_id="G2")) == "denied"
    home.idle()


def test_activation_is_an_owners_to_change(home: House) -> None:
    made = chats(home, commands={"ownerAllowFrom": ["telegram:1"]})
    assert made.hear(in_group("@molty /activation always")) == "refused"
    assert made.hear(in_group("/activation always", sender="1")) == "taken"
    assert made.account.texts == ["You may not use this command here.", "Activation: always."]
    assert made.hear(in_group("anything")) == "taken"
    home.idle()


def test_bots_are_nobody_unless_allowed_and_never_without_end(home: House) -> None:
    bot = Sender("b", is_bot=True)
    assert chats(home).hear(direct("beep", sender=bot)) == "ignored"
    made = chats(home, {"allowBots": True})
    heard = [made.hear(direct(f"beep {n}", sender=bot)) for n in range(MOST_EVENTS)]
    assert heard == ["taken"] * (MOST_EVENTS - 1) + ["ignored"]
    home.idle()


def test_bindings_choose_the_agent(home: House, runner: ScriptedRunner) -> None:
    rows = [{"agentId": "ops", "match": {"channel": "telegram", "peer": {"kind": "direct", "id": "17"}}}]
    made = chats(home, bindings=rows, session={"dmScope": "per-channel-peer"})
    made.hear(direct("one"))
    made.hear(direct("two", sender="18"))
    home.idle()
    assert sorted(turn.session_key for turn in runner.turns) == [
        "agent:main:telegram:direct:18",
        "agent:ops:telegram:direct:17",
    ]


def test_a_broadcast_is_for_those_who_are_named(home: House, runner: ScriptedRunner) -> None:
    made = chats(
        home, {"groups": {"*": {"requireMention": False}}}, broadcast={"telegram:-100": {"agents": ["main", "ops"]}}
    )
    made.hear(in_group("hello all"))
    made.hear(in_group("ops, are you there?"))
    home.idle()
    assert sorted((turn.agent_id, turn.prompt) for turn in runner.turns) == [
        ("main", "hello all"),
        ("ops", "hello all"),
        ("ops", "ops, are you there?"),
    ]


def test_others_do_not_redirect_the_main_session_of_one_person(home: House) -> None:
    made = chats(home, {"dmPolicy": "pairing", "allowFrom": ["17"]})
    made.hear(direct("hello"))
    made.hear(direct("let me in", sender="18"))
    (request,) = made.paired.pending(home.clock.now_ms())
    made.paired.approve("telegram", "default", request.code, home.clock.now_ms())
    made.hear(direct("hello", sender="18"))
    home.idle()
    entry = home.talk.book.get("agent:main:main")
    assert entry is not None
    assert entry["delivery"]["to"] == "17"


def test_threads_have_their_own_session(home: House) -> None:
    made = chats(home)
    message = in_group("x", thread_id="T1")
    (route,) = made.inbox._routes(message)
    assert session_of(message, route) == "agent:main:telegram:group:-100:thread:t1"
    own = in_group("x", thread_id="T1", peer=Peer("channel", "T1"))
    assert session_of(own, made.inbox._routes(own)[0]) == "agent:main:telegram:channel:t1"
    assert session_of(direct("x", thread_id="T1"), route) == route.session_key


def test_a_quote_is_context_and_weighs_as_somebody_elses(home: House, runner: ScriptedRunner) -> None:
    made = chats(home)
    made.hear(direct("is that so?", quote=Quote("9", "18", text="the moon is cheese")))
    home.idle()
    assert runner.turns[0].prompt == "is that so?\n\n[Replying to 18 id:9]\nthe moon is cheese\n[/Replying]"
    parts = {part.where: part.provenance for part in made.defender.asked[0].parts}
    assert parts["/quote"] is Provenance.FILE
    assert parts["/message"] is None


PHOTO = (Media("image", "p"),)


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("hello", {}, 0.3),
        ("x" * 4000, {}, 1.5),
        ("hello", {"channel": "slack"}, 0.05),
        ("hello", {"quote": Quote("9")}, 0.3),
        ("hello", {"media": PHOTO}, 0.0),
        ("hello", {"media": PHOTO, "album": "a"}, 0.5),
        ("hello", {"is_forwarded": True}, 0.0),
        ("hello", {"kind": "edit"}, 0.0),
        ("hello", {"kind": "command"}, 0.0),
        ("hello", {"sender": Sender("b", is_bot=True)}, 0.0),
        ("/stop", {}, 0.0),
        ("@molty /new", {}, 0.0),
        ("/help me", {"commands": (Command("help", "me"),)}, 0.0),
    ],
)
def test_only_what_is_plainly_said_waits(home: House, text: str, fields: dict[str, Any], expected: float) -> None:
    settings = {"messages": {"inbound": {"byChannel": {"slack": 50}}}, "channels": {"telegram": OPEN, "slack": OPEN}}
    assert Chats(home, {"agents": AGENTS, **settings}).inbox.wait_s(direct(text, **fields)) == expected


def test_a_reload_changes_how_long_messages_wait(home: House) -> None:
    made = chats(home)
    made.inbox.follow(made.rules._replace(messages={"inbound": {"debounceMs": 0}}))
    assert made.inbox.wait_s(direct("hello")) == 0.0


def test_what_was_joined_is_judged_and_answered_as_one(home: House, runner: ScriptedRunner) -> None:
    made = chats(home, {"replyToMode": "batched"})
    parts = [in_group("molty, this is"), in_group("all of it")]
    assert made.hear(join(parts)) == "joined"
    home.idle()
    assert made.outcomes == ["taken", "joined"]
    assert [turn.prompt for turn in runner.turns] == ["molty, this is\nall of it"]
    assert [out.reply_to for out in made.account.sent] == [parts[1].message_id]
    assert made.defender.asked[0].parts[0].value == "molty, this is\nall of it"
    made.hear(join([in_group("molty, forb"), in_group("and forbidden")]))
    assert made.defender.told[-1].verdict is Verdict.BLOCK


def test_an_album_is_one_prompt(home: House, runner: ScriptedRunner) -> None:
    photo = direct("<media:image>", media=(Media("image", "p"),), album="a")
    chats(home).hear(join([photo, photo._replace(message_id="x", text="our trip")]))
    home.idle()
    assert runner.turns[0].prompt == "our trip\n<media:image>\n<media:image>"


def test_what_a_group_said_is_let_go(home: House, runner: ScriptedRunner) -> None:
    made = chats(home)
    made.hear(in_group("lunch?"))
    made.inbox.shed()
    made.hear(in_group("molty!"))
    home.idle()
    assert runner.turns[0].prompt == "molty!"


def test_a_group_narrows_what_a_turn_may_use(home: House, runner: ScriptedRunner) -> None:
    groups = {
        "-100": {"requireMention": False, "tools": {"deny": ["exec"]}, "toolsBySender": {"1": {"allow": ["read"]}}}
    }
    made = chats(home, {"groups": groups}, tools={"profile": "minimal"})
    for message in (in_group("hello"), in_group("hello", sender="1"), direct("hello")):
        made.hear(message)
        home.idle()
    minimal = {"allow": ["session_status", "gateway"], "deny": None}
    assert [turn.facts["tools"] for turn in runner.turns] == [
        [minimal, {"allow": None, "deny": ["exec"]}],
        [minimal, {"allow": ["read"], "deny": None}],
        [minimal],
    ]


def test_limits_of_one_sender_are_not_taken_into_anothers_turn(tmp_path: Path) -> None:
    runner = ScriptedRunner({"slow": [Wait(0.1), Say("done")]})
    groups = {"*": {"requireMention": False, "toolsBySender": {"1": {"allow": ["read"]}}}}
    with house(tmp_path / "s.json", runner, config=SessionConfig(rules=RULES, debounce_ms=0)) as home:
        made = chats(home, {"groups": groups})
        made.hear(in_group("slow"))
        until(lambda: len(runner.turns) == 1, "the first turn")
        made.hear(in_group("and this", sender="1"))
        until(lambda: len(runner.turns) == 2, "the second turn")
        home.idle()
    assert [(turn.prompt, turn.facts.get("tools")) for turn in runner.turns] == [
        ("slow", None),
        ("and this", [{"allow": ["read"], "deny": None}]),
    ]
