"""One admitted chat message becomes a turn: judged, submitted, answered.

Knows sessions and the outlet, not who was admitted or why. Invariant: a message the defender stopped is answered
plainly and leaves nothing in any session; the same message has one run id, so however often it comes it is one turn.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gw.channels.base import MEDIA_TEXT, Inbound
from gw.defender.extract import Origin, from_request
from gw.defender.ids import new_action_id
from gw.errors import Forbidden, InvalidRequest
from gw.methods.outlet import Judge, Outlet, Target, Tell
from gw.methods.router import verdict_error
from gw.methods.run_end import RunEnd
from gw.methods.session_commands import SessionCommands
from gw.methods.turn_request import Request, Sender
from gw.methods.turns import Turns
from gw.model.action import Action, PartKind, Provenance
from gw.model.decision import Decision, Verdict
from gw.model.identity import ConnInfo, Role
from gw.ports import Json
from gw.routing import replies
from gw.routing.bindings import Route
from gw.routing.replies import Said
from gw.routing.tool_policy import Layer
from gw.session import keys
from gw.wire import json
from gw.wire.methods import ADMIN, READ, WRITE
from gw.wire.text import clean_message

logger = logging.getLogger(__name__)

METHOD: Final = "channel.message"
MOST_NAME_CHARS: Final = 64
FAILED: Final = "Sorry, that did not work: the agent's turn failed. Please try again."
INTERRUPTED: Final = "The gateway was restarted while this message was being worked on. Please send it again."
OVERFLOW: Final = "queue-overflow"  # the scheduler's word
LEFT_OUT: Final = "Too many messages came at once: this one was not answered. Please send it again if it matters."
NOT_ALLOWED: Final = "You may not use this command here."
REFUSED: Final = "This message cannot be taken right now: {why}"


class Turned(NamedTuple):
    """A message on its way to one agent."""

    message: Inbound
    route: Route
    key: str  # the session
    target: Target
    is_owner: bool = False
    command: str = ""  # the message is one: its text without mentions
    history: Sequence[Said] = ()
    pins_route: bool = True  # its chat becomes the session's last route
    tools: Sequence[Layer] = ()  # what the turn may use at most
    alone: bool = False  # those limits are this chat's or sender's: never to be taken into another turn
    round: int = 1  # of a broadcast

    @property
    def run_id(self) -> str:
        """The same for every copy of the message."""
        name = f"{self.message.dedupe_key}|{self.route.agent}" + (f"|{self.round}" if self.round > 1 else "")
        return "ch-" + hashlib.sha256(name.encode()).hexdigest()[:32]


def label_of(message: Inbound) -> str:
    """How the sender calls themselves, in one short line: for people and prompts, never for decisions."""
    name = message.sender.name or message.sender.username or message.sender.id
    return " ".join(name.split())[:MOST_NAME_CHARS]


def text_of(message: Inbound) -> str:
    """What the agent is to read: the text, and what stands for files."""
    files = [f"{MEDIA_TEXT.get(one.kind, '<media>')} {one.name}".strip() for one in message.media]
    return "\n".join((message.own_text, *files)) if message.own_text else "\n".join(files)


class ChatTurns:
    def __init__(self, turns: Turns, commands: SessionCommands, outlet: Outlet, judge: Judge, tell: Tell) -> None:
        self._turns = turns
        self._commands = commands
        self._outlet = outlet
        self._judge = judge
        self._tell = tell

    def start(self, turned: Turned) -> str:
        """Returns what became of it: taken | refused | repeated.

        Raises Overloaded or Unavailable when it should be tried again, StoreError when nothing was stored.
        """
        run_id = turned.run_id
        if self._turns.is_open(run_id):
            return "repeated"
        turned, decision = self._judged(turned, run_id)
        if decision.verdict is not Verdict.ALLOW:
            self._tell(decision)
        if decision.enforced is not Verdict.ALLOW:
            error = verdict_error(decision)
            self._outlet.say(turned.target, _plainly(error.message, error.details or {}), run_id)
            return "refused"
        return self._submit(turned, run_id)

    def tell_interrupted(self) -> int:
        """Answer those whose messages the last process took and did not finish; returns how many."""
        told = 0
        for run_id, transport in self._turns.interrupted:
            target = Target.restored(transport.get("chat") or {})
            if target is not None:
                told += self._outlet.say(target, INTERRUPTED, run_id)
        return told

    # --- judging ----------------------------------------------------------------------------------------------

    def _judged(self, turned: Turned, run_id: str) -> tuple[Turned, Decision]:
        """What others said before must not decide over this message: when it weighs too much it is left out."""
        decision = self._judge(action_of(turned, run_id))
        if decision.enforced is not Verdict.ALLOW and turned.history:
            turned = turned._replace(history=())
            decision = self._judge(action_of(turned, run_id))
        return turned, decision

    # --- the turn ---------------------------------------------------------------------------------------------

    def _submit(self, turned: Turned, run_id: str) -> str:
        request, info = self._request(turned, run_id), _info(turned)
        try:
            ack = self._commands.submit(request, info)
        except Forbidden:
            self._outlet.say(turned.target, NOT_ALLOWED, run_id)
            return "refused"
        except InvalidRequest as error:
            self._outlet.say(turned.target, REFUSED.format(why=error.message), run_id)
            return "refused"
        if ack.request is None:
            return "repeated"
        if ack.said is not None:
            self._outlet.say(turned.target, ack.said, run_id)
        else:
            self._outlet.typing(turned.target)
        self._turns.go(ack)
        return "taken"

    def _request(self, turned: Turned, run_id: str) -> Request:
        message, target = turned.message, turned.target
        who = f"{message.channel}:{message.sender.id}"
        transport = {"chat": target.facts(), "sender": {"id": message.sender.id, "label": label_of(message)}}
        sender = Sender(who, f"{message.channel}:{message.account}", label_of(message), who, transport)
        quote = message.quote
        prompt = text_of(message)
        if turned.command:
            prompt = turned.command
        else:
            said = Said(quote.sender_id, quote.text) if quote is not None and quote.text else None
            prompt = replies.prompt(prompt, quote=said, quote_id=quote.id if quote else "", history=turned.history)
        params: dict[str, Json] = {
            "message": message.text,  # what the run id stands for
            "originatingChannel": message.channel,
            "originatingTo": message.chat_id,
            "originatingAccountId": message.account,
            "originatingThreadId": message.thread_id or None,
            "suppressCommandInterpretation": None if turned.command else True,
            "tools": [layer._asdict() for layer in turned.tools] or None,
        }
        return Request(
            "channel",
            turned.key,
            run_id,
            clean_message(prompt.replace("\0", "")),
            sender,
            {name: value for name, value in params.items() if value is not None},
            mode="followup" if turned.alone else None,
            delivery=_delivery(message) if turned.pins_route else None,
            reply=lambda end: self._answer(turned, run_id, end),
            about=_about(message, turned),
            via="channel",
        )

    def _answer(self, turned: Turned, run_id: str, end: RunEnd) -> None:
        """`run_id` is the message's, also where another run answers: one message, one answer."""
        if end.status == "error":
            self._outlet.say(turned.target, LEFT_OUT if end.error == OVERFLOW else FAILED, run_id)
        elif end.status == "ok" and end.text:
            route = turned.route
            joined = end.joined or turned.message.parts > 1
            self._outlet.answer(turned.target, end.text, run_id, turned.key, route.agent, joined=joined)


def action_of(turned: Turned, run_id: str) -> Action:
    """What is judged: all that will stand in the prompt, with the resolved session, channel, chat type and sender."""
    message, route = turned.message, turned.route
    said: dict[str, Json] = {"message": text_of(message)}
    if message.sender.name:
        said["name"] = label_of(message)  # joined prompts and group histories show it
    if message.quote is not None and message.quote.text:
        said["quote"] = message.quote.text
    if turned.history:
        said["history"] = [f"{one.sender}: {one.text}" for one in turned.history]
    if message.media:
        said["media"] = [[one.kind, one.name, one.mime] for one in message.media]
    params = {**said, "channel": message.channel, "sessionKey": policy_key(turned), "agentId": route.agent}
    origin = Origin(
        id=new_action_id(),
        conn_id=None,
        client_id=message.channel,
        sender=f"{message.channel}:{message.sender.id}",
        provenance=Provenance.CHANNEL,
    )
    action = from_request(METHOD, params, json.dumps(said), origin)
    # Quoted and forwarded text is somebody else's, brought along: it weighs like the text of a file.
    foreign = ("/quote", "/message") if message.is_forwarded else ("/quote",)
    parts = tuple(
        part._replace(provenance=Provenance.FILE) if part.where in foreign and part.kind is PartKind.PROMPT else part
        for part in action.parts
    )
    return action._replace(parts=parts, chat_type=message.chat_type)


def policy_key(turned: Turned) -> str:
    """The key policies see. A stranger's direct message in the main session is never judged as the main session's."""
    message, route = turned.message, turned.route
    if message.chat_type != "direct" or not route.is_main:
        return turned.key
    account, scope = message.account, "per-account-channel-peer"
    return keys.peer_key(route.agent, message.channel, "direct", message.sender.id, account=account, dm_scope=scope)


def _info(turned: Turned) -> ConnInfo:
    """A sender as a connection: who owns the agent may do everything in a session, others what is theirs alone."""
    message = turned.message
    alone = message.chat_type == "direct" and not turned.route.is_main
    scopes = frozenset({READ, WRITE, ADMIN} if turned.is_owner or alone else {READ, WRITE})
    who = f"{message.channel}:{message.sender.id}"
    return ConnInfo(
        conn_id=who,
        role=Role.OPERATOR,
        scopes=scopes,
        protocol=4,
        client_id=message.channel,
        client_mode="channel",
        client_version="",
        platform="",
        remote="",
        is_local=False,
        device_id=who,
        caps=frozenset(),
        auth_method="channel",
        display_name=label_of(message),
    )


def _delivery(message: Inbound) -> dict[str, Json]:
    context = {"kind": "external", "channel": message.channel, "to": message.chat_id, "accountId": message.account}
    return {**context, "threadId": message.thread_id} if message.thread_id else context


def _about(message: Inbound, turned: Turned) -> dict[str, Json]:
    if turned.route.is_main:
        return {}
    about: dict[str, Json] = {"chatType": message.chat_type}
    if message.chat_type != "direct":
        about["groupId"] = message.chat_id
    if message.topic:
        about["subject"] = message.topic[:200]
    return about


def _plainly(message: str, details: Mapping[str, Json]) -> str:
    instead = details.get("instead")
    return (
        f"{message[:1].upper()}{message[1:]}{f' {instead}' if instead else ''} (decision {details.get('decisionId')})"
    )
