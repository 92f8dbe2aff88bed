"""Meta's Cloud API for WhatsApp, as developers.facebook.com describes it: signed webhooks and the messages endpoint."""

import json
import time
import urllib.request
from typing import Any

from tests.support.fake_provider import WAIT_S, Called, FakeProvider, Reply, mac, post

ACCESS_TOKEN = "EAAfake"
APP_SECRET = "fake-app-secret"
VERIFY_TOKEN = "fake-verify"
PHONE = "PN1"
NUMBER = "15550009999"
ANN = "15551234567"


class FakeWhatsApp(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    # --- people

    def say(self, *texts: str, **fields: Any) -> dict[str, Any]:
        """A delivery with one message for each text."""
        messages = [
            {
                "from": ANN,
                "id": f"wamid.{self.number()}",
                "timestamp": str(int(time.time())),
                "type": "text",
                "text": {"body": text},
                **fields,
            }
            for text in texts
        ]
        return _delivery(messages=messages, contacts=[{"profile": {"name": "Ann"}, "wa_id": ANN}])

    def status(self, message_id: str) -> dict[str, Any]:
        statuses = [{"id": message_id, "status": "delivered", "timestamp": "1", "recipient_id": ANN}]
        return _delivery(statuses=statuses)

    def deliver(self, url: str, delivery: dict[str, Any], secret: str = APP_SECRET) -> int:
        body = json.dumps(delivery).encode()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={mac(secret, body)}"}
        return post(url, body, headers)[0]

    def verify(self, url: str, token: str = VERIFY_TOKEN) -> bytes:
        query = f"?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url + query, timeout=WAIT_S) as answer:
            found: bytes = answer.read()
        return found

    # --- the API

    def answer(self, called: Called) -> Reply:
        if called.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return _error(401, 190, "Invalid OAuth access token")
        if called.method == "GET" and called.path.endswith(f"/{PHONE}"):
            return Reply({"id": PHONE, "display_phone_number": NUMBER})
        if called.method != "POST" or not called.path.endswith(f"/{PHONE}/messages"):
            return _error(404, 100, "Unknown path components")
        body = called.body
        if body.get("messaging_product") != "whatsapp" or not body.get("to"):
            return _error(400, 100, "Invalid parameter")
        if body.get("type") == "text" and len(body["text"]["body"]) > 4096:
            return _error(400, 100, "Param text['body'] must be at most 4096 characters long.")
        message_id = f"wamid.out{self.number()}"
        self.sent.append({**body, "id": message_id})
        contacts = [{"input": body["to"], "wa_id": body["to"]}]
        return Reply({"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": message_id}]})


def _delivery(**value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": NUMBER, "phone_number_id": PHONE}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def _error(status: int, code: int, message: str) -> Reply:
    return Reply({"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "x"}}, status)
