"""A linear classifier fitted by plain arithmetic: squared hinge loss, L2 penalty, accelerated gradient steps.

Knows nothing of texts beyond their feature indexes. Invariant: the same input gives the same bits on every IEEE 754
machine: only + - * / and sqrt, summed in a fixed order (numpy.bincount), and no random numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
BUCKETS = 1 << 16
STEPS = 60
ROUNDS = 2  # the second looks only at the windows that made a document suspicious
SUSPICIOUS = 2  # windows of an attack that count in the second round, or a quarter of them


@dataclass(frozen=True)
class Windows:
    """Features of windows of documents: feature `indexes[i]` belongs to window `rows[i]`, window w to `owner[w]`."""

    indexes: Integers
    rows: Integers
    owner: Integers
    documents: int
    damping: float

    @property
    def count(self) -> int:
        return len(self.owner)

    def scale(self) -> Floats:
        """What `_native.ngrams.Model.score` divides by, inverted."""
        return 1.0 / np.sqrt(np.bincount(self.rows, minlength=self.count) + self.damping)

    def margins(self, weights: Floats, bias: float) -> Floats:
        return np.bincount(self.rows, weights=weights[self.indexes], minlength=self.count) * self.scale() + bias

    def by_document(self, margins: Floats) -> Floats:
        """Of each document, the greatest."""
        found = np.full(self.documents, -np.inf)
        np.maximum.at(found, self.owner, margins)
        return found

    def only(self, keep: NDArray[np.bool_]) -> "Windows":
        """The windows of those documents where *keep* holds, documents renumbered."""
        wanted = keep[self.owner]
        row_of = np.cumsum(wanted) - 1
        document_of = np.cumsum(keep) - 1
        chosen = wanted[self.rows]
        return Windows(
            self.indexes[chosen],
            row_of[self.rows[chosen]],
            document_of[self.owner[wanted]],
            int(keep.sum()),
            self.damping,
        )


def joined(parts: Sequence[Windows]) -> Windows:
    rows = np.cumsum([0, *(part.count for part in parts)])
    documents = np.cumsum([0, *(part.documents for part in parts)])
    return Windows(
        np.concatenate([part.indexes for part in parts]),
        np.concatenate([part.rows + row for part, row in zip(parts, rows, strict=False)]),
        np.concatenate([part.owner + document for part, document in zip(parts, documents, strict=False)]),
        int(documents[-1]),
        parts[0].damping,
    )


def fit(windows: Windows, labels: Integers, weights: Floats) -> tuple[Floats, float]:
    """Weights and bias. A document's label holds for its windows; of an attack only the worst ones are to blame."""
    owner = windows.owner
    count = np.bincount(owner, minlength=windows.documents)[owner]
    attack = labels[owner] > 0
    importance = weights[owner] / np.where(attack, count, np.sqrt(count))
    for round_number in range(ROUNDS):
        vector, bias = _descend(windows, np.where(attack, 1.0, -1.0), importance)
        if round_number == ROUNDS - 1:
            break
        blamed = np.maximum(SUSPICIOUS, count // 4)
        rank = _rank_within(owner, windows.margins(vector, bias))
        used = ~attack | (rank < blamed)
        importance = used * weights[owner] / np.where(attack, np.minimum(count, blamed), np.sqrt(count))
    return vector, bias


def _rank_within(owner: Integers, margins: Floats) -> Integers:
    """Place of each window among its document's, the greatest margin first."""
    order = np.lexsort((-margins, owner))
    first = np.searchsorted(owner[order], owner[order])
    rank = np.empty(len(owner), dtype=np.int64)
    rank[order] = np.arange(len(owner)) - first
    return rank


def _descend(windows: Windows, signs: Floats, importance: Floats) -> tuple[Floats, float]:
    """Nesterov's method on sum(importance * max(0, 1 - sign * margin)^2) + |weights|^2 / 2."""
    scale = windows.scale()

    def forward(vector: Floats) -> Floats:
        return np.bincount(windows.rows, weights=vector[windows.indexes], minlength=windows.count) * scale

    def backward(values: Floats) -> Floats:
        return np.bincount(windows.indexes, weights=(values * scale)[windows.rows], minlength=BUCKETS)

    curvature = _largest_eigenvalue(lambda vector: backward(importance * forward(vector)))
    step = 1.0 / (2.2 * curvature + 1.0)
    vector = ahead = np.zeros(BUCKETS)
    bias = bias_ahead = 0.0
    inertia = 1.0
    for _ in range(STEPS):
        slack = np.maximum(1.0 - signs * (forward(ahead) + bias_ahead), 0.0) * importance * signs
        next_vector = ahead + step * (2.0 * backward(slack) - ahead)
        next_bias = bias_ahead + step * 0.04 * _sum(slack)
        next_inertia = (1.0 + np.sqrt(1.0 + 4.0 * inertia * inertia)) / 2.0
        momentum = (inertia - 1.0) / next_inertia
        ahead = next_vector + momentum * (next_vector - vector)
        bias_ahead = next_bias + momentum * (next_bias - bias)
        vector, bias, inertia = next_vector, next_bias, next_inertia
    return vector, float(bias)


def _largest_eigenvalue(apply) -> float:  # type: ignore[no-untyped-def]
    vector = np.full(BUCKETS, 1.0 / 256.0)
    value = 1.0
    for _ in range(8):
        vector = apply(vector)
        value = float(np.sqrt(_sum(vector * vector)))
        vector = vector / value
    return value


def _sum(values: Floats) -> float:
    """In order, unlike numpy.sum, whose pairing depends on the build."""
    return float(np.bincount(np.zeros(len(values), dtype=np.int64), weights=values, minlength=1)[0])
