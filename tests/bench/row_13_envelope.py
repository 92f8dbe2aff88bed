"""The strict envelope scan, UTF-8 check included, against a full decode by the fastest JSON libraries on PyPI.

The bars are for the least favourable of six shapes: chat text, the same in ASCII, one long line, Chinese, text that is
nothing but escapes, and many small objects.
"""

import json
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, summary

SIZES = {"2 KB": 2048, "64 KB": 65536}
BURST_S = 0.02
DEPTH = 64
TEXT = (
    "please read this file and tell me what changed since yesterday because the meeting starts soon then write a "
    "short summary for everyone who could not be there and check whether all tests still pass on the new machine "
)
CHINESE = "请阅读这个文件，然后告诉我变化。"


def prose(size: int, asides: list[str]) -> str:
    """Lines of ordinary words; every third one carries an aside."""
    source, words = random.Random(13), TEXT.split()
    lines: list[str] = []
    length = 0
    while length < size:
        line = " ".join(source.choices(words, k=source.randint(10, 18)))
        if len(lines) % 3 == 0:
            line += source.choice(asides)
        lines.append(line)
        length += len(line.encode()) + 2
    return "\n".join(lines)


def rows(size: int) -> list[dict[str, Any]]:
    """What a session list holds: many small objects."""
    source = random.Random(14)
    row = {"key": "agent:main:main", "kind": "direct", "updatedAt": 1_700_000_000_000, "active": True, "ratio": 0.25}
    return [{**row, "key": f"agent:main:{source.randrange(10**6)}", "labels": ["a", "b"]} for _ in range(size // 130)]


def frame(params: dict[str, Any]) -> bytes:
    request = {"type": "req", "id": "17:2f7a1b64-9f0c-4a7e-8a61-5d1f0c9b7e55", "method": "chat.send", "params": params}
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def shapes(size: int) -> dict[str, bytes]:
    room = size - 200
    return {
        "chat": frame({"sessionKey": "agent:main:main", "message": prose(room, [" – “fine”", ' "so"', "\tfür Übung"])}),
        "ascii": frame({"sessionKey": "agent:main:main", "message": prose(room, ["."])}),
        "one line": frame({"sessionKey": "agent:main:main", "message": TEXT * (room // len(TEXT))}),
        "chinese": frame({"sessionKey": "agent:main:main", "message": CHINESE * (room // 48)}),
        "escaped": frame({"sessionKey": "agent:main:main", "message": '"\\\n' * (room // 6)}),
        "rows": frame({"sessions": rows(room)}),
    }


def cost(job: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    calls = 1
    while True:
        start = time.process_time()
        for _ in range(calls):
            job()
        spent = time.process_time() - start
        if spent >= BURST_S:
            return spent / calls
        calls *= 2


def measure(settings: Settings) -> Measured:
    try:
        import msgspec
        import orjson
    except ImportError as error:
        return Measured({}, skipped=f"needs {error.name} (pip install -e '.[bench]')")
    from gw._native.envelope import scan

    decode = msgspec.json.Decoder().decode
    figures: dict[str, float] = {}
    detail: dict[str, Any] = {"peers": f"orjson {orjson.__version__}, msgspec {msgspec.__version__}"}
    for label, size in SIZES.items():
        for shape, data in shapes(size).items():
            jobs: dict[str, Callable[[], object]] = {
                "scan": lambda data=data: scan(data, max_depth=DEPTH),  # type: ignore[misc]
                "orjson": lambda data=data: orjson.loads(data),  # type: ignore[misc]
                "msgspec": lambda data=data: decode(data),  # type: ignore[misc]
            }
            results = interleave(jobs, cost, settings.rounds)
            best = min(("orjson", "msgspec"), key=lambda peer: median(results[peer]))
            ratio = ratios(results, best, "scan")
            figures[label] = min(median(ratio), figures.get(label, median(ratio)))
            detail[f"{label} {shape}"] = {
                **summary(ratio),
                "peer": best,
                "scan_us": round(median(results["scan"]) * 1e6, 2),
                "bytes": len(data),
            }
    return Measured(figures, detail)


ROW = Row(
    13,
    "envelope scan with UTF-8 check vs a full decode by the fastest JSON library",
    (Bar("2 KB", ">=", 1.5), Bar("64 KB", ">=", 2.5)),
    measure,
)
