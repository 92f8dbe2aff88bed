"""The peer: gevent-websocket as its documentation shows it. Prints its port."""

import sys

import orjson
from gevent import socket
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler

PAYLOAD = sys.argv[1]
CLIENTS: list["Client"] = []


class Client:
    def __init__(self, ws) -> None:
        self.ws = ws
        self.seq = 0


def broadcast(params) -> None:
    for _ in range(params["count"]):
        for client in CLIENTS:
            client.seq += 1
            client.ws.send('{"type":"event","event":"bench","payload":"%s","seq":%d}' % (params["text"], client.seq))  # noqa: UP031


def application(environ, start_response):
    ws = environ["wsgi.websocket"]
    client = Client(ws)
    CLIENTS.append(client)
    while True:
        text = ws.receive()
        if text is None:
            break
        request = orjson.loads(text)
        if request["method"] == "broadcast":
            broadcast(request["params"])
        elif request["type"] == "req" and request["method"] == "health":
            ws.send('{"type":"res","id":"%s","ok":true,"payload":%s}' % (request["id"], PAYLOAD))  # noqa: UP031  (no doubled braces)
    CLIENTS.remove(client)
    return []


listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
print(listener.getsockname()[1], flush=True)
WSGIServer(listener, application, handler_class=WebSocketHandler, log=None, error_log=None).serve_forever()
