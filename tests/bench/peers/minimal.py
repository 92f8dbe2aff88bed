"""Not a peer but our own floor: the codec, the pump and the envelope scan, and nothing of the product behind them.

Shows how much of a figure is the ring's and how much the gateway's. Prints its port. In the payload it answers with,
NOW stands for when the request came, in nanoseconds of the clock that all processes share.
"""

import sys
import time

from gw import hub, limits
from gw._native.envelope import scan
from gw.net.listener import ServerOptions, serve
from gw.net.pump import PumpLimits
from gw.ports import Link, UpgradeFacts
from gw.wire import json

PAYLOAD = sys.argv[1].encode()
NOW = b"<now>"
PEERS: list["Peer"] = []


class Peer:
    def __init__(self, link: Link, facts: UpgradeFacts) -> None:
        self.link = link

    def opened(self) -> None:
        PEERS.append(self)

    def closed(self, code: int, reason: str) -> None:
        PEERS.remove(self)

    def message(self, data: bytes) -> bool:
        came_ns = time.perf_counter_ns()
        envelope = scan(data, max_depth=limits.MAX_JSON_DEPTH)
        if envelope.name == "broadcast":
            broadcast(json.loads(data[envelope.body_start : envelope.body_end]))
        else:
            payload = PAYLOAD.replace(NOW, b"%d" % came_ns)
            self.link.send(b'{"type":"res","id":"%b","ok":true,"payload":%b}' % (envelope.id.encode(), payload))
        return True


def broadcast(params: dict) -> None:
    body = b'{"type":"event","event":"bench","payload":"%b"' % params["text"].encode()
    for _ in range(params["count"]):
        for peer in PEERS:
            peer.link.send_event(body)


server = serve([("127.0.0.1", 0)], Peer, {}, ServerOptions(pump=PumpLimits(message_bytes=limits.MAX_PAYLOAD_BYTES)))
print(server.addresses[0][1], flush=True)
while True:
    hub.sleep(3600)
