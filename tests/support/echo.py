"""A WebSocket server that is nothing but our codec behind our listener: it sends back what it gets.

`python -m tests.support.echo [PORT] [CERT KEY]` serves until it is interrupted and prints the port it took; this is
what the Autobahn suite talks to.
"""

import sys
from pathlib import Path
from typing import cast

from gw import hub
from gw._native.wsframe import encode
from gw.net.listener import Server, ServerOptions, serve
from gw.net.pump import Connection, PumpLimits
from gw.ports import Link, UpgradeFacts

ECHO_LIMITS = PumpLimits(message_bytes=32 * 1024 * 1024)


class EchoPeer:
    """A ports.Peer."""

    def __init__(self, link: Link, facts: UpgradeFacts) -> None:
        self.link = cast(Connection, link)
        self.facts = facts

    def opened(self) -> None:
        pass

    def message(self, data: bytes) -> bool:
        self.link.send_frame(encode(self.link.stream.opcode, data))
        return True

    def closed(self, code: int, reason: str) -> None:
        pass


def start(port: int = 0, cert: Path | None = None, key: Path | None = None) -> Server:
    return serve([("127.0.0.1", port)], EchoPeer, {}, ServerOptions(tls_cert=cert, tls_key=key, pump=ECHO_LIMITS))


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = start(port, *(Path(name) for name in sys.argv[2:4]))
    print(server.addresses[0][1], flush=True)
    while True:
        hub.sleep(3600)
