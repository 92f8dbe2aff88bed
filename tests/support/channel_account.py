"""An account with real wires: HTTP in native threads, WebSockets of ours, files; a restart is another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gw.channels import load
from gw.channels.account import Account, Wires
from gw.channels.base import AccountConfig, Inbound, Outbound, Receipt
from gw.hub import Greenlets, OffloadPool, Supervisor, SystemClock, sleep
from gw.net.dialogue import open_dialogue
from gw.net.https import Https
from tests.support.waiting import until


class Running:
    """Answers every message with its text, so that a test sees both ways at once."""

    def __init__(self, config: AccountConfig, folder: Path, wires: Wires) -> None:
        self.heard: list[Inbound] = []
        self.receipts: list[Receipt] = []
        self.says = True
        self.account = Account(load(config.channel)(config), config, folder, wires, self._handle)

    def _handle(self, message: Inbound) -> None:
        self.heard.append(message)
        if self.says:
            self.reply(message, f"re: {message.text}")

    def reply(self, message: Inbound, text: str, **fields: Any) -> None:
        out = Outbound(
            message.chat_id,
            text,
            thread_id=message.thread_id,
            reply_to=message.message_id,
            key=f"re {message.dedupe_key}",
            reply_token=message.reply_token,
        )
        self.account.send(out._replace(**fields), self.receipts.append)

    def send(self, out: Outbound) -> Receipt:
        found: list[Receipt] = []
        self.account.send(out, found.append)
        until(lambda: found, "the receipt")
        return found[0]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.heard]

    def state(self) -> Any:
        return self.account.status()["state"]


@contextmanager
def running(config: AccountConfig, folder: Path) -> Iterator[Running]:
    """Runs until the block ends; a second one on the same folder is a restart."""
    clock = SystemClock()
    pools = [OffloadPool(name, workers, 16) for name, workers in (("http", 2), ("long", 1), ("store", 1))]
    clients = [Https(pool, clock, "clawgate-test") for pool in pools[:2]]
    wires = Wires(clients[0], clients[1], open_dialogue, clock, Greenlets(), pools[2], sleep)
    supervisor = Supervisor()
    found = Running(config, folder, wires)
    found.account.load()
    supervisor.start("account", found.account.run)
    try:
        yield found
    finally:
        assert supervisor.stop(5) == []
        found.account.stop(5)
        for client in clients:
            client.close()
        for pool in pools:
            pool.close()
