"""Builds what the channels file asks for: channel accounts, the way in and out, timers, webhooks, and their methods.

Imported only where a channels file is configured. Invariant: nothing receives before everything is built, and every
problem of the file and of its secrets is reported at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gw import hub
from gw.channels import load as load_driver
from gw.channels.account import Account, Wires
from gw.channels.base import AccountConfig, ChannelAccount
from gw.channels.settings import read_account
from gw.config.load import Tree, read_tree
from gw.config.secrets import credential_file, read_secret
from gw.errors import ConfigError
from gw.methods.broadcasts import Broadcasts
from gw.methods.channel_pairing import ChannelPairing
from gw.methods.channels import ChannelControl
from gw.methods.chat_turn import ChatTurns
from gw.methods.cron import Cron
from gw.methods.cron_jobs import CronJobs
from gw.methods.errands import Errands
from gw.methods.events import EventBus
from gw.methods.heartbeats import Heartbeats
from gw.methods.inbound import Inbox
from gw.methods.outlet import Judge, Outlet, Tell
from gw.methods.reply_back import ReplyBack
from gw.methods.send import Send
from gw.model.problem import Problem
from gw.modes.conversing import Conversing
from gw.modes.records import restored
from gw.modes.webhooks import Webhooks
from gw.net.dialogue import open_dialogue
from gw.net.http import Request, Response, Route
from gw.net.https import Https
from gw.observe.metrics import Metrics
from gw.ports import Clock, Offload
from gw.routing import rules as routing_rules
from gw.routing.pairing import PairedSenders
from gw.routing.rules import Rules
from gw.session import keys

USER_AGENT: Final = "clawgate"
SENDERS: Final = 4  # native threads of an account that ask its provider
HTTP_QUEUE: Final = 256
TICK_S: Final = 1.0
STOP_S: Final = 2.0  # for answers of providers that are due
PATH: Final = "/channels/"  # <channel>/<account>: where webhooks of providers arrive


class ChannelsFile:
    """The file, read and checked. Raises ConfigError."""

    def __init__(self, path: Path) -> None:
        tree = read_tree(path)
        self.rules: Rules = routing_rules.read(tree)
        self.accounts: list[AccountConfig] = []
        problems: list[Problem] = []
        for channel, account, settings in self.rules.accounts():
            try:
                self.accounts.append(read_account(channel, account, settings, os.environ, _places(tree)))
            except ConfigError as error:
                problems += error.problems
        if self.rules.hooks.get("enabled") is True:
            try:
                read_secret(hook_token_file(self.rules))
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(sorted(problems))


def _places(tree: Tree) -> Callable[[str, str, str], Problem]:
    def place(path: str, message: str, hint: str) -> Problem:
        """What is missing has no line: that of what it is missing from."""
        at = path
        while at and at not in tree.lines:
            at = at.rpartition(".")[0]
        return tree.problem(path, message, hint, "config.channels")._replace(line=tree.lines.get(at, 0))

    return place


def hook_token_file(rules: Rules) -> Path:
    """Raises ConfigError."""
    named = rules.hooks.get("tokenFile")
    if named:
        return Path(named)
    found = credential_file("hooks-token", os.environ)
    if found is None:
        hint = "name a file, or give the service a credential hooks-token"
        raise ConfigError([Problem("hooks.tokenFile", 0, 0, "config.channels", "is missing", hint=hint)])
    return found


class ChannelService:
    """What runs beside the gateway when a channels file is configured."""

    def __init__(
        self,
        file: ChannelsFile,
        state: Path,
        talk: Conversing,
        bus: EventBus,
        clock: Clock,
        store: Offload,
        metrics: Metrics,
        judge: Judge,
        tell: Tell,
    ) -> None:
        self.file = file  # what runs now
        rules, desk = file.rules, talk.desk
        self._closing: list[Callable[[], None]] = []
        self.outlet = Outlet(judge, tell, hub.spawn)
        paired = restored(PairedSenders, state / "paired-senders.json", store)
        self._turns = ChatTurns(talk.turns, talk.commands, self.outlet, judge, tell)
        self.inbox = Inbox(
            rules,
            desk,
            self._turns,
            Broadcasts(self._turns, talk.turns.wait, hub.Greenlets()),
            self.outlet,
            paired,
            lambda channel, outcome: metrics.add("clawgate_channel_messages_total", channel, outcome),
        )
        self._accounts: list[Account] = []
        self.stopped: set[tuple[str, str]] = set()
        self._supervisor: hub.Supervisor | None = None
        for config in file.accounts:
            folder = state / "channels" / f"{config.channel}-{config.account}"
            driver = load_driver(config.channel)(config)
            account = Account(driver, config, folder, self._wires(clock, store), self.inbox.handle, self.inbox.wait_s)
            self._accounts.append(account)
            self.outlet.add(account)
        errands = Errands(desk, talk.turns, self.outlet, judge, tell)
        talk.commands.reply_for = ReplyBack(self.outlet, errands.last_target)
        self.heartbeats = Heartbeats(
            errands, clock, rules.heartbeats, keys.main_key, lambda last: bus.publish("heartbeat", last)
        )
        self.families: tuple[object, ...] = (
            ChannelPairing(paired, self.outlet, clock, has_owner=lambda: bool(file.rules.owners)),
            ChannelControl(self),
            Send(self.outlet, talk.claimed, hub.Greenlets()),
        )
        self.cron: Cron | None = None
        if rules.cron.get("enabled") is not False:
            path = state / "cron.json"
            jobs = restored(lambda file: CronJobs(file, clock), path, store)
            self.cron = Cron(jobs, errands, self.heartbeats, desk, bus, hub.Greenlets(), str(path))
            self.families += (self.cron,)
        self._webhooks = None
        if rules.hooks.get("enabled") is True:
            token = read_secret(hook_token_file(rules))
            self._webhooks = Webhooks(rules.hooks, token, errands, self.heartbeats, desk)

    @property
    def accounts(self) -> list[ChannelAccount]:
        return list(self._accounts)

    def _wires(self, clock: Clock, store: Offload) -> Wires:
        """Threads for one account alone: a provider that hangs holds up nobody else."""
        pools = (hub.OffloadPool("channels", SENDERS, HTTP_QUEUE), hub.OffloadPool("polls", 1, HTTP_QUEUE))
        http, long_http = (Https(pool, clock, USER_AGENT) for pool in pools)
        self._closing += [http.close, long_http.close, *(pool.close for pool in pools)]
        return Wires(http, long_http, open_dialogue, clock, hub.Greenlets(), store, hub.sleep)

    def routes(self) -> dict[str, Route]:
        found: dict[str, Route] = {PATH: self._hook}
        return found | (self._webhooks.routes() if self._webhooks is not None else {})

    def start(self, supervisor: hub.Supervisor) -> None:
        """Answer those whose messages the last process left, then receive. Raises StoreError."""
        for account in self._accounts:
            account.load()
        self._turns.tell_interrupted()
        self._supervisor = supervisor
        for account in self._accounts:
            self._receive(account)
        supervisor.start("timers", self._tick)

    def begin(self, channel: str, account: str) -> bool:
        """methods.channels.Control."""
        found = self.outlet.need(channel, account)
        self.stopped.discard((channel, account))
        try:
            self._receive(found)
        except ValueError:
            return False
        return True

    def end(self, channel: str, account: str) -> bool:
        self.outlet.need(channel, account)
        self.stopped.add((channel, account))  # providers that call us are asked to come again
        return self._supervisor is None or self._supervisor.end(_task(channel, account), STOP_S)

    def _receive(self, account: ChannelAccount) -> None:
        """Raises ValueError when it receives already."""
        if self._supervisor is not None:
            name = _task(account.config.channel, account.config.account)
            self._supervisor.start(name, account.run, hub.Restart.ON_ERROR)

    def reload(self, newer: ChannelsFile) -> list[str]:
        """Follow another file; what of it has to wait for a restart, in words."""
        rules, waits = self.file.rules.followed_by(newer.rules)
        self.inbox.follow(rules)
        if newer.accounts != self.file.accounts:
            waits.append("accounts")
        self.file.rules = rules
        return waits

    def shed(self) -> None:
        self.inbox.shed()

    def close(self) -> None:
        """When nothing runs any more; answers that are due from providers are waited for."""
        for account in self._accounts:
            account.stop(STOP_S)
        for close in self._closing:
            close()

    def _tick(self) -> None:
        while True:
            hub.sleep(TICK_S)
            if self.cron is not None:
                self.cron.tick()
            else:
                self.heartbeats.beat()

    def _hook(self, request: Request) -> Response:
        channel, _, account = request.path.removeprefix(PATH).strip("/").partition("/")
        found = self.outlet.find(channel, account or routing_rules.DEFAULT_ACCOUNT)
        if found is None:
            return Response(404)
        if (channel, found.config.account) in self.stopped:
            return Response(503)
        hooked = found.hook(request)
        return Response(hooked.status, hooked.body, hooked.content_type)


def _task(channel: str, account: str) -> str:
    return f"channel {channel} {account}"
