"""Every metric, one row each, counted in plain integers; prometheus_client is imported at the first scrape.

Must not know who counts. Invariant: label values come from the row's closed list, or from a bounded number of first
come ones with the rest under `other`, so no client can grow the set.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

OTHER = "other"
VERDICTS = ("allow", "review", "block")
CHANNEL_OUTCOMES = ("taken", "ignored", "denied", "pairing", "unmentioned", "refused", "repeated")


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Label(NamedTuple):
    """Either a closed list of values, or at most `limit` different ones (names from policies and our own tables)."""

    name: str
    values: tuple[str, ...] = ()
    limit: int = 0


class Row(NamedTuple):
    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


EVALUATION_BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 2.5)
LAG_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

METRICS: tuple[Row, ...] = (
    Row("clawgate_connections", Kind.GAUGE, "Open WebSocket connections."),
    Row("clawgate_connections_total", Kind.COUNTER, "WebSocket connections accepted since start."),
    Row(
        "clawgate_refusals_total",
        Kind.COUNTER,
        "Connections refused at the handshake, by detail code.",
        (Label("code", limit=64),),
    ),
    Row(
        "clawgate_frames_total",
        Kind.COUNTER,
        "Frames received after hello-ok: requests, and those that were none.",
        (Label("direction", ("in",)), Label("kind", ("req", "bad"))),
    ),
    Row(
        "clawgate_decisions_total",
        Kind.COUNTER,
        "Judged actions: the verdict, what was enforced, and the policy's mode.",
        (Label("verdict", VERDICTS), Label("enforced", VERDICTS), Label("mode", ("enforce", "audit"))),
    ),
    Row("clawgate_findings_total", Kind.COUNTER, "Findings by rule.", (Label("rule", limit=2048),)),
    Row("clawgate_eval_seconds", Kind.HISTOGRAM, "Time one evaluation took.", buckets=EVALUATION_BUCKETS_S),
    Row("clawgate_eval_queue_depth", Kind.GAUGE, "Evaluations waiting for their turn."),
    Row(
        "clawgate_overload_total",
        Kind.COUNTER,
        "Requests turned away because a bounded thing was full.",
        (Label("where", limit=32),),
    ),
    Row(
        "clawgate_intel_requests_total",
        Kind.COUNTER,
        "Reputation look-ups by outcome: answered, cached, or why there was no answer.",
        (
            Label(
                "outcome",
                ("answered", "cached", "key", "quota", "busy", "timeout", "network", "answer", "open-circuit"),
            ),
        ),
    ),
    Row("clawgate_hub_lag_seconds", Kind.HISTOGRAM, "How late the event loop ran a timer.", buckets=LAG_BUCKETS_S),
    Row("clawgate_policy_generation", Kind.GAUGE, "Policy loads since start; grows by one with each reload."),
    Row("clawgate_policy_reload_failures_total", Kind.COUNTER, "Reloads that failed and kept the last good policy."),
    Row(
        "clawgate_unguarded_executions_total",
        Kind.COUNTER,
        "Executions that no decision had let happen, by why.",
        (Label("reason", ("no-decision", "refused-but-ran", "daemon-away")),),
    ),
    Row(
        "clawgate_canary_total",
        Kind.COUNTER,
        "Harmless probes of the gates, by gate and whether it still bites.",
        (
            Label("gate", ("plugin", "approvals", "guard", "guard-http")),
            Label("outcome", ("bites", "open", "unreachable")),
        ),
    ),
    Row(
        "clawgate_approvals_total",
        Kind.COUNTER,
        "Approvals of a real gateway the sidecar saw, by what it did about them.",
        (Label("outcome", ("deny", "allow-once", "left", "lost", "failed")),),
    ),
    Row("clawgate_rss_bytes", Kind.GAUGE, "Resident memory of the process."),
    Row("clawgate_memory_sheds", Kind.GAUGE, "Times since start that caches were emptied to give memory back."),
    Row(
        "clawgate_channel_messages_total",
        Kind.COUNTER,
        "Messages from chat channels, by what became of them.",
        (Label("channel", limit=16), Label("outcome", CHANNEL_OUTCOMES)),
    ),
    Row("clawgate_log_dropped_total", Kind.COUNTER, "Log lines dropped because the output was too slow."),
)

ROWS: dict[str, Row] = {row.name: row for row in METRICS}


class Cell:
    """One counter or gauge; hot code keeps it and adds to `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[str, int]]:
        total = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            yield "+Inf" if bound == float("inf") else repr(bound), total


class Metrics:
    def __init__(self) -> None:
        self._cells: dict[tuple[str, tuple[str, ...]], Cell] = {}
        self._histograms: dict[str, Histogram] = {
            row.name: Histogram(row.buckets) for row in METRICS if row.kind is Kind.HISTOGRAM
        }
        self._readers: dict[str, Callable[[], float]] = {}
        self._names: dict[tuple[str, str], set[str]] = {}
        for row in METRICS:
            if row.kind is not Kind.HISTOGRAM and not row.labels:
                self.cell(row.name)

    def cell(self, name: str, *labels: str) -> Cell:
        """The cell of a counter or gauge. KeyError, ValueError: a metric or label value the table does not have."""
        row = ROWS[name]
        values = tuple(self._admit(name, label, value) for label, value in zip(row.labels, labels, strict=True))
        cell = self._cells.get((name, values))
        if cell is None:
            cell = self._cells[name, values] = Cell()
        return cell

    def add(self, name: str, *labels: str, by: int = 1) -> None:
        cell = self._cells.get((name, labels)) or self.cell(name, *labels)  # known ones have passed the table
        cell.value += by

    def histogram(self, name: str) -> Histogram:
        return self._histograms[name]

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Ask `read` at each scrape instead of keeping a cell; for unlabelled counters and gauges."""
        if ROWS[name].labels:
            raise ValueError(f"{name} has labels")
        self._readers[name] = read

    def _admit(self, name: str, label: Label, value: str) -> str:
        if not label.limit:
            if value not in label.values:
                raise ValueError(f"{name}: {label.name}={value} is not in the table")
            return value
        known = self._names.setdefault((name, label.name), set())
        if value not in known:
            if len(known) >= label.limit:
                return OTHER
            known.add(value)
        return value

    def value(self, name: str, *labels: str) -> float:
        reader = self._readers.get(name)
        return reader() if reader else self.cell(name, *labels).value

    def collect(self) -> "Iterator[Family]":
        """What prometheus_client's registry asks of a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for row in METRICS:
            if row.kind is Kind.HISTOGRAM:
                histogram = self._histograms[row.name]
                yield HistogramMetricFamily(row.name, row.help, list(histogram.cumulative()), histogram.sum)
                continue
            family = CounterMetricFamily if row.kind is Kind.COUNTER else GaugeMetricFamily
            made = family(row.name, row.help, labels=[label.name for label in row.labels])
            if row.name in self._readers:
                made.add_metric([], self._readers[row.name]())
            else:
                for (name, values), cell in list(self._cells.items()):  # may grow meanwhile: scrapes run in a thread
                    if name == row.name:
                        made.add_metric(values, cell.value)
            yield made

    def scrape(self) -> tuple[bytes, str]:
        """The page for /metrics and its content type."""
        # Imported here: it costs 14 MB that a gateway nobody scrapes should not pay.
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        ProcessCollector(registry=registry)
        return generate_latest(registry), CONTENT_TYPE_LATEST
