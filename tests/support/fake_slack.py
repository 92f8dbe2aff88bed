"""Slack's Web API, Events API and Socket Mode, as docs.slack.dev describes them."""

import json
import time
from collections import deque
from typing import Any

import gevent
from geventwebsocket.exceptions import WebSocketError

from tests.support.fake_provider import Called, FakeProvider, Reply, listening, mac, post
from tests.support.waiting import until

BOT_TOKEN = "xoxb-fake"
APP_TOKEN = "xapp-fake"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
REDELIVER_S = 0.5  # Slack waits three seconds; a test need not


class FakeSlack(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.posted: list[dict[str, Any]] = []
        self.texts: dict[str, str] = {}  # ts -> text
        self.acknowledged: list[str] = []
        self.connections = 0
        self.ignored_acks = 0  # so many are lost, and their envelopes come again
        self.listeners: list[deque[Any]] = []  # one for each open socket
        self._tickets: set[str] = set()

    # --- people

    def event(self, text: str, **fields: Any) -> dict[str, Any]:
        """The payload of a message event."""
        ts = f"{int(time.time())}.{self.number():06d}"
        event = {
            "type": "message",
            "user": "U1",
            "ts": ts,
            "channel": "D1",
            "channel_type": "im",
            "text": text,
            **fields,
        }
        return {
            "token": "verification",
            "team_id": "T1",
            "api_app_id": "A1",
            "type": "event_callback",
            "event_id": f"Ev{self.number()}",
            "event_time": int(time.time()),
            "event": event,
        }

    def deliver(self, url: str, payload: dict[str, Any], at: float | None = None, secret: str = SIGNING_SECRET) -> Any:
        """Send a payload to a request URL, signed."""
        body = json.dumps(payload).encode()
        stamp = str(int(time.time() if at is None else at))
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + mac(secret, b"v0:%b:%b" % (stamp.encode(), body)),
        }
        return post(url, body, headers)

    def publish(self, payload: dict[str, Any]) -> str:
        """Put an event on the open socket."""
        envelope_id = f"envelope-{self.number()}"
        envelope = {"envelope_id": envelope_id, "type": "events_api", "accepts_response_payload": False}
        self.listeners[-1].append({**envelope, "payload": payload, "retry_attempt": 0, "retry_reason": ""})
        return envelope_id

    def refresh(self) -> None:
        """Ask the open socket to go, as Slack does every few hours."""
        self.listeners[-1].append({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "x"}})

    # --- the API

    def answer(self, called: Called) -> Reply:
        method = called.path.rpartition("/")[2]
        token = called.headers.get("authorization", "").removeprefix("Bearer ")
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            return _no("invalid_auth")
        if method == "auth.test":
            return _ok(url="https://x.slack.com/", team="T", user="helper", team_id="T1", user_id="UBOT", bot_id="BBOT")
        if method == "apps.connections.open":
            ticket = f"ticket-{self.number()}"
            self._tickets.add(ticket)
            return _ok(url=f"{self.ws}/link/?ticket={ticket}&app_id=A1")
        if method == "chat.postMessage":
            return self._post(called.body)
        if method == "chat.update":
            return self._update(called.body)
        if method == "reactions.add":
            return _ok() if called.body["timestamp"] in self.texts else _no("message_not_found")
        return _no("unknown_method")

    def _post(self, params: dict[str, Any]) -> Reply:
        if not params.get("text") and not params.get("blocks"):
            return _no("no_text")
        ts = f"{int(time.time())}.{self.number():06d}"
        self.texts[ts] = params.get("text", "")
        self.posted.append({**params, "ts": ts})
        return _ok(channel=params["channel"], ts=ts, message={"text": self.texts[ts], "ts": ts, "user": "UBOT"})

    def _update(self, params: dict[str, Any]) -> Reply:
        if params["ts"] not in self.texts:
            return _no("message_not_found")
        self.texts[params["ts"]] = params["text"]
        return _ok(channel=params["channel"], ts=params["ts"], text=params["text"])

    # --- Socket Mode

    def socket(self, socket: Any, path: str, query: str) -> None:
        ticket = query.partition("ticket=")[2].partition("&")[0]
        if ticket not in self._tickets:
            socket.close(1008)
            return
        self._tickets.discard(ticket)  # one connection each
        queue: deque[Any] = deque()
        hello = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}, "debug_info": {}}
        socket.send(json.dumps(hello))
        unanswered: dict[str, Any] = {}
        reader = gevent.spawn(self._read, socket, unanswered)
        try:
            self._feed(socket, reader, queue, unanswered)
            reader.join(2.0)
        except WebSocketError:  # it went away while it was written to
            pass
        reader.kill()
        for envelope in [*unanswered.values(), *queue]:  # what nobody acknowledged goes to the next connection
            gevent.spawn_later(REDELIVER_S, self._pass_on, envelope)

    def _feed(self, socket: Any, reader: gevent.Greenlet, queue: "deque[Any]", unanswered: dict[str, Any]) -> None:
        with listening(queue, self.listeners):
            self.connections += 1
            while not reader.dead:
                if queue:
                    envelope = queue.popleft()
                    if envelope["type"] == "disconnect":
                        socket.send(json.dumps(envelope))
                        return
                    unanswered[envelope["envelope_id"]] = envelope
                    socket.send(json.dumps(envelope))
                    gevent.spawn_later(REDELIVER_S, self._redeliver, envelope, unanswered, queue)
                gevent.sleep(0.01)

    def _read(self, socket: Any, unanswered: dict[str, Any]) -> None:
        while (data := socket.receive()) is not None:
            envelope_id = json.loads(data).get("envelope_id")
            if self.ignored_acks:
                self.ignored_acks -= 1
            else:
                self.acknowledged.append(envelope_id)
                unanswered.pop(envelope_id, None)

    def _redeliver(self, envelope: Any, unanswered: dict[str, Any], queue: "deque[Any]") -> None:
        if envelope["envelope_id"] in unanswered and any(queue is one for one in self.listeners):
            queue.append({**envelope, "retry_attempt": envelope["retry_attempt"] + 1, "retry_reason": "timeout"})

    def _pass_on(self, envelope: Any) -> None:
        until(lambda: self.listeners, "the next connection")
        self.listeners[-1].append(envelope)


def _ok(**fields: Any) -> Reply:
    return Reply({"ok": True, **fields})


def _no(error: str) -> Reply:
    return Reply({"ok": False, "error": error})
