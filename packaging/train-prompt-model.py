#!/usr/bin/env python3
"""Trains gw/data/prompt_model.bin; see docs/prompt-model.md. Needs numpy and the development corpora (not shipped).

    packaging/train-prompt-model.py CORPORA [--out FILE] [--check]

`--check` writes nothing and exits with 1 when the result differs from the file: the artefact is reproducible.
The file is one line of JSON (format, version, heads) and 131,072 signed bytes, two heads side by side.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "prompt-model"), str(HERE.parent)]

from prompt_solver import BUCKETS, Windows, fit, joined  # noqa: E402 - found through the path set above
from prompt_templates import Labelled, tool_texts, user_texts  # noqa: E402 - as above

from gw._native.ngrams import features  # noqa: E402 - as above
from gw.defender.guards.prompt import scored_views  # noqa: E402 - as above
from gw.defender.text import views  # noqa: E402 - as above

VERSION = 1
OUT = HERE.parent / "gw/data/prompt_model.bin"
BYTES_BEYOND = 0.0005  # share of weights that may be clipped when they become bytes

# Sources whose licence (MIT, Apache-2, CC BY 4.0) allows training; the corpora's README says which have others.
# Left out besides: machine translations, most of which are no attacks by themselves.
TRAINABLE = frozenset(
    {
        "agentbench_os", "code_dev", "cyberseceval", "defenseclaw", "docs_dev", "giskard", "gptfuzz", "injecagent",
        "injecagent_base", "injecagent_enhanced", "langkit", "mt_bench", "openclaw_docs", "openclaw_skills", "patt",
        "pyrit_templates", "self_instruct", "sms", "taksec",
    }
)  # fmt: skip
WEIGHT = {"injecagent_enhanced": 0.1}  # one sentence, 350 times
DOCUMENTS = frozenset(("docs_dev", "code_dev", "openclaw_docs", "openclaw_skills"))
TOOL_OUTPUTS = frozenset(("injecagent", "injecagent_base", "injecagent_enhanced", "bipia", "bipia_context"))
TOTAL = 10_000.0  # weight of all documents of one head


class Head(NamedTuple):
    """`shares` of the total weight: our attacks, our benign texts, corpus attacks, corpus benign texts."""

    name: str
    window: int  # characters
    damping: float
    shares: tuple[float, float, float, float]


class Fitted(NamedTuple):
    weights: NDArray[np.float64]
    bias: float


HEADS = (
    Head("user", 1200, 20.0, (0.35, 0.20, 0.15, 0.30)),
    Head("tool", 600, 20.0, (0.35, 0.25, 0.15, 0.25)),
)


class Row(NamedTuple):
    source: str
    label: int
    text: str


def read_corpora(folder: Path, leave_out: Collection[str] = ()) -> list[Row]:
    rows = []
    for name in ("prompts_attack.jsonl", "prompts_benign.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["source"] in TRAINABLE and row["source"] not in leave_out:
                rows.append(Row(row["source"], row["label"], row["text"]))
    return rows


def windows_of(texts: Sequence[str], head: Head) -> Windows:
    """Cut as `_native.ngrams.Model.score` does: halves of a window, two neighbours at a time."""
    indexes, rows, owner = [], [], []
    for document, text in enumerate(texts):
        packed, places = (np.frombuffer(part, dtype=np.uint32).astype(np.int64) for part in features(text))
        for start, end in cuts(places, len(text), head.window):
            indexes.append(packed[start:end])
            rows.append(np.full(end - start, len(owner), dtype=np.int64))
            owner.append(document)
    return Windows(
        np.concatenate(indexes), np.concatenate(rows), np.array(owner, dtype=np.int64), len(texts), head.damping
    )


def cuts(places: NDArray[np.int64], size: int, window: int) -> list[tuple[int, int]]:
    if size <= window:
        return [(0, len(places))]
    half = (window + 1) // 2
    bounds = [int(n) for n in np.searchsorted(places, np.arange(0, size + 1, half))]
    if bounds[-1] < len(places):
        bounds.append(len(places))
    return [(start, end) for start, end in zip(bounds, bounds[2:], strict=False) if end > start] or [(0, len(places))]


def base_text(text: str) -> str:
    return scored_views(views(text))[0].text


def fit_head(head: Head, own: Labelled, rows: Sequence[Row]) -> Fitted:
    texts = [base_text(text) for text in (*own.attacks, *own.benign, *(row.text for row in rows))]
    labels = np.array([1] * len(own.attacks) + [0] * len(own.benign) + [row.label for row in rows], dtype=np.int64)
    ours = np.arange(len(labels)) < len(own.attacks) + len(own.benign)
    weights = np.array([1.0] * int(ours.sum()) + [WEIGHT.get(row.source, 1.0) for row in rows])
    kinds = ((ours & (labels > 0)), (ours & (labels == 0)), (~ours & (labels > 0)), (~ours & (labels == 0)))
    for kind, share in zip(kinds, head.shares, strict=True):
        if kind.any():
            weights[kind] *= share * TOTAL / int(kind.sum())
    return Fitted(*fit(joined([windows_of(texts, head)]), labels, weights))


def fit_heads(rows: Sequence[Row]) -> list[Fitted]:
    """The user head learns from what people write and from documents, the tool head from tool outputs and documents."""
    return [
        fit_head(HEADS[0], user_texts(), [row for row in rows if row.source not in TOOL_OUTPUTS]),
        fit_head(HEADS[1], tool_texts(), [row for row in rows if row.source in TOOL_OUTPUTS | DOCUMENTS]),
    ]


def pack(fitted: Sequence[Fitted]) -> bytes:
    """Weights as bytes: each head has its own scale, so that all but a few fit without clipping."""
    table = np.zeros((BUCKETS, len(HEADS)), dtype=np.int8)
    described: list[dict[str, Any]] = []
    for number, (head, (weights, bias)) in enumerate(zip(HEADS, fitted, strict=True)):
        ordered = np.sort(np.abs(weights))
        scale = float(ordered[int(len(ordered) * (1 - BYTES_BEYOND))]) / 127.0
        table[:, number] = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
        described.append(
            {"name": head.name, "scale": scale, "bias": bias, "window": head.window, "damping": head.damping}
        )
    header = {"format": "clawgate-prompt-model", "version": VERSION, "heads": described}
    return json.dumps(header, sort_keys=True).encode() + b"\n" + table.tobytes()


def train(corpora: Path, leave_out: Collection[str] = ()) -> bytes:
    return pack(fit_heads(read_corpora(corpora, leave_out)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = train(arguments.corpora)
    print(hashlib.sha256(made).hexdigest())
    if arguments.check:
        return int(arguments.out.read_bytes() != made)
    arguments.out.write_bytes(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
