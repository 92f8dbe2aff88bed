"""gw/modes/guard/http: which requests are judged however they are spelled, and which bodies can be."""

import pytest

from gw.defender.extract import Origin
from gw.model.action import PartKind
from gw.modes.guard.http import UnreadableBody, action_of, guarded_as, read_body

SPELLINGS = [
    "/v1/chat/completions",
    "/v1/chat/completions?x=1",
    "/v1/chat/completions/",
    "/V1/Chat/completions",
    "//v1/chat/completions",
    "//host/v1/chat/completions",
    "/v1//chat/./completions",
    "/x/../v1/chat/completions",
    "/x/%2e%2e/v1/chat/completions",
    "/v1/chat%2fcompletions",
    "/v1\\chat\\completions",
    "/%761/chat/completions",
    "http://host/v1/chat/completions",
    "/v1/chat/completions#f",
    "/v1/chat/completions/deeper",
]


@pytest.mark.parametrize("target", SPELLINGS)
def test_a_guarded_path_is_guarded_however_it_is_spelled(target: str) -> None:
    assert guarded_as("POST", target, "/hooks") == "http.chat"


OTHERS = [
    ("POST", "/v1/responses", "http.responses"),
    ("PUT", "/tools/invoke", "http.tools"),
    ("POST", "/hooks/agent", "http.hook"),
    ("POST", "/hooks", "http.hook"),
    ("POST", "/hooksome", None),
    ("GET", "/v1/chat/completions", None),
    ("HEAD", "/hooks/agent", None),
    ("POST", "/v1/embeddings", None),
    ("POST", "/api/x", None),
    ("POST", "*", None),
]


@pytest.mark.parametrize("method, target, name", OTHERS)
def test_the_table(method: str, target: str, name: str | None) -> None:
    assert guarded_as(method, target, "/hooks") == name


def test_webhooks_may_live_elsewhere() -> None:
    assert guarded_as("POST", "/Incoming/agent", "/incoming/") == "http.hook"
    assert guarded_as("POST", "/hooks/agent", "/incoming") is None


UNREADABLE = [
    b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b'{},"traceparent":"x"', b'{}}{"x":1', b'{},"more":1', b"[1][2]",
    b'{"n":9007199254740993}', b"\xef\xbb\xbf{}",
]  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_body_two_parsers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        read_body(body)


@pytest.mark.parametrize("body, value", [(b"", {}), (b"  ", {}), (b' {"a": [1]}\n', {"a": [1]}), (b"3", 3)])
def test_readable_bodies(body: bytes, value: object) -> None:
    assert read_body(body) == value


def test_a_compressed_body_is_refused() -> None:
    with pytest.raises(UnreadableBody, match="compressed"):
        action_of("http.chat", b"{}", {"content-encoding": "gzip"}, Origin())


def test_an_action_carries_what_the_body_says() -> None:
    body = b'{"messages":[{"role":"user","content":"hello"},{"content":[{"type":"text","text":"there"}]}]}'
    action = action_of("http.chat", body, {"x-openclaw-session-key": "agent:main:x"}, Origin("act_1", "guard"))
    prompts = [part.value for part in action.parts if part.kind is PartKind.PROMPT]
    assert sorted(prompts) == ["hello", "there"] and action.session_key == "agent:main:x" and action.mode == "guard"
    call = action_of("http.tools", b'{"tool":"exec","args":{"command":"ls"},"sessionKey":"main"}', {}, Origin())
    assert (call.tool, call.session_key) == ("exec", "main")
    assert [part.value for part in call.parts if part.kind is PartKind.COMMAND] == ["ls"]
