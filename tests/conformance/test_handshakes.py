"""Every recorded handshake against the real upstream gateway, replayed against ours.

The recordings hold no token and so no signature that could be checked again: each connect request is sent as it was,
with our token and, where a device takes part, signed anew by a key of ours with the same fault the recording had.
What is compared: every answer's code, message and details, what hello-ok grants, and the close code and reason.
"""

import http.client
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gw._native.wsframe import BINARY, TEXT
from gw.access import device as devices
from gw.cli.websocket import UnreachableError, WebSocket
from tests.support.serving import Serving, serving
from tests.support.shared import shared_path

Json = Any

TRACE = shared_path("openclaw/traces/handshakes.jsonl")
BUILD = "build-of-the-page-served-here"
POLICY = "version: 1\nkind: policy\nid: test.empty\ntitle: Nothing is judged here\nmode: enforce\n"
PAGE = f'<html data-openclaw-control-ui-build-id="{BUILD}"><body></body></html>'

# Where we differ on purpose, and why.
SERVED_BOTH = "a standalone gateway serves protocols 3 and 4 side by side, and answers 3 to who speaks only 3"
EXCEPTIONS = {
    "protocol-3-operator": SERVED_BOTH,
    "protocol-3-probe": SERVED_BOTH,
    "node-protocol-3": SERVED_BOTH,
    "first-frame-oversized": "our close frame says why",
    "post-oversized-26MiB": "our close frame says why",
}
# How a recorded proof was made wrong, where the frame itself does not show it.
SIGNED_V2 = frozenset({"ok-device-v2"})
SIGNED_AT_RANDOM = frozenset({"device-bad-signature"})
SIGNED_OTHER_SCOPES = {"device-signed-other-scopes": ["operator.admin"]}


class Step(NamedTuple):
    direction: str
    row: dict[str, Json]


class Outcome(NamedTuple):
    answers: list[dict[str, Json]]  # `res` frames, in order
    close: tuple[int, str] | None
    status: int  # of the upgrade


def recorded() -> dict[str, list[Step]]:
    cases: dict[int, list[Step]] = {}
    for line in TRACE.read_text().splitlines():
        row = json.loads(line)
        cases.setdefault(row["conn"], []).append(Step(row["dir"], row))
    return {steps[0].row["http"]["headers"]["x-lab-case"]: steps for steps in cases.values()}


CASES = recorded()


def expected(name: str) -> Outcome:
    steps = [step.row for step in CASES[name] if step.direction == "s2c"]
    frames = [row["frame"] for row in steps if isinstance(row.get("frame"), dict)]
    closes = [row["close"] for row in steps if "close" in row]
    by_us = closes and not any("close" in s.row and s.direction == "c2s" for s in CASES[name][: _first_close(name)])
    status = int(steps[0]["http"]["line"].split()[1])
    close = (closes[0]["code"], closes[0]["reason"]) if by_us else None
    return Outcome([frame for frame in frames if frame["type"] == "res"], close, status)


def _first_close(name: str) -> int:
    return next(i for i, step in enumerate(CASES[name]) if "close" in step.row and step.direction == "s2c")


# --- replaying --------------------------------------------------------------------------------------------------------


class Replay:
    """All cases in the order they were recorded: later ones use devices that earlier ones paired."""

    def __init__(self, gateway: Serving) -> None:
        self.gateway = gateway
        self.keys: dict[str, Ed25519PrivateKey] = {}  # by the recorded public key
        self.device_tokens: dict[str, str] = {}  # by the recorded device id
        self.outcomes = {name: self.run(name, steps) for name, steps in CASES.items()}

    def run(self, name: str, steps: list[Step]) -> Outcome:
        recorded_host = steps[0].row["http"]["headers"]["host"]
        sent = {
            key.title(): value.replace(recorded_host, f"127.0.0.1:{self.gateway.address.port}")
            for key, value in steps[0].row["http"]["headers"].items()
            if key in ("host", "origin") or key.startswith("x-")
        }
        wanted = expected(name)
        if wanted.status != 101:
            return Outcome([], None, self.upgrade_status(sent))
        socket = WebSocket(self.gateway.address, headers=sent, timeout_s=20.0)
        answers: list[dict[str, Json]] = []
        try:
            challenge = json.loads(socket.receive())["payload"]
            theirs = next(s.row["frame"]["payload"] for s in steps if s.direction == "s2c" and "frame" in s.row)
            for step in steps[1:]:
                if step.direction == "s2c" and step.row.get("frame", {}).get("type") == "res":
                    answers.append(self.next_answer(socket))
                    self.remember(steps, answers[-1])
                elif step.direction == "c2s":
                    self.send(socket, name, step.row, challenge, theirs)
            if wanted.close is None:
                answers += self.stray_answers(socket)
            else:
                while True:
                    socket.receive()
        except UnreachableError:
            pass
        finally:
            socket.close()
        return Outcome(answers, socket.closed_with, 101)

    def upgrade_status(self, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.address.port, timeout=10)
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
        connection.request("GET", "/", headers={"Upgrade": "websocket", "Connection": "Upgrade", **key, **headers})
        status = connection.getresponse().status
        connection.close()
        return status

    def next_answer(self, socket: WebSocket) -> dict[str, Json]:
        while True:
            frame: dict[str, Json] = json.loads(socket.receive())
            if frame["type"] == "res":
                return frame

    def stray_answers(self, socket: WebSocket) -> list[dict[str, Json]]:
        """Answers beyond the recorded ones: none must come before that to a request of our own."""
        socket.send(b'{"type":"req","id":"end-of-case","method":"health"}')
        stray = []
        while (frame := self.next_answer(socket))["id"] != "end-of-case":
            stray.append(frame)
        return stray

    def remember(self, steps: list[Step], answer: dict[str, Json]) -> None:
        token = answer.get("payload", {}).get("auth", {}).get("deviceToken") if answer["ok"] else None
        if token is not None:
            connect = next(s.row["frame"] for s in steps if s.row.get("frame", {}).get("method") == "connect")
            self.device_tokens[connect["params"]["device"]["id"]] = token

    def send(self, socket: WebSocket, name: str, row: dict[str, Json], ours: Json, theirs: Json) -> None:
        if "text" in row:
            socket.send(row["text"].encode())
        elif "binary" in row:
            frame = (
                {"type": "req", "id": "bin", "method": "health", "params": {}}
                if name == "post-binary"
                else {"type": "req", "id": "c1", "method": "connect", "params": self.plain_connect()}
            )
            socket.send(json.dumps(frame).encode(), BINARY)
        elif "frame" in row:
            frame = row["frame"]
            if isinstance(frame, dict) and frame.get("method") == "connect" and "params" in frame:
                frame = {**frame, "params": self.connect(name, frame["params"], ours, theirs)}
            if row.get("omitted_bytes"):
                frame = {**frame, "params": {"pad": "x" * row["omitted_bytes"]}}
            socket.send(json.dumps(frame).encode(), TEXT)

    def plain_connect(self) -> dict[str, Json]:
        steps = CASES["ok-no-device-backend"]
        frame = next(s.row["frame"] for s in steps if s.direction == "c2s" and "frame" in s.row)
        return {**frame["params"], "auth": {"token": self.gateway.token}}

    def connect(self, name: str, params: dict[str, Json], ours: Json, theirs: Json) -> dict[str, Json]:
        params = json.loads(json.dumps(params))
        if name == "first-frame-oversized":
            params["pad"] = "x" * 70_000
        auth = params.get("auth", {})
        for field, value in auth.items():
            auth[field] = self.secret_for(name, field, value)
        if "device" in params:
            params["device"] = self.sign(name, params, ours, theirs)
        return params

    def secret_for(self, name: str, field: str, placeholder: str) -> str:
        """The recording replaced every secret, so the case says which one was meant."""
        if name == "wrong-token":
            return "wrong"
        if name.startswith("device-token-") or field == "deviceToken":
            return next(iter(self.device_tokens.values()))
        assert placeholder in ("<token>", "<password>"), placeholder
        return self.gateway.token

    def sign(self, name: str, params: dict[str, Json], ours: Json, theirs: Json) -> dict[str, Json]:
        device = dict(params["device"])
        key = self.keys.setdefault(device["id"], Ed25519PrivateKey.generate())
        if device["id"] == "00" * 32 or device["publicKey"] == "AAAA":
            key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        if "BEGIN" in device["publicKey"]:
            device["publicKey"] = (
                key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            )
        elif device["publicKey"] != "AAAA":
            device["publicKey"] = urlsafe_b64encode(raw).decode().rstrip("=")
        if device["id"] != "00" * 32:
            device["id"] = devices.device_id(raw)
        device["signedAt"] += ours["ts"] - theirs["ts"]
        if device.get("nonce") == theirs["nonce"]:
            device["nonce"] = ours["nonce"]
        client = params["client"]
        signed = devices.Signed(
            *(client["id"], client["mode"], params["role"], SIGNED_OTHER_SCOPES.get(name, params["scopes"])),
            token=next((params["auth"][k] for k in ("token", "deviceToken") if k in params.get("auth", {})), ""),
            platform=client["platform"],
            device_family=client.get("deviceFamily", ""),
        )
        proof = devices.Device(device["id"], "", "", device["signedAt"], device.get("nonce") or ours["nonce"])
        text = devices.payload("v2" if name in SIGNED_V2 else "v3", proof, signed)
        signature = secrets.token_bytes(64) if name in SIGNED_AT_RANDOM else key.sign(text.encode())
        return {**device, "signature": urlsafe_b64encode(signature).decode().rstrip("=")}


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    folder = tmp_path_factory.mktemp("handshakes")
    (folder / "policy.yaml").write_text(POLICY)
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text(PAGE)
    config = "auth:\n  failures_per_minute: 1000\n"
    flags = ("--policy", str(folder / "policy.yaml"), "--control-ui", str(page))
    with serving(folder / "run", *flags, config=config) as gateway:
        yield Replay(gateway)


# --- comparing --------------------------------------------------------------------------------------------------------


def comparable(answer: dict[str, Json]) -> dict[str, Json]:
    """An answer without what is made anew each time, and hello-ok's parts that other tests look at."""
    if not answer["ok"]:
        error = json.loads(json.dumps(answer["error"]))
        details = error.get("details", {})
        for volatile in ("requestId", "deviceId", "gatewayBuildId"):
            if volatile in details:
                details[volatile] = "*"
        return {"id": answer["id"], "error": error}
    payload = answer["payload"]
    if payload.get("type") != "hello-ok":
        return {"id": answer["id"], "ok": True}
    granted = {key: payload["auth"].get(key) for key in ("method", "role", "scopes")}
    token = "deviceToken" in payload["auth"]
    return {"id": answer["id"], "protocol": payload["protocol"], "granted": granted, "device token": token}


@pytest.mark.slow  # one case waits 15 s to be closed for its silence
@pytest.mark.parametrize("name", [name for name in CASES if name not in EXCEPTIONS])
def test_the_answer_is_upstreams(replay: Replay, name: str) -> None:
    ours, theirs = replay.outcomes[name], expected(name)
    assert [comparable(answer) for answer in ours.answers] == [comparable(answer) for answer in theirs.answers]
    assert ours.status == theirs.status
    if theirs.close is not None:
        assert ours.close is not None
        code, reason = theirs.close
        assert ours.close[0] == code
        assert ours.close[1].partition("(requestId")[0] == reason.partition("(requestId")[0]
    else:
        assert ours.close is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["protocol-3-operator", "protocol-3-probe", "node-protocol-3"])
def test_protocol_3_is_served_too(replay: Replay, name: str) -> None:
    (hello,) = replay.outcomes[name].answers
    assert hello["payload"]["protocol"] == 3
    assert "method" not in hello["payload"]["auth"]
    assert "capabilities" not in hello["payload"]["features"]
    assert set(hello["payload"]["server"]) == {"version", "connId"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["first-frame-oversized", "post-oversized-26MiB"])
def test_too_large_closes_1009_without_an_answer(replay: Replay, name: str) -> None:
    outcome = replay.outcomes[name]
    assert outcome.close is not None
    assert outcome.close[0] == 1009
    assert len(outcome.answers) == len(expected(name).answers)
