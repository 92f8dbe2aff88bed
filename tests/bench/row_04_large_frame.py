"""A 64 KiB frame with a small answer: unmasking, UTF-8 and the path of the bytes."""

from functools import partial

from tests.bench.registry import Bar, Row
from tests.bench.rpc import measure_requests

TEXT = "What the quick brown fox said to the lazy dog, in plain words. "

ROW = Row(
    4,
    "64 KB frames per server-CPU-second, 16 connections",
    (
        Bar("vs gevent-websocket", ">=", 100),
        Bar("vs picows", ">=", 0.9),
        Bar("vs ws", ">=", 1.8),
    ),
    partial(
        measure_requests,
        ("gevent-websocket", "picows", "picows+uvloop", "ws"),
        16,
        1,
        {"text": (TEXT * 1100)[:65_536]},
    ),
)
