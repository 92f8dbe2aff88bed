"""A WebSocket server that plays a script against the one client that connects."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gw._native import wsframe
from gw.config.settings import Address
from gw.wire import json

Script = Callable[["Server"], None]
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
HELLO = {"type": "hello-ok", "server": {"version": "9"}}


class Server:
    """Accepts one connection and plays a script against it."""

    def __init__(self, script: Script) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address(*self._listener.getsockname()[:2])
        self._decoder = wsframe.Decoder(max_message_bytes=1 << 20)
        self._script = script
        self.got: list[Any] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(30)
        self.request = self.socket.recv(65536)
        try:
            self._script(self)
        except OSError:
            pass
        finally:
            self.socket.close()

    def receive(self) -> dict[str, Any]:
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError
            for opcode, payload in self._decoder.feed(data):
                self.got.append((opcode, payload))
                if opcode == wsframe.TEXT:
                    frame: dict[str, Any] = json.loads(payload)
                    return frame

    def send(self, *frames: dict[str, Any], before: bytes = b"") -> None:
        encoded = [wsframe.encode(wsframe.TEXT, json.dumps(frame)) for frame in frames]
        self.socket.sendall(before + b"".join(encoded))

    def challenge(self) -> None:
        self.send({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}}, before=UPGRADE)

    def welcome(self) -> dict[str, Any]:
        self.challenge()
        request = self.receive()
        self.send({"type": "res", "id": request["id"], "ok": True, "payload": HELLO})
        return request

    def stop(self) -> None:
        self._thread.join(30)
        self._listener.close()


@contextmanager
def scripted() -> Iterator[Callable[[Script], Server]]:
    """Start servers; all have ended afterwards."""
    started: list[Server] = []

    def start(script: Script) -> Server:
        started.append(Server(script))
        return started[-1]

    yield start
    for server in started:
        server.stop()
