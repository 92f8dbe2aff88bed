"""An account whose process ends at any point: nothing taken is lost, no key is answered twice where it can be avoided.

Hypothesis chooses after how many steps (writes, calls, pauses) each process ends; a plain list is the model of what the
provider must have seen in the end.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.channels.base import AccountConfig, Inbound, Outbound
from gw.channels.ingress import Ingress
from gw.channels.journal import Journal
from gw.channels.outbox import Outbox
from gw.channels.telegram import Telegram
from gw.errors import UpstreamError
from tests.support.channels import End, Reply, World, message

TELEGRAM = Telegram(AccountConfig("telegram", secrets={"botToken": "t"}))
TEXTS = ["one", "two", "three", "four five six seven eight"]
CHATS = ["7", "8", "7", "9"]
LIMIT = 10


class Provider:
    """Takes every message, and says so unless the answer is to be lost."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        asked = json.loads(body)
        self.taken.append((asked["chat_id"], asked["text"]))
        return 200, {}, json.dumps({"ok": True, "result": {"message_id": len(self.taken)}}).encode()


class Process:
    """One life: ends after `steps` writes, calls and pauses, and says in which of them."""

    def __init__(self, folder: Path, provider: Provider, steps: int, wait_s: float = 0.0) -> None:
        self.world = World(folder)
        self.handled: list[Inbound] = []
        self._left = steps
        self.world.store.run = self.step(self.world.store.run)  # type: ignore[method-assign]
        sleep = self.step(self.world.clock.sleep)
        self.http = Http(self.step(provider.exchange))
        received = Journal(folder / "received.jsonl", self.world.store)
        sending = Journal(folder / "sending.jsonl", self.world.store)
        self.journals = (received, sending)
        clock, tasks = self.world.clock, self.world.tasks
        self.outbox = Outbox(TELEGRAM, self.http, sending, clock, tasks, sleep, LIMIT)
        self.ingress = Ingress(received, self._handle, lambda _: wait_s, clock, tasks, sleep)

    def step(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The process may end before the step, or after it and before anybody hears of it."""

        def stepped(*args: Any, **kwargs: Any) -> Any:
            self._tick()
            found = function(*args, **kwargs)
            self._tick()
            return found

        return stepped

    def _tick(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise End

    def _handle(self, inbound: Inbound) -> None:
        self.handled.append(inbound)
        self.outbox.send(Outbound(inbound.chat_id, inbound.text, key=inbound.dedupe_key))

    def live(self, deliveries: list[Inbound]) -> bool:
        """Go on with what was left, take what the provider delivers, and work; False when it ended before."""
        try:
            for journal in self.journals:
                journal.load()
            self.ingress.resume()
            self.outbox.resume()
            for inbound in deliveries:
                self.ingress.take([inbound])
            self.world.tasks.run()
        except End:
            return False
        return True


class Http:
    def __init__(self, exchange: Callable[..., Reply]) -> None:
        self._exchange = exchange

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        return self._exchange(method, url, headers, body, timeout_s)


def pieces(text: str) -> list[str]:
    return ["four five", "six seven", "eight"] if len(text) > LIMIT else [text]


@settings(max_examples=100, deadline=None)
@given(lives=st.lists(st.integers(0, 60), max_size=6))
def test_whatever_ends_when(tmp_path_factory: pytest.TempPathFactory, lives: list[int]) -> None:
    folder, provider = tmp_path_factory.mktemp("life"), Provider()
    deliveries = [message(str(number), text, chat_id=CHATS[number]) for number, text in enumerate(TEXTS)]
    crashes = 0
    for steps in lives:
        crashes += not Process(folder, provider, steps).live(deliveries)  # the provider delivers until it is told
    assert Process(folder, provider, 10_000).live(deliveries)
    wanted = [(CHATS[number], piece) for number, text in enumerate(TEXTS) for piece in pieces(text)]
    assert set(provider.taken) == set(wanted), "nothing is lost, nothing is made up"
    assert len(provider.taken) <= len(wanted) + crashes, (
        "at most the part that was out when a process ended comes twice"
    )
    for chat in set(CHATS):
        first = dict.fromkeys(text for place, text in provider.taken if place == chat)
        assert list(first) == [text for place, text in wanted if place == chat], "order within a chat"
    quiet = Process(folder, provider, 10_000)
    before = len(provider.taken)
    assert quiet.live(deliveries)
    assert (quiet.handled, len(provider.taken)) == ([], before), "and then there is nothing left to do"


def test_a_provider_that_fails_for_a_while_gets_everything_once(tmp_path: Path) -> None:
    provider = Provider()
    process = Process(tmp_path, provider, 10_000)
    real, tries = provider.exchange, []

    def sometimes(*args: Any) -> Reply:
        tries.append(args)
        if len(tries) % 3:
            raise UpstreamError("network")
        return real(*args)

    process.http._exchange = sometimes
    assert process.live([message(str(number), text) for number, text in enumerate(TEXTS)])
    assert [text for _, text in provider.taken] == ["one", "two", "three", "four five", "six seven", "eight"]


@settings(max_examples=100, deadline=None)
@given(lives=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 16)), max_size=6))
def test_what_was_joined_stays_joined(tmp_path_factory: pytest.TempPathFactory, lives: list[tuple[int, int]]) -> None:
    """A key never stands for two texts, so turns known by their keys say everything once, whatever ends when."""
    folder, provider = tmp_path_factory.mktemp("life"), Provider()
    deliveries = [message(str(number), f"text {number}", chat_id=CHATS[number % 4]) for number in range(16)]
    turns: dict[str, str] = {}
    for steps, delivered in (*lives, (10_000, 16)):
        process = Process(folder, provider, steps, 0.3)
        process.live(deliveries[:delivered])
        for inbound in process.handled:
            assert turns.setdefault(inbound.dedupe_key, inbound.text) == inbound.text
    said = [line for text in turns.values() for line in text.split("\n")]
    assert sorted(said) == sorted(inbound.text for inbound in deliveries)
