"""Discord's REST API and gateway, version 10, as docs.discord.com describes them."""

import json
import time
from collections import deque
from typing import Any

import gevent
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.fake_provider import Called, FakeProvider, Reply, close_with, listening, post

TOKEN = "fake.discord.token"
BOT = {"id": "900", "username": "helper", "discriminator": "0", "avatar": None, "bot": True}
ANN = {"id": "7", "username": "ann", "discriminator": "0", "global_name": "Ann", "avatar": None}
APPLICATION = {
    "id": "901",
    "name": "helper",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": ANN,
    "team": None,
    "verify_key": "00" * 32,
    "flags": 0,
}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes_raw().hex()
HEARTBEAT_MS = 400


class FakeDiscord(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.posted: list[dict[str, Any]] = []
        self.texts: dict[str, str] = {}
        self.identified = 0
        self.resumed = 0
        self.heartbeats = 0
        self.is_deaf = False  # acknowledges no heartbeat
        self.close_next: int | None = None  # closes the open connection with this code
        self._nonces: dict[str, dict[str, Any]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}  # session -> everything it was sent
        self.listeners: list[deque[Any]] = []  # one for each open socket

    # --- people

    def message(self, content: str, **fields: Any) -> dict[str, Any]:
        """The data of a MESSAGE_CREATE in a direct chat."""
        return {
            "id": str(10_000 + self.number()),
            "channel_id": "500",
            "author": ANN,
            "content": content,
            "timestamp": "2023-11-14T22:13:20.000000+00:00",
            "edited_timestamp": None,
            "tts": False,
            "pinned": False,
            "type": 0,
            "flags": 0,
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "attachments": [],
            "embeds": [],
            "components": [],
            **fields,
        }

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Dispatch to the newest session, connected or not: who resumes it gets what was missed."""
        session = next(reversed(self._events))
        sent = self._events[session]
        frame = {"op": 0, "t": event, "s": len(sent) + 1, "d": data}
        sent.append(frame)
        if self.listeners:
            self.listeners[-1].append(frame)

    def interact(self, url: str, data: dict[str, Any], key: Ed25519PrivateKey = KEY) -> tuple[int, Any]:
        """Send an interaction to an endpoint, signed; status and body of the answer."""
        body, stamp = json.dumps(data).encode(), str(int(time.time()))
        signature = key.sign(stamp.encode() + body).hex()
        headers = {"Content-Type": "application/json", "X-Signature-Ed25519": signature, "X-Signature-Timestamp": stamp}
        status, answer = post(url, body, headers)
        return status, json.loads(answer) if status == 200 else None

    def command(self, name: str, **options: str) -> dict[str, Any]:
        """A slash command in a direct chat."""
        values = [{"name": option, "type": 3, "value": value} for option, value in options.items()]
        return {
            "id": str(10_000 + self.number()),
            "application_id": APPLICATION["id"],
            "type": 2,
            "token": f"interaction-{self.number()}",
            "version": 1,
            "channel_id": "500",
            "user": ANN,
            "data": {"id": "1", "name": name, "type": 1, "options": values},
        }

    def order(self, frame: dict[str, Any]) -> None:
        """Send a frame without sequence: reconnect, invalid session."""
        self.listeners[-1].append(frame)

    # --- the API

    def answer(self, called: Called) -> Reply:
        path = called.path.partition("/v10")[2]
        if called.headers.get("authorization") != f"Bot {TOKEN}" and not path.startswith("/webhooks"):
            return Reply({"message": "401: Unauthorized", "code": 0}, 401)
        match [called.method, *path.strip("/").split("/")]:
            case ["GET", "users", "@me"]:
                return Reply(BOT)
            case ["GET", "oauth2", "applications", "@me"] | ["GET", "applications", "@me"]:
                return Reply(APPLICATION)
            case ["GET", "gateway", "bot"]:
                starts = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
                return Reply({"url": self.ws, "shards": 1, "session_start_limit": starts})
            case ["POST", "channels", channel, "messages"]:
                return self._post(channel, called.body)
            case ["PATCH", "channels", channel, "messages", message_id]:
                if message_id not in self.texts:
                    return Reply({"message": "Unknown Message", "code": 10008}, 404)
                self.texts[message_id] = called.body["content"]
                return Reply(self.message(called.body["content"], id=message_id, channel_id=channel, author=BOT))
            case ["PATCH", "webhooks", _, _, "messages", "@original"]:
                self.posted.append({**called.body, "id": "original"})
                return Reply({"id": "original", "content": called.body["content"]})
            case ["POST", "channels", _, "typing"] | ["PUT", "channels", _, "messages", _, "reactions", _, "@me"]:
                return Reply(None, 204)
        return Reply({"message": "404: Not Found", "code": 0}, 404)

    def _post(self, channel: str, body: dict[str, Any]) -> Reply:
        content = body.get("content", "")
        if not (content or body.get("embeds") or body.get("poll")):
            return Reply({"message": "Cannot send an empty message", "code": 50006}, 400)
        if len(content) > 2000:
            return Reply({"message": "Invalid Form Body", "code": 50035}, 400)
        nonce = str(body.get("nonce", ""))
        if body.get("enforce_nonce") and nonce in self._nonces:
            return Reply(self._nonces[nonce])
        message = self.message(content, channel_id=channel, author=BOT, nonce=nonce)
        if "message_reference" in body:
            message["message_reference"] = body["message_reference"]
        self._nonces[nonce] = message
        self.texts[message["id"]] = content
        self.posted.append({**body, "id": message["id"], "channel_id": channel})
        return Reply(message, 200, {"X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "1"})

    # --- the gateway

    def socket(self, socket: Any, path: str, query: str) -> None:
        if "v=10" not in query or "encoding=json" not in query:
            close_with(socket, 4012)
            return
        socket.send(json.dumps({"op": 10, "t": None, "s": None, "d": {"heartbeat_interval": HEARTBEAT_MS}}))
        queue: deque[Any] = deque()
        reader = gevent.spawn(self._read, socket, queue)
        with listening(queue, self.listeners):
            while not reader.dead and not socket.closed:
                if self.close_next is not None:
                    code, self.close_next = self.close_next, None
                    close_with(socket, code)
                    break
                if queue:
                    frame = queue.popleft()
                    if isinstance(frame, int):
                        close_with(socket, frame)
                        break
                    socket.send(json.dumps(frame))
                gevent.sleep(0.01)
        reader.join(2.0)
        reader.kill()

    def _read(self, socket: Any, queue: "deque[Any]") -> None:
        while (data := socket.receive()) is not None:
            frame = json.loads(data)
            match frame["op"]:
                case 1:
                    self.heartbeats += 1
                    if not self.is_deaf:
                        queue.append({"op": 11, "t": None, "s": None, "d": None})
                case 2:
                    self._identify(frame["d"], queue)
                case 6:
                    self._resume(frame["d"], queue)

    def _identify(self, data: dict[str, Any], queue: "deque[Any]") -> None:
        if data["token"] != TOKEN:
            queue.append(4004)
            return
        if not data["intents"] & 32768:
            queue.append(4014)
            return
        self.identified += 1
        session = f"session-{self.number()}"
        ready = {
            "v": 10,
            "user": BOT,
            "guilds": [],
            "session_id": session,
            "resume_gateway_url": self.ws,
            "application": {"id": APPLICATION["id"], "flags": 0},
        }
        self._events[session] = [{"op": 0, "t": "READY", "s": 1, "d": ready}]
        queue.extend(self._events[session])

    def _resume(self, data: dict[str, Any], queue: "deque[Any]") -> None:
        missed = self._events.get(data["session_id"])
        if data["token"] != TOKEN or missed is None:
            queue.append({"op": 9, "t": None, "s": None, "d": False})
            return
        self.resumed += 1
        queue.extend(frame for frame in missed if frame["s"] > data["seq"])
        missed.append({"op": 0, "t": "RESUMED", "s": len(missed) + 1, "d": {}})
        queue.append(missed[-1])
