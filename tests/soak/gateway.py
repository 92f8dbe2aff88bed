"""A gateway for soaking: answers every request, numbers its events, and remembers what it saw, said and ended."""

import json
import random
from collections.abc import Callable
from itertools import cycle
from typing import Any

from gw import hub
from gw.net.listener import Server, ServerOptions, serve
from gw.net.pump import PumpLimits
from gw.ports import Link, UpgradeFacts

EVENT = b'{"type":"event","event":"soak","payload":{"n":%d,"pad":"%s"},"seq":%d}'


class Seen:
    """One connection as this gateway knows it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []  # requests after connect, as they came
        self.events = 0  # sent
        self.ended: tuple[int, str] | None = None
        self.ended_by_us = False


class Peer:
    def __init__(self, link: Link, gateway: "SoakGateway") -> None:
        self.link = link
        self.gateway = gateway
        self.seen = Seen()
        self.is_open = False
        self.ending: Callable[[Peer], object] | None = None  # how it ends with the next request, unanswered

    def opened(self) -> None:
        self.link.send(b'{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}')

    def message(self, data: bytes) -> bool:
        frame = json.loads(data)
        if not self.is_open:
            self.is_open = True
            self.gateway.seen[frame["params"]["device"]["id"]] = self.seen
            self.gateway.peers.add(self)
            self.answer(frame["id"], {"type": "hello-ok"})
            return True
        self.seen.frames.append(data)
        if self.ending is not None:
            self.end(self.ending)
            return True
        chance = self.gateway.chance.random()
        if chance < 0.2:
            self.link.call_later(chance / 4, lambda: self.answer(frame["id"], {"late": True}))
        else:
            self.answer(frame["id"], {"echo": frame["method"], "pad": "x" * int(chance * 3000)})
        for _ in range(self.gateway.chance.randrange(3)):
            self.tell()
        return True

    def answer(self, request_id: str, payload: Any) -> None:
        self.link.send(json.dumps({"type": "res", "id": request_id, "ok": True, "payload": payload}).encode())

    def tell(self) -> None:
        self.seen.events += 1
        count = self.seen.events
        self.link.send(EVENT % (count, b"e" * self.gateway.chance.randrange(2000), count))

    def end(self, how: Callable[["Peer"], object]) -> None:
        self.seen.ended_by_us = True
        self.gateway.peers.discard(self)
        how(self)

    def closed(self, code: int, reason: str) -> None:
        self.seen.ended = (code, reason)
        self.gateway.peers.discard(self)


class SoakGateway:
    """`seen` is by the device id that a client's connect names."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seen: dict[str, Seen] = {}
        self.peers: set[Peer] = set()
        options = ServerOptions(pump=PumpLimits(message_bytes=1 << 24))
        self.server: Server = serve([("127.0.0.1", 0)], self._join, {}, options)
        self.port = self.server.addresses[0][1]

    def _join(self, link: Link, facts: UpgradeFacts) -> Peer:
        assert "x-forwarded-for" not in facts.headers
        return Peer(link, self)

    def trouble(self, every_s: float) -> None:
        """For ever: end a random connection, politely or not, in turn at once or with a request unanswered."""
        for at_once in cycle((True, False)):
            hub.sleep(every_s * (0.5 + self.chance.random()))
            if self.peers:
                peer = self.chance.choice(sorted(self.peers, key=id))
                how = self.chance.choice((say_goodbye, vanish))
                if at_once:
                    peer.end(how)
                else:
                    peer.ending = how


def say_goodbye(peer: Peer) -> None:
    peer.link.close(1012, "service restart")


def vanish(peer: Peer) -> None:
    peer.link.abort()  # type: ignore[attr-defined]
