"""A chat provider against a real `clawgate serve`: a message in, judged, a turn, its answer out, a kill in the middle.

The provider is the plainest one, the signed webhook; drivers of others are tested against fakes of their own.
"""

import hashlib
import hmac
import http.client
import json
import random
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import Serving, serving
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SECRET = "not-so-secret"
TOKEN = "hook-token-for-tests"
POLICY = """
version: 1
kind: policy
id: test.channels
title: One word is not for channels
mode: enforce
deny:
  - id: chan.word
    title: The word
    severity: critical
    target: [prompt]
    when: {provenance: [channel], chat: [direct], channel: [generic]}
    pattern: ['xyzzy']
    say: That word is not for here
    hit: ['xyzzy']
    miss: ['abc']
"""


class Provider:
    """Takes what clawgate says and says things to it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stamp = self.headers["X-Clawgate-Timestamp"]
                assert hmac.compare_digest(self.headers["X-Clawgate-Signature"], sign(stamp, body))
                provider.heard.append(json.loads(body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"messageId": f"out{len(provider.heard)}"}).encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/deliver"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.heard]

    def say(self, served: Serving, message_id: str, text: str, sender: str = "ann", **fields: Any) -> int:
        body = {"chatType": "direct", "chatId": f"chat-{sender}", "messageId": message_id, "sender": {"id": sender}}
        return self.post(served, json.dumps({**body, "text": text, **fields}).encode())

    def post(self, served: Serving, body: bytes, signature: str | None = None) -> int:
        stamp = str(int(time.time()))
        headers = {"X-Clawgate-Timestamp": stamp, "X-Clawgate-Signature": signature or sign(stamp, body)}
        return post(served, "/channels/generic/default", body, headers)[0]


def sign(stamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(SECRET.encode(), f"v1:{stamp}:".encode() + body, hashlib.sha256).hexdigest()


def post(served: Serving, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(served.http + path, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def flags(tmp_path: Path, provider: Provider) -> list[str]:
    for name, text in {"secret": SECRET, "token": TOKEN, "policy.yaml": POLICY}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    channels = {
        "channels": {
            "generic": {
                "allowFrom": ["ann"],
                "options": {"deliverUrl": provider.url},
                "secretFiles": {"secret": str(tmp_path / "secret")},
            }
        },
        "session": {"dmScope": "per-channel-peer"},
        "hooks": {
            "enabled": True,
            "tokenFile": str(tmp_path / "token"),
            "mappings": [{"match": {"path": "ci"}, "messageTemplate": "build {{payload.number}}: {{status}}"}],
        },
    }
    (tmp_path / "channels.yaml").write_text(json.dumps(channels))
    return ["--channels", str(tmp_path / "channels.yaml"), "--policy", str(tmp_path / "policy.yaml")]


def serve(tmp_path: Path, flags: list[str], store: str = "s.json") -> Any:
    # The cap: whoever is slow must not look like somebody who loses messages.
    config = f"sessions: {{queue_cap: 1000, store: {tmp_path / store}}}"
    return serving(tmp_path / "home", *flags, config=config, module="tests.support.scripted_serve")


def test_a_conversation_with_a_kill_in_the_middle(tmp_path: Path, provider: Provider, flags: list[str]) -> None:
    with serve(tmp_path, flags) as served:
        assert provider.say(served, "1", "m2") == 200
        until(lambda: provider.texts == ["two"], "the answer")
        assert provider.heard[0]["chatId"] == "chat-ann"
        assert provider.say(served, "1", "m2") == 200  # the provider repeats itself
        assert provider.post(served, b"{}", "v1=" + "0" * 64) == 401

        assert provider.say(served, "2", "say xyzzy") == 200
        until(lambda: len(provider.heard) == 2, "the refusal")
        assert provider.texts[1].startswith("Blocked by clawgate: That word is not for here")
        with served.client("operator.read") as client:
            rows = client.call("sessions.list")["sessions"]
            assert [row["key"] for row in rows] == ["agent:main:generic:direct:ann"]
            said = json.dumps(client.call("chat.history", {"sessionKey": rows[0]["key"]})["messages"])
            assert "xyzzy" not in said

            def status() -> dict[str, Any]:
                return dict(client.call("channels.status")["channelAccounts"]["generic"][0])

            assert (status()["accountId"], status()["running"]) == ("default", True)
            until(lambda: status()["waiting"]["out"] == 0, "a note of what was sent")

        assert provider.say(served, "3", "no end") == 200
        until(lambda: any("no end" in one.read_text() for one in tmp_path.glob("s.json.journal-*")), "the turn on disk")
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(10)
    with serve(tmp_path, flags) as served:
        until(lambda: len(provider.heard) == 3, "word of the restart")
        assert "restarted" in provider.texts[2]
        for message_id, text in (("1", "m2"), ("2", "say xyzzy"), ("3", "no end")):
            assert provider.say(served, message_id, text) == 200  # all of them known
        assert provider.say(served, "4", "m3") == 200
        until(lambda: len(provider.heard) == 4, "the next answer")
        time.sleep(0.5)
        assert provider.texts[3:] == ["three"]
        with served.client("operator.read") as client:
            history = client.call("chat.history", {"sessionKey": "agent:main:generic:direct:ann"})["messages"]
            asked = [message["content"] for message in history if message["role"] == "user"]
            assert asked == ["m2", "no end", "m3"]


def test_a_reload_lets_somebody_else_talk(tmp_path: Path, provider: Provider, flags: list[str]) -> None:
    file = tmp_path / "channels.yaml"
    with serve(tmp_path, flags) as served:
        settings = json.loads(file.read_text())
        settings["channels"]["generic"]["allowFrom"].append("bob")
        file.write_text(json.dumps({**settings, "bindingz": []}))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "did you mean bindings?" in served.log.read_text(), "word of the mistake")
        file.write_text(json.dumps({**settings, "cron": {"enabled": False}}))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "channels.file: cron" in served.log.read_text(), "word of what waits")
        assert provider.say(served, "1", "m2", sender="bob") == 200
        until(lambda: provider.texts == ["two"], "the answer to bob")


@pytest.mark.parametrize("store", ["s.json", "s.db"])
def test_kills_at_any_moment_lose_nothing_and_run_nothing_twice(
    tmp_path: Path, provider: Provider, flags: list[str], store: str
) -> None:
    """A provider that repeats what was not taken; five processes, four of them killed."""
    moments = random.Random(5)
    waiting = [(f"m-{number}", f"word {number}") for number in range(40)]
    taken: list[tuple[str, str]] = []
    for life in range(5):
        with serve(tmp_path, flags, store) as served:
            ends = time.monotonic() + (moments.uniform(0.05, 0.6) if life < 4 else 60.0)
            while waiting and time.monotonic() < ends:
                try:
                    status = provider.say(served, *waiting[0])
                except (OSError, http.client.HTTPException):
                    break
                if status == 200:
                    taken.append(waiting.pop(0))
                time.sleep(0.01)
            if life < 4:
                served.process.send_signal(signal.SIGKILL)
                served.process.wait(10)
                continue
            for message in moments.sample(taken, 5):
                provider.say(served, *message)
            until(lambda: len(told(provider)) >= len(taken), "an answer to each")
            time.sleep(0.5)
            with served.client("operator.read") as client:
                key = "agent:main:generic:direct:ann"
                history = client.call("chat.history", {"sessionKey": key, "limit": 1000})["messages"]
    asked = [message["content"] for message in history if message["role"] == "user"]
    said = "\n".join(asked)
    assert not waiting
    assert all(len(re.findall(rf"^{text}$", said, re.MULTILINE)) == 1 for _, text in taken), asked


def told(provider: Provider) -> list[str]:
    """What people heard: one line for each message that was answered, alone or with others, or given up."""
    return [word for text in provider.texts for word in re.findall(r"word \d+|restarted|Too many", text)]


def test_pairing_sending_webhooks_and_timers(tmp_path: Path, provider: Provider, flags: list[str]) -> None:
    with serve(tmp_path, flags) as served:
        provider.say(served, "1", "hello", sender="bob")
        until(lambda: provider.heard, "the pairing code")
        code = provider.texts[0].partition("Pairing code: ")[2].split()[0]
        with served.client("operator.pairing", "operator.write", "operator.admin", "operator.read") as client:
            (request,) = client.call("channels.pairing.list")["requests"]
            assert (request["senderId"], code in json.dumps(request)) == ("bob", False)
            params = {"channel": "generic", "accountId": "default", "requestId": code}
            assert client.call("channels.pairing.approve", params)["notification"] == "sent"
            provider.say(served, "2", "m2", sender="bob")
            until(lambda: len(provider.heard) == 3, "the answer after pairing")
            assert provider.texts[2] == "two"

            sending = {"to": "generic:chat-ann", "message": "from the operator", "idempotencyKey": "k1"}
            sent = client.call("send", sending)
            assert sent == {"runId": "k1", "channel": "generic", "chatId": "chat-ann", "messageId": "out4"}
            assert client.call("send", sending) == sent
            assert provider.texts[3:] == ["from the operator"]

            job = {
                "name": "soon",
                "schedule": {"kind": "at", "at": "2020-01-01T00:00:00Z"},
                "sessionTarget": "isolated",
                "wakeMode": "now",
                "payload": {"kind": "agentTurn", "message": "m3"},
                "delivery": {"mode": "announce", "channel": "generic", "to": "chat-ann"},
            }
            client.call("cron.add", job)
            until(lambda: len(provider.heard) == 5, "the timer's answer")
            assert provider.texts[4] == "three"
            assert client.call("cron.runs")["entries"][0]["status"] == "ok"

        bearer = {"Authorization": f"Bearer {TOKEN}"}
        body = json.dumps({"number": 7, "status": "green"}).encode()
        assert post(served, "/hooks/ci", body, {})[0] == 401
        assert post(served, "/hooks/ci?token=x", body, bearer)[0] == 400
        assert post(served, "/hooks/none", body, bearer)[0] == 404
        status, answer = post(served, "/hooks/ci", body, bearer)
        assert (status, json.loads(answer)["status"]) == (200, "started")
        wanted = json.dumps({"message": "m2", "waitForCompletion": True, "deliver": False}).encode()
        assert json.loads(post(served, "/hooks/agent", wanted, bearer)[1])["text"] == "two"
