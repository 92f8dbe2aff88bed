"""What is said in chats: the channel accounts that run, and the one way to say something through them.

Knows no provider and no session. Invariant: what an agent says is judged before it leaves; what the gateway itself says
is fixed wording; both leave at most once per key.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gw.channels.base import ChannelAccount, Outbound
from gw.defender.extract import Origin, from_request
from gw.defender.ids import new_action_id
from gw.errors import GwError, InvalidRequest
from gw.model.action import Action
from gw.model.decision import Decision, Verdict
from gw.ports import Json
from gw.routing import replies
from gw.wire import json

logger = logging.getLogger(__name__)

WITHHELD: Final = "The answer was withheld by clawgate's policy (decision {id})."

Judge = Callable[[Action], Decision]
Tell = Callable[[Decision], None]


class Target(NamedTuple):
    """Where an answer goes, and what it answers."""

    channel: str
    account: str
    chat_id: str
    thread_id: str = ""
    message_id: str = ""
    reply_mode: str = "off"
    reply_token: str = ""

    def facts(self) -> dict[str, Json]:
        """As a transcript's transport notes it, and `restored` reads it back."""
        return {name: value for name, value in self._asdict().items() if value and name != "reply_token"}

    @classmethod
    def restored(cls, facts: Mapping[str, Json]) -> "Target | None":
        known = {name: str(value) for name, value in facts.items() if name in cls._fields}
        return cls(**known) if {"channel", "account", "chat_id"} <= known.keys() else None


class Outlet:
    """`spawn(function, *args)` starts a greenlet for what nobody waits for."""

    def __init__(self, judge: Judge, tell: Tell, spawn: Callable[..., object] = lambda run, *args: run(*args)) -> None:
        self._judge = judge
        self._tell = tell
        self._spawn = spawn
        self._accounts: dict[tuple[str, str], ChannelAccount] = {}

    def add(self, account: ChannelAccount) -> None:
        self._accounts[account.config.channel, account.config.account] = account

    def accounts(self) -> list[ChannelAccount]:
        return list(self._accounts.values())

    def find(self, channel: str, account: str) -> ChannelAccount | None:
        return self._accounts.get((channel, account))

    def need(self, channel: str, account: str) -> ChannelAccount:
        """Raises InvalidRequest."""
        found = self.find(channel, account)
        if found is None:
            raise InvalidRequest(f'channel "{channel}" account "{account}" does not run on this gateway')
        return found

    def say(self, target: Target, text: str, key: str) -> bool:
        """The gateway's own words. False: nobody could be told, which is logged and not repeated."""
        return self._send(target, text, key, target.message_id if target.reply_mode != "off" else "")

    def answer(
        self, target: Target, text: str, key: str, session_key: str, agent: str, *, joined: bool = False
    ) -> bool:
        """An agent's words."""
        mode, channel = target.reply_mode, target.channel
        reply = replies.read(text, mode=mode, channel=channel, message_id=target.message_id, joined=joined)
        if reply.silent:
            return True
        said = {"text": reply.text, "channel": channel, "sessionKey": session_key, "agentId": agent}
        action = from_request("channel.reply", said, json.dumps(reply.text), Origin(id=new_action_id()))
        decision = self._judge(action)
        if decision.verdict is not Verdict.ALLOW:
            self._tell(decision)
        if decision.enforced is not Verdict.ALLOW:
            return self.say(target, WITHHELD.format(id=decision.id), key)
        return self._send(target, reply.text, key, reply.reply_to)

    def typing(self, target: Target) -> None:
        account = self.find(target.channel, target.account)
        if account is not None:
            self._spawn(account.typing, target.chat_id, target.thread_id)

    def _send(self, target: Target, text: str, key: str, reply_to: str) -> bool:
        account = self.find(target.channel, target.account)
        if account is None:
            logger.warning("channel.gone", extra={"channel": target.channel, "account": target.account})
            return False
        out = Outbound(
            target.chat_id,
            text,
            thread_id=target.thread_id,
            reply_to=reply_to,
            key=key,
            reply_token=target.reply_token,
        )
        try:
            account.send(out)
        except GwError as error:
            logger.error("channel.not_said", extra={"channel": target.channel, "error": type(error).__name__})
            return False
        return True
