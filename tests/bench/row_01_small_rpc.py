"""A small RPC: `health` on authenticated connections, one request under way on each."""

from functools import partial

from tests.bench.registry import Bar, Row
from tests.bench.rpc import measure_requests

ROW = Row(
    1,
    "messages per server-CPU-second, small RPC, 64 connections",
    (
        Bar("vs gevent-websocket", ">=", 3),
        Bar("vs picows", ">=", 1.0),
        Bar("vs ws", ">=", 1.4),
    ),
    partial(measure_requests, ("gevent-websocket", "picows", "picows+uvloop", "ws"), 64, 1, {}),
)
