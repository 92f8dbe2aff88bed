"""The observed session calls and queue modes again, by the published reference client, against `clawgate serve` with
the scripted runner."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_queue_live import EXPECTED, LIVE, TRANSCRIPTS
from tests.conformance.test_sessions_live import BEFORE, CASES, SPECIAL, matches
from tests.support import openclaw, scripted_serve
from tests.support.serving import serving

pytestmark = [pytest.mark.openclaw, pytest.mark.lab]

HERE = Path(__file__).parent
SAY = ["chat.send", {"sessionKey": "main", "message": "m2", "idempotencyKey": "k1"}]
DENY = ["sessions.patch", {"key": "main", "sendPolicy": "deny"}]
THREE = [["sessions.create", {"key": key}] for key in ("a", "b", "c")]
# Cases that need a gateway of their own, and those that share one in which main has been spoken to.
ALONE: dict[str, list[Any]] = {"list page": THREE, "patch null clears": [SAY, DENY]}
FRESH = [name for name in CASES if name not in BEFORE and name not in SPECIAL]
USED = [name for name in BEFORE if name not in SPECIAL and name not in ALONE]


def ask(folder: Path, plan: dict[str, Any]) -> Any:
    config = "sessions:\n  queue_debounce_ms: 50\n"
    with serving(folder / "gateway", config=config, module="tests.support.scripted_serve") as gateway:
        file = folder / "plan.json"
        file.write_text(json.dumps(plan))
        ran = openclaw.script(folder, HERE / "reference_sessions.mjs", gateway.url, gateway.token, str(file))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def check_calls(folder: Path, before: Sequence[Any], names: Sequence[str]) -> None:
    calls = [CASES[name]["call"] for name in names]
    outcomes = ask(folder, {"calls": [*before, *calls]})["calls"][len(before) :]
    wrong = {name: got for name, got in zip(names, outcomes, strict=True) if not matches(CASES[name]["expect"], got)}
    assert wrong == {}


def test_calls_on_a_fresh_gateway(tmp_path: Path) -> None:
    empty = "list on an empty store"
    check_calls(tmp_path, [], [empty, *(name for name in FRESH if name != empty)])


def test_calls_after_a_message_in_main(tmp_path: Path) -> None:
    check_calls(tmp_path, [SAY], USED)


@pytest.mark.parametrize("name", ALONE)
def test_calls_with_a_state_of_their_own(tmp_path: Path, name: str) -> None:
    check_calls(tmp_path, ALONE[name], [name])


def test_queue_modes(tmp_path: Path) -> None:
    half_ms = scripted_serve.WORDS * scripted_serve.WORD_S * 500
    said = ask(tmp_path, {"modes": list(LIVE), "pauses": [half_ms, 20]})["modes"]
    for mode, got in said.items():
        assert got["acks"] == LIVE[mode]["expect"]["acks"], mode
        assert [text_of(message) for message in got["transcript"]] == TRANSCRIPTS[mode], mode
        chat = [one for one in map(short, got["chat"]) if one[1] != "delta"]
        if mode in EXPECTED:
            assert chat == EXPECTED[mode], mode
        else:
            assert [one[:2] for one in chat] == [
                *[("r1", "status")] * 3,
                ("r1", "aborted"),
                *[("m2", "final"), ("m2", "aborted")],
                *[("m3", "status")] * 3,
                ("m3", "final"),
            ]
            assert chat[3][2] and not chat[3][2].endswith(f"w{scripted_serve.WORDS - 1} ")


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return f"{message['role']} {content if isinstance(content, str) else content[0]['text']}"


def short(payload: dict[str, Any]) -> tuple[str, str, str | None]:
    name = payload["runId"].split("-")[0]
    message = payload.get("message")
    run = name if name in ("r1", "m2", "m3") else "new"
    return run, payload["state"], message and message["content"][0]["text"]
