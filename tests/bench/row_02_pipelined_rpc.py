"""The same with 16 requests under way on each connection: what joining the answers of one batch is worth."""

from functools import partial

from tests.bench.registry import Bar, Row
from tests.bench.rpc import measure_requests

ROW = Row(
    2,
    "messages per server-CPU-second, 16 outstanding on each of 64 connections",
    (
        Bar("vs gevent-websocket", ">=", 6),
        Bar("vs picows", ">=", 1.4),
    ),
    partial(measure_requests, ("gevent-websocket", "picows", "picows+uvloop", "ws"), 64, 16, {}),
)
