"""Session keys against the vectors upstream's own functions produced, and properties that must hold for any text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.session import keys
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/session_keys.json")


def named(rows: str) -> Any:
    return pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS[rows]])


def rules_of(config: dict[str, Any]) -> keys.KeyRules:
    entries = config["agents"]["entries"]
    default = next((name for name, entry in entries.items() if entry.get("default")), None)
    return keys.KeyRules(tuple(entries), default, scope=config["session"].get("scope", "per-sender"))


@named("parse")
def test_reading_a_key(row: dict[str, Any]) -> None:
    key = row["input"]["key"]
    parsed = keys.parse(key)
    base_run, run_id = keys.split_cron_run(key)
    base_thread, thread_id = keys.split_thread(key)
    place = keys.delivery(key)
    seen = {
        "parsed": {"agentId": parsed.agent_id, "rest": parsed.rest} if parsed else None,
        "shape": keys.classify(key),
        "normalized": keys.normalise(key),
        "isSubagent": keys.is_subagent(key),
        "subagentDepth": keys.subagent_depth(key),
        "isAcp": keys.is_acp(key),
        "isCron": keys.is_cron(key),
        "isCronRun": keys.is_cron_run(key),
        "isIncognito": keys.is_incognito(key),
        "cronRun": present(baseSessionKey=base_run, runId=run_id),
        "thread": present(baseSessionKey=base_thread, threadId=thread_id),
        "delivery": place
        and present(
            channel=place.channel,
            peerId=place.peer_id,
            peerKind=place.peer_kind,
            accountId=place.account_id,
            threadId=place.thread_id,
        ),
        "kind": keys.kind(key),
        "chatType": keys.chat_type(key),
    }
    assert seen == row["expect"]


def present(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


@named("store_key")
def test_store_key(row: dict[str, Any]) -> None:
    given = row["input"]
    assert keys.to_store_key(given["key"], rules_of(given["config"])) == row["expect"]["storeKey"]


@named("request_to_store")
def test_request_key(row: dict[str, Any]) -> None:
    given = row["input"]
    assert keys.request_key(given["requestKey"], given["agentId"]) == row["expect"]["storeKey"]


@named("peer_key")
def test_peer_key(row: dict[str, Any]) -> None:
    given = dict(row["input"])
    names = {
        "accountId": "account",
        "dmScope": "dm_scope",
        "groupScope": "group_scope",
        "identityLinks": "identity_links",
    }
    options = {names[name]: given[name] for name in names if name in given}
    key = keys.peer_key(given["agentId"], given["channel"], given["peerKind"], given["peerId"], **options)
    assert key == row["expect"]["sessionKey"]


@named("thread_key")
def test_thread_key(row: dict[str, Any]) -> None:
    given = row["input"]
    key = keys.thread_key(given["baseSessionKey"], given["threadId"], use_suffix=given.get("useSuffix", True))
    assert key == row["expect"]["sessionKey"]


@named("ids")
def test_ids(row: dict[str, Any]) -> None:
    value = row["input"]["value"]
    assert {
        "agentId": keys.agent_id(value),
        "agentIdStrict": keys.maybe_id(value),
        "accountId": keys.account_id(value),
        "optionalAccountId": keys.maybe_account_id(value),
    } == row["expect"]


@pytest.mark.parametrize(
    "key, agent, why",
    [
        ("", None, "required"),
        ("agent:main", None, "malformed"),
        ("agent::x", None, "malformed"),
        ("agent:main:x", "ops", "does not match"),
        ("x" * 600, None, "longer than"),
    ],
)
def test_what_has_no_honest_answer_is_refused(key: str, agent: str | None, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        keys.to_store_key(key, keys.KeyRules(("main", "ops")), agent)


def test_several_agents_without_an_owner_ask_for_one() -> None:
    rules = keys.KeyRules(("a", "b"), None)
    with pytest.raises(InvalidRequest, match="agentId"):
        keys.to_store_key("main", rules)
    assert keys.to_store_key("main", rules, "b") == "agent:b:main"


def test_main_key_of_an_agent_that_does_not_exist_is_the_default_agents() -> None:
    assert keys.to_store_key("agent:main:main", keys.KeyRules(("ops",), "ops")) == "agent:ops:main"
    assert keys.to_store_key("agent:main:notes", keys.KeyRules(("ops",), "ops")) == "agent:main:notes"


def test_reserved_object_names_are_no_account_ids() -> None:
    assert keys.maybe_account_id("constructor") is None
    assert keys.account_id("constructor") == "default"


@pytest.mark.parametrize(
    "key, hidden, main",
    [
        ("agent:main:internal-session-effects:q", True, False),
        ("agent:main:main", False, True),
        ("agent:main:notes", False, False),
        ("global", False, False),
    ],
)
def test_hidden_and_main(key: str, hidden: bool, main: bool) -> None:
    assert (keys.is_hidden(key), keys.is_main(key)) == (hidden, main)


pieces = st.sampled_from(
    [
        "agent",
        "main",
        ":",
        "Signal:Group:",
        "matrix:channel:",
        "direct",
        "dm",
        "thread:",
        "cron:",
        "run:",
        " ",
        "X",
        "é",
    ]
)
texts = st.one_of(st.text(max_size=40), st.lists(pieces, max_size=12).map("".join))


@given(texts)
def test_reading_never_raises_and_normalising_twice_changes_nothing(text: str) -> None:
    once = keys.normalise(text)
    assert keys.normalise(once) == once
    for read in (keys.classify, keys.kind, keys.chat_type, keys.delivery, keys.split_thread, keys.split_cron_run):
        read(text)


@given(texts)
def test_a_stored_key_is_its_own_stored_key(text: str) -> None:
    rules = keys.KeyRules(("main", "ops"), "ops")
    try:
        stored = keys.to_store_key(text, rules)
    except InvalidRequest:
        return
    assert keys.to_store_key(stored, rules) == stored
    assert stored in keys.SENTINELS or keys.classify(stored) == "agent"
