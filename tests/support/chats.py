"""A chat provider without a network: accounts that keep what is said, and messages as drivers make them."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from gw import hub
from gw.channels.base import AccountConfig, Capabilities, Hooked, HookRequest, Inbound, Outbound, Peer, Receipt, Sender
from gw.config.load import Tree
from gw.errors import StoreError
from gw.methods.broadcasts import Broadcasts
from gw.methods.chat_turn import ChatTurns
from gw.methods.inbound import Inbox
from gw.methods.outlet import Outlet
from gw.model.action import Action
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.routing import rules
from gw.routing.pairing import PairedSenders
from gw.routing.rules import Rules
from tests.support.sessions import House

STOPPED = {"forbidden": Verdict.BLOCK, "doubtful": Verdict.REVIEW}  # words this defender reacts to
_numbers = count(1)


class FakeAccount:
    """channels.base.ChannelAccount."""

    def __init__(self, channel: str = "telegram", account: str = "default", **capabilities: Any) -> None:
        self.config = AccountConfig(channel, account)
        self.capabilities = Capabilities(channel, channel.title(), ("direct", "group"), ("poll",), **capabilities)
        self.sent: list[Outbound] = []
        self.keys: set[str] = set()
        self.typed = 0
        self.error: Exception | None = None

    def load(self) -> None:
        pass

    def run(self) -> None:
        pass

    def stop(self, seconds: float) -> None:
        pass

    def hook(self, request: HookRequest) -> Hooked:
        return Hooked(200)

    def send(self, out: Outbound, done: Callable[[Receipt], object] | None = None) -> None:
        if self.error is not None:
            raise self.error
        if out.key in self.keys:
            return
        self.keys.add(out.key)
        self.sent.append(out)
        if done is not None:
            done(Receipt(out.chat_id, (f"sent-{len(self.sent)}",)))

    def typing(self, chat_id: str, thread_id: str = "") -> None:
        self.typed += 1

    def status(self) -> Mapping[str, Any]:
        return {"running": True, "connected": True}

    @property
    def texts(self) -> list[str]:
        return [out.text for out in self.sent]


class FakeDefender:
    """Stops what holds one of the words of STOPPED; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Action] = []
        self.told: list[Decision] = []

    def judge(self, action: Action) -> Decision:
        self.asked.append(action)
        found = [verdict for word, verdict in STOPPED.items() if any(word in part.value for part in action.parts)]
        verdict = max(found, default=Verdict.ALLOW)
        reasons = (Finding("test.word", 80, say="This is not allowed", instead="Ask nicely."),) if found else ()
        return Decision(
            f"dec-{len(self.asked)}",
            action.id,
            action.method,
            action.digest,
            verdict,
            verdict,
            verdict,
            80 if found else 0,
            reasons,
            PolicyRef("test", 1, ""),
            "enforce",
            1,
            0,
        )


class Memory:
    """access.pairing.RecordFile."""

    def __init__(self) -> None:
        self.records: Any = None
        self.is_full = False

    def load(self) -> Any:
        return self.records

    def save(self, records: Any) -> None:
        if self.is_full:
            raise StoreError("no space left")
        self.records = records


class Chats:
    """Everything between a fake provider and the turns of a House."""

    def __init__(self, home: House, settings: Mapping[str, Any], *accounts: FakeAccount, file: Any = None) -> None:
        self.rules: Rules = rules.read(Tree("channels.yaml", dict(settings), {}))
        self.defender = FakeDefender()
        self.accounts = accounts or (FakeAccount(),)
        self.outlet = Outlet(self.defender.judge, self.defender.told.append)
        for one in self.accounts:
            self.outlet.add(one)
        self.paired = PairedSenders(file or Memory())
        self.outcomes: list[str] = []
        self.turns = ChatTurns(
            home.talk.turns, home.talk.commands, self.outlet, self.defender.judge, self.defender.told.append
        )
        self.inbox = Inbox(
            self.rules,
            home.talk.desk,
            self.turns,
            Broadcasts(self.turns, home.talk.turns.wait, hub.Greenlets()),
            self.outlet,
            self.paired,
            lambda _, outcome: self.outcomes.append(outcome),
        )

    @property
    def account(self) -> FakeAccount:
        return self.accounts[0]

    def hear(self, message: Inbound) -> str:
        """Returns what became of it."""
        self.inbox.handle(message)
        return self.outcomes[-1]


def direct(text: str, sender: str | Sender = "17", **fields: Any) -> Inbound:
    who = _sender(sender)
    return _message(text, "direct", who, Peer("direct", who.id), fields)


def in_group(text: str, sender: str | Sender = "17", group: str = "-100", **fields: Any) -> Inbound:
    return _message(text, "group", _sender(sender), Peer("group", group), fields)


def _sender(sender: str | Sender) -> Sender:
    return Sender(sender, name=sender.title()) if isinstance(sender, str) else sender


def _message(text: str, chat_type: str, sender: Sender, peer: Peer, fields: Mapping[str, Any]) -> Inbound:
    basic: dict[str, Any] = {
        "channel": "telegram",
        "account": "default",
        "message_id": str(next(_numbers)),
        "timestamp_ms": 1_790_000_000_000,
        "chat_type": chat_type,
        "chat_id": peer.id,
        "peer": peer,
        "sender": sender,
        "text": text,
    }
    return Inbound(**{**basic, **fields})
