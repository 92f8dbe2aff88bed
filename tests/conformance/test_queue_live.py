"""The queue-mode rows observed on a running upstream gateway, replayed: same acknowledgements, same event order, same
transcript. The observed 5 s stream is played twenty times faster."""

from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.session.config import SessionConfig
from tests.support.scripted_runner import Say, ScriptedRunner, Step, Wait
from tests.support.sessions import House, house
from tests.support.shared import shared_json

LIVE = {row["name"]: row for row in shared_json("openclaw/vectors/queue_modes.json")["live"]}
KEY = "agent:main:main"
STREAM: list[Step] = [step for n in range(25) for step in (Say(f"w{n} "), Wait(0.01))]
SCRIPTS = {"r1": STREAM, "m2": [Say("two")], "m3": [Say("three")]}


def replay(home: House, mode: str) -> dict[str, Any]:
    """r1 streams; halfway m2 comes and a moment later m3, both with the mode under test."""
    client = home.client()
    client.call("sessions.messages.subscribe", key=KEY)
    acks = []
    for name, pause in (("r1", 0.12), ("m2", 0.02), ("m3", 0.0)):
        inline = {} if name == "r1" else {"queueMode": mode}
        ack = client.call("chat.send", sessionKey=KEY, message=name, idempotencyKey=name, **inline)
        extra = ["interruptedActiveRun"] if ack.get("interruptedActiveRun") else []
        acks.append([ack["runId"], ack["status"], *extra])
        hub.sleep(pause)
    home.idle()
    history = client.call("chat.history", sessionKey=KEY)["messages"]
    return {"acks": acks, "chat": squeeze(client.events), "transcript": [said(message) for message in history]}


def squeeze(events: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, str | None]]:
    """(run, state, text) of chat events without deltas; run ids nobody asked for are `new`."""
    seen = []
    for event, payload in events:
        if event == "chat" and payload["state"] != "delta":
            run = payload["runId"] if payload["runId"] in SCRIPTS else "new"
            message = payload.get("message")
            seen.append((run, payload["state"], message and message["content"][0]["text"]))
    return seen


def said(message: dict[str, Any]) -> str:
    content = message["content"]
    return f"{message['role']} {content if isinstance(content, str) else content[0]['text']}"


STATUS = [("r1", "status", None)] * 3
WHOLE = "".join(f"w{n} " for n in range(25))
# The rows' words ("final without message, at once", ...) as tuples.
EXPECTED: dict[str, list[tuple[str, str, str | None]]] = {
    "followup": [
        *STATUS,
        ("m2", "final", None),
        ("m3", "final", None),
        ("r1", "final", WHOLE),
        *[("new", "status", None)] * 3,
        ("new", "final", "two"),
        *[("new", "status", None)] * 3,
        ("new", "final", "three"),
    ],
    "collect": [
        *STATUS,
        ("m2", "final", None),
        ("m3", "final", None),
        ("r1", "final", WHOLE),
        *[("new", "status", None)] * 3,
        ("new", "final", "one answer"),
    ],
    "steer": [
        *STATUS,
        ("m2", "final", None),
        ("m3", "final", None),
        ("r1", "final", f"{WHOLE}\n\nanswer to: m2 + m3"),
    ],
}
JOINED = "[Queued messages while agent was busy]\n\n---\nQueued #1 (from lab)\nm2\n\n---\nQueued #2 (from lab)\nm3"
TRANSCRIPTS = {
    "followup": ["user r1", f"assistant {WHOLE}", "user m2", "assistant two", "user m3", "assistant three"],
    "collect": ["user r1", f"assistant {WHOLE}", f"user {JOINED}", "assistant one answer"],
    "steer": ["user r1", f"assistant {WHOLE}", "user m2", "user m3", "assistant answer to: m2 + m3"],
    "interrupt": ["user r1", "user m2", "user m3", "assistant three"],
}


@pytest.fixture
def home(tmp_path: Path) -> Any:
    runner = ScriptedRunner({**SCRIPTS, JOINED: [Say("one answer")]}, stop_delay_s=0.5)
    with house(tmp_path / "s.json", runner, config=SessionConfig(debounce_ms=30)) as made:
        yield made


@pytest.mark.parametrize("mode", list(LIVE))
def test_live_row(mode: str, home: House) -> None:
    seen = replay(home, mode)
    assert seen["acks"] == LIVE[mode]["expect"]["acks"]
    assert seen["transcript"] == TRANSCRIPTS[mode]
    if mode in EXPECTED:
        assert seen["chat"] == EXPECTED[mode]
        return
    aborted = seen["chat"][3]
    assert aborted[:2] == ("r1", "aborted")
    assert aborted[2].startswith("w0 w1 ") and not aborted[2].endswith("w24 ")
    assert seen["chat"][:3] == STATUS
    assert seen["chat"][4:] == [
        ("m2", "final", None),
        ("m2", "aborted", None),
        *[("m3", "status", None)] * 3,
        ("m3", "final", "three"),
    ]


def test_transcripts_have_the_roles_that_were_observed() -> None:
    """Our expectations above are the rows' own, as far as rows are literal."""
    for mode, lines in TRANSCRIPTS.items():
        observed = LIVE[mode]["expect"]["transcript"]
        assert [line.split()[0] for line in lines] == [line.split()[0] for line in observed]
