"""What slash commands in a message do to its session, for every method that takes messages.

Knows turns and entries; recognising is `session.commands`. Invariant: a command needs at least the scope of the method
that does the same, and acts once per idempotency key.
"""

from collections.abc import Callable

from gw.errors import Forbidden
from gw.methods.reply_back import ReplyFor, nowhere
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request
from gw.methods.turns import Ack, Turns
from gw.model.identity import ConnInfo
from gw.session import commands, entries, keys, queueing, transcript
from gw.session.commands import Command
from gw.session.entries import Entry
from gw.session.store import Change
from gw.wire.methods import ADMIN

# Commands that do what only an administrator may do by method.
PRIVILEGED = frozenset({"reset", "activation"})


class SessionCommands:
    def __init__(self, desk: SessionDesk, turns: Turns) -> None:
        self._desk = desk
        self._turns = turns
        self.reply_for: ReplyFor = nowhere

    def submit(self, request: Request, info: ConnInfo) -> Ack:
        """Hand a message to the turns; when it is a command, what it does comes first (and may be all).

        Raises what Turns.submit raises, and Forbidden.
        """
        if request.reply is None:
            agent = self._desk.agent_of(request.key)
            reply = self.reply_for(request.params, request.key, request.run_id, agent)
            request = request._replace(reply=reply)
        command = None if request.params.get("suppressCommandInterpretation") else commands.parse(request.text)
        if command is None or (command.name == "activation" and command.rest not in commands.ACTIVATIONS):
            return self._turns.submit(request)
        if command.name in PRIVILEGED and ADMIN not in info.scopes:
            details = {"code": "MISSING_SCOPE", "missingScope": ADMIN, "requiredScopes": [ADMIN]}
            raise Forbidden(f"missing scope: {ADMIN}", details=details)
        rest = command.rest if command.name == "reset" else ""
        return self._turns.submit(request._replace(text=rest, first=self._action(command, request, info)))

    def start_over(self, key: str, reason: str) -> Entry | None:
        """Begin a new conversation in a session, which is made when there is none; an incognito one is only deleted."""
        desk = self._desk
        entry, fresh = desk.get_or_new(key)
        if not fresh:
            self._turns.clear(key, "the session was reset")
            entry = desk.book.get(key) or entry
        if keys.is_incognito(key):
            desk.book.write(desk.book.drop(key))
            desk.rows.changed(key, reason=reason)
            return None
        now = desk.clock.now_ms()
        changes: list[Change] = []
        if not fresh:
            mark = transcript.mark_record(desk.new_mark(), "reset", at_ms=now, reason=reason)
            changes += desk.book.append(key, entry, mark)[1]
            entry = entries.reset(entry, now_ms=now, revision=desk.new_mark())
        desk.book.write(changes + desk.book.put(key, entry))
        desk.rows.changed(key, reason=reason)
        return entry

    def _action(self, command: Command, request: Request, info: ConnInfo) -> Callable[[], str]:
        key = request.key
        return {
            "reset": lambda: self._reset(key, command.word),
            "stop": lambda: self._stop(key, info),
            "queue": lambda: self._queue(key, command.rest),
            "activation": lambda: self._activation(key, command.rest),
        }[command.name]

    def _reset(self, key: str, reason: str) -> str:
        self.start_over(key, reason)
        return "A new conversation has begun."

    def _stop(self, key: str, info: ConnInfo) -> str:
        stopped = self._turns.cancel(key, None, info)
        return (
            f"Stopped {len(stopped)} message{'' if len(stopped) == 1 else 's'}." if stopped else "Nothing is running."
        )

    def _queue(self, key: str, arguments: str) -> str:
        fields = commands.queue_fields(arguments)
        entry, _ = self._desk.get_or_new(key)
        entry = {name: value for name, value in (entry | fields).items() if value is not None}
        if fields:
            self._desk.book.write(self._desk.book.put(key, entry))
            self._desk.rows.changed(key, reason="patch")
        config = self._desk.config
        now = queueing.resolve(config.messages, entry=entry, channel_debounce_ms=config.debounce_ms)
        return f"Queue: {now.mode}, debounce {now.debounce_ms} ms, cap {now.cap}, drop {now.drop}."

    def _activation(self, key: str, word: str) -> str:
        entry, _ = self._desk.get_or_new(key)
        if keys.kind(key, chat_type=entry.get("chatType")) != "group":
            return "Activation is for groups only."
        entry["groupActivation"] = word
        self._desk.book.write(self._desk.book.put(key, entry))
        self._desk.rows.changed(key, reason="patch")
        return f"Activation: {word}."
