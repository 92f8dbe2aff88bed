"""The peer: picows, on asyncio or (second argument `uvloop`) on uvloop. Prints its port."""

import asyncio
import sys

import orjson
from picows import WSListener, WSMsgType, ws_create_server

PAYLOAD = sys.argv[1].encode()
LISTENERS: list["Listener"] = []


class Listener(WSListener):
    def on_ws_connected(self, transport) -> None:
        self.transport = transport
        self.seq = 0
        LISTENERS.append(self)

    def on_ws_disconnected(self, transport) -> None:
        LISTENERS.remove(self)

    def on_ws_frame(self, transport, frame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        if frame.msg_type != WSMsgType.TEXT:
            return
        request = orjson.loads(frame.get_payload_as_memoryview())
        if request["method"] == "broadcast":
            broadcast(request["params"])
        elif request["type"] == "req" and request["method"] == "health":
            transport.send(
                WSMsgType.TEXT, b'{"type":"res","id":"%b","ok":true,"payload":%b}' % (request["id"].encode(), PAYLOAD)
            )


def broadcast(params) -> None:
    body = b'{"type":"event","event":"bench","payload":"%b"' % params["text"].encode()
    for _ in range(params["count"]):
        for listener in LISTENERS:
            listener.seq += 1
            listener.transport.send(WSMsgType.TEXT, b'%b,"seq":%d}' % (body, listener.seq))


async def main() -> None:
    server = await ws_create_server(lambda request: Listener(), "127.0.0.1", 0, max_frame_size=1 << 26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())
