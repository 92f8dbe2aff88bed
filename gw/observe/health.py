"""Whether the gateway is alive and ready, and how its event loop is doing.

Knows components by name only; time comes in as an argument. Invariant: ready means started and no component failing.
"""

from collections import deque
from typing import Any, NamedTuple

LOOP_SAMPLES = 128
DEGRADED_LAG_MS = 500.0  # a timer this late means handshakes start to time out


class LoopSample(NamedTuple):
    delay_ms: float  # how late a timer ran
    interval_ms: float  # wall time since the sample before
    cpu_ms: float  # process CPU time in that interval


class Health:
    def __init__(self, started_at_ms: int) -> None:
        self._started_at_ms = started_at_ms
        self._starting = True
        self._failing: set[str] = set()
        self._samples: deque[LoopSample] = deque(maxlen=LOOP_SAMPLES)
        self._degraded_since_ms: int | None = None

    def started(self) -> None:
        self._starting = False

    def note(self, component: str, *, failing: bool) -> None:
        if failing:
            self._failing.add(component)
        else:
            self._failing.discard(component)

    def sample_loop(self, sample: LoopSample, now_ms: int) -> None:
        self._samples.append(sample)
        if sample.delay_ms < DEGRADED_LAG_MS:
            self._degraded_since_ms = None
        elif self._degraded_since_ms is None:
            self._degraded_since_ms = now_ms

    @property
    def is_ready(self) -> bool:
        return not self._starting and not self._failing

    @property
    def failing(self) -> list[str]:
        return (["startup"] if self._starting else []) + sorted(self._failing)

    def uptime_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self._started_at_ms)

    def ready_shape(self, now_ms: int) -> dict[str, Any]:
        """The answer of GET /ready."""
        return {
            "ready": self.is_ready,
            "failing": self.failing,
            "uptimeMs": self.uptime_ms(now_ms),
            "eventLoop": self.loop_shape(),
        }

    def loop_shape(self) -> dict[str, Any]:
        """`eventLoop` as health, status and /ready carry it; figures over the last samples."""
        delays = sorted(sample.delay_ms for sample in self._samples)
        interval_ms = sum(sample.interval_ms for sample in self._samples)
        cpu_ms = sum(sample.cpu_ms for sample in self._samples)
        ratio = round(cpu_ms / interval_ms, 3) if interval_ms else 0.0
        degraded = self._degraded_since_ms is not None
        return {
            "degraded": degraded,
            "degradedSinceMs": self._degraded_since_ms,
            "reasons": ["event_loop_delay"] if degraded else [],
            "intervalMs": round(interval_ms / len(delays)) if delays else 0,
            "delayP99Ms": round(delays[(len(delays) - 1) * 99 // 100], 1) if delays else 0,
            "delayMaxMs": round(delays[-1], 1) if delays else 0,
            "utilization": min(1.0, ratio),
            "cpuCoreRatio": ratio,
        }
