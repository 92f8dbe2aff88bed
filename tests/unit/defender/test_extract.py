import hashlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.carriers import EVENTS, METHODS
from gw.defender.extract import MAX_PARTS, Origin, from_event, from_request, from_tool_call, session_of
from gw.model.action import Action, PartKind, Provenance
from gw.ports import Json

PROMPT, COMMAND, ARGV, URL, PATH, TOOL, OUTPUT, DATA = PartKind


def request(method: str, params: Json) -> Action:
    return from_request(method, params, b"raw", Origin("act"))


def parts(action: Action) -> set[tuple[PartKind, str, str]]:
    return {(part.kind, part.where, part.value) for part in action.parts}


def test_identity_comes_from_the_bytes() -> None:
    action = request("chat.send", {"message": "hi"})
    assert action.digest == hashlib.sha256(b"raw").hexdigest()
    assert (action.size, action.id, action.method) == (3, "act", "chat.send")


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("chat.send", {"message": "hi", "nested": {"message": "x"}}, {(PROMPT, "/message", "hi")}),
        (
            "chat.send",
            {"message": "hi", "attachments": [{"name": "a.txt", "content": "Zg=="}]},
            {
                (PROMPT, "/message", "hi"),
                (DATA, "/attachments/0/name", "a.txt"),
                (DATA, "/attachments/0/content", "Zg=="),
            },
        ),
        ("chat.send", {"message": "!ls -l"}, {(PROMPT, "/message", "!ls -l"), (COMMAND, "/message", "ls -l")}),
        ("chat.send", {"message": " /bash id"}, {(PROMPT, "/message", " /bash id"), (COMMAND, "/message", "id")}),
        ("chat.send", {"message": "!ls", "suppressCommandInterpretation": True}, {(PROMPT, "/message", "!ls")}),
        (
            "agent",
            {"message": "m", "extraSystemPrompt": "s", "cwd": "/w"},
            {(PROMPT, "/message", "m"), (PROMPT, "/extraSystemPrompt", "s"), (PATH, "/cwd", "/w")},
        ),
        ("send", {"message": "m", "mediaUrl": "http://x"}, {(OUTPUT, "/message", "m"), (URL, "/mediaUrl", "http://x")}),
        ("poll", {"question": "q", "options": ["a", "b"]},
         {(OUTPUT, "/question", "q"), (OUTPUT, "/options/0", "a"), (OUTPUT, "/options/1", "b")}),
        (
            "tools.invoke",
            {"name": "Bash", "args": {"command": "ls", "workdir": "/w", "env": {"A": "b"}}},
            {
                (TOOL, "/name", "exec"), (COMMAND, "/args/command", "ls"), (PATH, "/args/workdir", "/w"),
                (DATA, "/args/env/A", "b"),
            },
        ),
        (
            "node.invoke",
            {"command": "system.run", "params": {"command": ["rm", "-rf", "a b"], "cwd": "/w", "other": "x"}},
            {
                (TOOL, "/command", "exec"), (ARGV, "/params/command", "rm -rf 'a b'"), (PATH, "/params/cwd", "/w"),
                (DATA, "/params/other", "x"),
            },
        ),
        (
            "exec.approval.request",
            {"command": "ls", "commandArgv": ["ls"], "systemRunPlan": {"rawCommand": "ls -l"}, "cwd": "/w"},
            {
                (TOOL, "", "exec"), (COMMAND, "/command", "ls"), (ARGV, "/commandArgv", "ls"),
                (COMMAND, "/systemRunPlan/rawCommand", "ls -l"), (PATH, "/cwd", "/w"),
            },
        ),
        ("http.hook", {"message": "m", "messages": "n"}, {(PROMPT, "/message", "m"), (DATA, "/messages", "n")}),
        ("config.patch", {"raw": "{}"}, {(DATA, "/raw", "{}")}),
        ("unknown.method", {"a": ["b", {"c": "d"}]}, {(DATA, "/a/0", "b"), (DATA, "/a/1/c", "d")}),
        ("agents.files.set", {"name": "A.md", "content": "x"}, {(PATH, "/name", "A.md"), (DATA, "/content", "x")}),
        ("cron.add", {"payload": {"kind": "agentTurn", "message": "m"}, "schedule": {"commands": ["a b"]}},
         {(PROMPT, "/payload/message", "m"), (DATA, "/payload/kind", "agentTurn"),
          (COMMAND, "/schedule/commands/0", "a b")}),
    ],
)  # fmt: skip
def test_requests(method: str, params: Json, expected: set[tuple[PartKind, str, str]]) -> None:
    assert parts(request(method, params)) == expected


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("web_fetch", {"url": "http://x"}, {(URL, "/args/url", "http://x")}),
        ("write", {"path": "a", "content": "c"}, {(PATH, "/args/path", "a"), (DATA, "/args/content", "c")}),
        ("read", {"file_path": "a"}, {(PATH, "/args/file_path", "a")}),
        ("srv__run", {"cmd": "ls", "x": {"y": ["z"]}}, {(COMMAND, "/args/cmd", "ls"), (DATA, "/args/x/y/0", "z")}),
        ("browser", {"request": {"kind": "evaluate", "fn": "f()"}, "paths": ["/a"]},
         {(DATA, "/args/request/kind", "evaluate"), (DATA, "/args/request/fn", "f()"), (PATH, "/args/paths/0", "/a")}),
        ("nodes", {"invokeCommand": "system.run", "invokeParamsJson": '{"command": ["rm", "x"]}'},
         {(DATA, "/args/invokeCommand", "system.run"), (ARGV, "/args/invokeParamsJson/command", "rm x")}),
        ("nodes", {"invokeParamsJson": "not json"}, {(DATA, "/args/invokeParamsJson", "not json")}),
        ("apply_patch", {"input": "*** Add File: /etc/x\n+a\n*** Move to: b"},
         {(DATA, "/args/input", "*** Add File: /etc/x\n+a\n*** Move to: b"), (PATH, "/args/input", "/etc/x"),
          (PATH, "/args/input", "b")}),
        ("automations", {"job": {"payload": {"command": "id"}, "schedule": {"commands": ["ls", "id"]}}},
         {(COMMAND, "/args/job/payload/command", "id"), (COMMAND, "/args/job/schedule/commands/0", "ls"),
              (COMMAND, "/args/job/schedule/commands/1", "id")}),
        ("exec", {"command": ["ls", 3]}, {(COMMAND, "/args/command/0", "ls")}),
        ("exec", "a plain text", {(DATA, "/args", "a plain text")}),
        ("exec", {"a~b/c": "x"}, {(DATA, "/args/a~0b~1c", "x")}),
        ("exec", None, set()),
    ],
)  # fmt: skip
def test_tool_calls(tool: str, arguments: Json, expected: set[tuple[PartKind, str, str]]) -> None:
    action = from_tool_call(tool, arguments, b"", Origin())
    assert parts(action) == expected | {(TOOL, "/tool", tool)}
    assert action.tool == tool


def test_events() -> None:
    event = from_event(
        "exec.approval.requested",
        {"request": {"command": "ls", "sessionKey": "agent:a:telegram:direct:5", "agentId": "a"}},
        b"",
        Origin(mode="sidecar"),
    )
    assert (COMMAND, "/request/command", "ls") in parts(event)
    assert (event.tool, event.session_key, event.agent_id) == ("exec", "agent:a:telegram:direct:5", "a")
    assert (event.channel, event.chat_type, event.mode) == ("telegram", "direct", "sidecar")
    node = from_event(
        "node.invoke.request", {"command": "system.run", "paramsJSON": '{"command":["ls"]}'}, b"", Origin()
    )
    assert (ARGV, "/params/command", "ls") in parts(node) and node.tool == "exec"
    stream = from_event("agent", {"stream": "tool", "data": {"name": "exec", "args": {"command": "id"}}}, b"", Origin())
    assert (COMMAND, "/data/args/command", "id") in parts(stream) and stream.tool == "exec"


@pytest.mark.parametrize(
    ("params", "origin", "provenance", "channel"),
    [
        ({}, Origin(), Provenance.USER, None),
        ({"originatingChannel": "Discord"}, Origin(), Provenance.CHANNEL, "discord"),
        ({"originatingChannel": "x"}, Origin(provenance=Provenance.WEB), Provenance.WEB, "x"),
        ({}, Origin(channel="webchat"), Provenance.USER, "webchat"),
        ({"sessionKey": "agent:m:slack:group:g"}, Origin(), Provenance.USER, "slack"),
    ],
)
def test_where_it_came_from(params: Json, origin: Origin, provenance: Provenance, channel: str | None) -> None:
    action = from_request("chat.send", params, b"", origin)
    assert (action.provenance, action.channel) == (provenance, channel)


def test_sessions_are_named_where_each_method_names_them() -> None:
    assert session_of("chat.send", {"sessionKey": "s"}) == "s"
    assert session_of("sessions.send", {"key": "k", "sessionKey": "s"}) == "k"
    assert session_of("brand.new", {"key": "k"}) == "k"
    assert session_of("chat.send", {"sessionKey": ""}) is session_of("chat.send", ["x"]) is None


def test_very_many_texts_are_joined_not_dropped() -> None:
    action = request("unknown", {"a": [f"t{n}" for n in range(MAX_PARTS + 10)]})
    assert len(action.parts) == MAX_PARTS
    assert action.parts[-1].value.endswith(f"t{MAX_PARTS + 9}")


def test_very_many_texts_are_read_in_proportion() -> None:
    params = {"message": "m", "attachments": [{"text": f"t{i}"} for i in range(20_000)]}
    began = time.process_time()
    action = from_request("chat.send", params, b"{}", Origin())
    assert time.process_time() - began < 2  # each compared with each took half a minute
    assert len(action.parts) == MAX_PARTS


def test_deep_nesting_is_walked_without_recursion() -> None:
    deep: Json = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert request("tools.invoke", {"name": "x", "args": deep}).parts[-1].value == "bottom"
    assert request("unknown", deep).parts[-1].value == "bottom"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        return [text for child in value.values() for text in texts(child)]
    return [text for child in value for text in texts(child)] if isinstance(value, list) else []


@given(st.sampled_from(sorted([*METHODS, "other"])), json_values)
def test_any_params_give_an_action(method: str, params: Json) -> None:
    assert request(method, params).method == method


@given(st.sampled_from(sorted([*EVENTS, "other"])), json_values)
def test_any_payload_gives_an_action(event: str, payload: Json) -> None:
    assert from_event(event, payload, b"", Origin()).method == event


@given(json_values)
def test_no_text_of_a_tool_call_is_left_out(arguments: Json) -> None:
    seen = "\n".join(part.value for part in from_tool_call("mcp__x", arguments, b"", Origin()).parts)
    for text in texts(arguments):
        assert text in seen or json.dumps(text)[1:-1] in seen or "'" in text
