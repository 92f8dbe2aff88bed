"""The chat methods: send, abort, history, startup, message.get, metadata, inject.

Knows params and shapes; turns and transcripts do the work. Invariant: the text that is stored and run is
`clean_message` of what was sent.
"""

from gw.errors import InvalidRequest
from gw.methods.chat_history import ChatHistory
from gw.methods.models import LISTED
from gw.methods.router import ANSWERED, Call, rpc
from gw.methods.session_commands import SessionCommands
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request, sender_of
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import transcript
from gw.wire.text import clean_message


class Chat:
    def __init__(self, desk: SessionDesk, turns: Turns, commands: SessionCommands, history: ChatHistory) -> None:
        self._desk = desk
        self._turns = turns
        self._commands = commands
        self._history = history

    @rpc("chat.send")
    def send(self, call: Call) -> Json:
        params = call.params
        key = self._desk.key(params, "sessionKey")
        text = clean_message(params["message"])
        if not text.strip() and not params.get("attachments"):
            raise InvalidRequest("message or attachment required")
        entry = self._desk.book.get(key)
        if entry is not None and params.get("sessionId") not in (None, entry["sessionId"]):
            raise InvalidRequest("session changed: sessionId does not match", details={"reason": "session-changed"})
        self._history.check_leaf(key, params)
        request = Request(
            "chat.send", key, params["idempotencyKey"], text, sender_of(call.info), params, mode=params.get("queueMode")
        )
        ack = self._commands.submit(request, call.info)
        call.respond(ack.payload)
        self._turns.go(ack)
        return ANSWERED

    @rpc("chat.abort")
    def abort(self, call: Call) -> Json:
        params = call.params
        key = self._desk.key(params, "sessionKey")
        run_id = params.get("runId")
        where = self._desk.scheduler.find(run_id) if run_id is not None else None
        if where is not None and where != key:
            raise InvalidRequest("runId does not match session")
        ids = self._turns.cancel(key, run_id, call.info)
        return {"ok": True, "aborted": bool(ids), "runIds": ids}

    @rpc("chat.history")
    def history(self, call: Call) -> Json:
        return self._history.answer(self._desk.key(call.params, "sessionKey"), call.params)

    @rpc("chat.startup")
    def startup(self, call: Call) -> Json:
        answer = self._history.answer(self._desk.key(call.params, "sessionKey"), call.params)
        return {**answer, "activity": []}

    @rpc("chat.message.get")
    def message(self, call: Call) -> Json:
        key = self._desk.key(call.params, "sessionKey")
        return self._history.message(key, call.params["messageId"], call.params.get("maxChars"))

    @rpc("chat.metadata", inline=True)
    def metadata(self, call: Call) -> Json:
        return {
            "models": LISTED,
            "commands": [],
            "swarmEnabled": False,
            "accountSelection": {"kind": "automatic", "label": "Automatic account selection"},
            "runtimeSelectionLocked": False,
        }

    @rpc("chat.inject")
    def inject(self, call: Call) -> Json:
        """Put an assistant message into a transcript, as the gateway itself."""
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params, "sessionKey")
        entry = desk.need(key, params["sessionKey"])
        text = clean_message(params["message"])
        if params.get("label"):
            text = f"[{clean_message(params['label'])}]\n\n{text}"
        now = desk.clock.now_ms()
        message = {
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "timestamp": now,
            "stopReason": "stop",
            "provider": "clawgate",
            "model": "gateway-injected",
        }
        record = transcript.message_record(desk.new_mark(), message, at_ms=now, facts={})
        one, changes = desk.book.append(key, entry, record)
        desk.book.write(changes)
        desk.rows.message(key, entry, one)
        desk.rows.changed(key, reason="chat.inject")
        return {"ok": True, "messageId": record["id"]}
