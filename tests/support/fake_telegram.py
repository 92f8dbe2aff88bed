"""A Bot API server, as core.telegram.org/bots/api describes it: getMe, getUpdates, setWebhook, sends and edits."""

import json
import time
from typing import Any

import gevent

from tests.support.fake_provider import Called, FakeProvider, Reply, post

TOKEN = "123456:fake-token"
ME = {"id": 99, "is_bot": True, "first_name": "Helper", "username": "HelperBot"}
ANN = {"id": 7, "is_bot": False, "first_name": "Ann", "username": "ann"}
DIRECT = {"id": 7, "type": "private", "first_name": "Ann"}
FORUM = {"id": -1001, "type": "supergroup", "title": "Ops", "is_forum": True}


class FakeTelegram(FakeProvider):
    def __init__(self) -> None:
        super().__init__()
        self.updates: list[dict[str, Any]] = []
        self.texts: dict[int, str] = {}  # what stands in our messages
        self.sent: list[dict[str, Any]] = []  # as the API answered
        self.webhook: dict[str, Any] = {}
        self._polling = 0

    # --- people

    def say(self, text: str, chat: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Somebody writes; the update waits for a poll, or is for `deliver`."""
        message = {
            "message_id": self.number() + 1000,
            "date": int(time.time()),
            "chat": chat or DIRECT,
            "from": ANN,
            "text": text,
            **fields,
        }
        update = {"update_id": self.number() + 5000, "message": message}
        self.updates.append(update)
        return update

    def deliver(self, url: str, update: dict[str, Any], secret: str | None = None) -> int:
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["X-Telegram-Bot-Api-Secret-Token"] = secret
        return post(url, json.dumps(update).encode(), headers)[0]

    # --- the API

    def answer(self, called: Called) -> Reply:
        _, _, rest = called.path.partition("/bot")
        token, _, method = rest.partition("/")
        if token != TOKEN:
            return Reply({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        function = getattr(self, f"_{method}", None)
        if function is None:
            return _bad(404, "Not Found")
        found = function(called.body)
        return found if isinstance(found, Reply) else Reply({"ok": True, "result": found})

    def _getMe(self, params: dict[str, Any]) -> Any:
        return {**ME, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    def _deleteWebhook(self, params: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    def _setWebhook(self, params: dict[str, Any]) -> Any:
        self.webhook = params
        return True

    def _getUpdates(self, params: dict[str, Any]) -> Any:
        if self._polling or self.webhook:
            return _bad(409, "Conflict: terminated by other getUpdates request")
        offset = int(params.get("offset", 0))
        ends = time.monotonic() + min(2.0, float(params.get("timeout", 0)))
        self._polling += 1
        try:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
            while not self.updates and time.monotonic() < ends:
                gevent.sleep(0.02)
            return self.updates[: int(params.get("limit", 100))]
        finally:
            self._polling -= 1

    def _sendMessage(self, params: dict[str, Any]) -> Any:
        if not params.get("text"):
            return _bad(400, "Bad Request: message text is empty")
        if len(params["text"].encode("utf-16-le")) // 2 > 4096:
            return _bad(400, "Bad Request: message is too long")
        return self._placed(params, text=params["text"])

    def _sendPoll(self, params: dict[str, Any]) -> Any:
        options = [option["text"] for option in params["options"]]
        if not params.get("question") or not 2 <= len(options) <= 12:
            return _bad(400, "Bad Request: poll must have 2 to 12 options and a question")
        poll = {"id": "77", "question": params["question"], "options": [{"text": one} for one in options]}
        return self._placed(params, poll={**poll, "is_anonymous": params.get("is_anonymous", True)})

    def _sendPhoto(self, params: dict[str, Any]) -> Any:
        photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
        return self._placed(params, photo=photo, caption=params.get("caption", ""))

    def _placed(self, params: dict[str, Any], **content: Any) -> Any:
        chat_id = int(params["chat_id"])
        chat = next((chat for chat in (DIRECT, FORUM) if chat["id"] == chat_id), None)
        if chat is None:
            return _bad(400, "Bad Request: chat not found")
        message = {"message_id": self.number(), "date": int(time.time()), "chat": chat, "from": ME, **content}
        if "message_thread_id" in params:
            message |= {"message_thread_id": params["message_thread_id"], "is_topic_message": True}
        self.texts[message["message_id"]] = content.get("text", "")
        self.sent.append(message)
        return message

    def _editMessageText(self, params: dict[str, Any]) -> Any:
        message_id = int(params["message_id"])
        if message_id not in self.texts:
            return _bad(400, "Bad Request: message to edit not found")
        if self.texts[message_id] == params["text"]:
            return _bad(400, "Bad Request: message is not modified")
        self.texts[message_id] = params["text"]
        return {"message_id": message_id, "date": 1, "edit_date": 2, "chat": DIRECT, "text": params["text"]}

    def _deleteMessage(self, params: dict[str, Any]) -> Any:
        return self.texts.pop(int(params["message_id"]), None) is not None

    def _setMessageReaction(self, params: dict[str, Any]) -> Any:
        return True

    def _sendChatAction(self, params: dict[str, Any]) -> Any:
        return True


def _bad(code: int, description: str) -> Reply:
    return Reply({"ok": False, "error_code": code, "description": description}, code)
