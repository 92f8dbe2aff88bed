"""What has been tampered with and not been acknowledged: state that weighs on every action, not an alert that passes.

Knows no file system and no clock. Invariant: an open change stays open across restarts, and after the file is put back,
until an operator's signed baseline speaks of it; only then, or by an actor the policy accepts, does it close.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from gw.defender.integrity.baseline import Baseline, Change, FileState, Key
from gw.model.decision import Finding, Verdict
from gw.wire import json

VERSION: Final = 1
GROUP: Final = "host"  # several watches are one idea: the host is not what it was
MOST_OPEN: Final = 1000  # an upgrade by hand changes thousands of files; the first thousand say it all


class Watch(NamedTuple):
    """One entry of `host.watch` in a policy."""

    id: str
    paths: tuple[str, ...]
    points: int = 0
    floor: Verdict = Verdict.ALLOW
    hold_for_ms: int = 0  # how long the floor lasts; 0: until acknowledged
    tags: tuple[str, ...] = ()
    say: str = ""
    accept: tuple[str, ...] = ()


def watches(host: Iterable[Mapping[str, Any]]) -> tuple[Watch, ...]:
    """Read a policy's `host:` sections; a later watch of the same id replaces the earlier one."""
    found: dict[str, Watch] = {}
    for section in host:
        for entry in section.get("watch", ()):
            change = entry.get("on_change") or {}
            found[entry["id"]] = Watch(
                entry["id"],
                tuple(entry["paths"]),
                change.get("points", 0),
                change.get("floor", Verdict.ALLOW),
                change.get("hold_for", 0),
                tuple(change.get("tags", ())),
                change.get("say") or entry.get("title", ""),
                tuple(entry.get("accept", ())),
            )
    return tuple(found.values())


class Tamper(NamedTuple):
    kind: str
    seen_ms: int


class Watcher:
    """`vouched(change)` says that the host's package manager brought the file as it is now."""

    def __init__(self, vouched: Callable[[Change], bool] = lambda change: False) -> None:
        self.open: dict[Key, Tamper] = {}
        self.problem = ""  # why the host cannot be vouched for at all, e.g. an unsigned baseline
        self._vouched = vouched

    def observe(
        self, watched: Iterable[Watch], baseline: Baseline, observed: Mapping[Key, FileState], now_ms: int
    ) -> list[Change]:
        """Compare; return what is newly open. The answer to "since when" is the first time it was seen."""
        accept = {watch.id: watch.accept for watch in watched}
        self.open = {key: tamper for key, tamper in self.open.items() if not baseline.acknowledges(key, tamper.seen_ms)}
        fresh = []
        for change in baseline.diff(observed):
            if change.key in self.open or change.watch not in accept or len(self.open) >= MOST_OPEN:
                continue
            if self._accepted(change, accept[change.watch], baseline, now_ms):
                continue
            self.open[change.key] = Tamper(change.kind, now_ms)
            fresh.append(change)
        return fresh

    def _accepted(self, change: Change, actors: tuple[str, ...], baseline: Baseline, now_ms: int) -> bool:
        if "operator-shell" in actors and now_ms < baseline.maintenance_until_ms:
            return True
        return "package-manager" in actors and self._vouched(change)

    def findings(self, watched: Iterable[Watch], now_ms: int) -> Iterator[Finding]:
        """One finding per watch with open changes; names counts and kinds, never a path under somebody's home."""
        if self.problem:
            yield Finding("host.baseline", group=GROUP, floor=Verdict.REVIEW, detail=self.problem)
        for watch in watched:
            mine = [tamper for (watch_id, _), tamper in self.open.items() if watch_id == watch.id]
            if not mine:
                continue
            newest = max(tamper.seen_ms for tamper in mine)
            held = not watch.hold_for_ms or now_ms < newest + watch.hold_for_ms
            kinds = ", ".join(sorted({tamper.kind for tamper in mine}))
            yield Finding(
                watch.id,
                points=watch.points,
                group=GROUP,
                floor=watch.floor if held else Verdict.ALLOW,
                detail=f"{len(mine)} protected file{'s' if len(mine) > 1 else ''} changed ({kinds})",
                say=watch.say,
                instead="Look with `clawgate integrity diff`; accept with `clawgate integrity accept`.",
                tags=watch.tags,
            )

    def dump(self) -> bytes:
        return json.dumps(
            {"version": VERSION, "open": [[*key, tamper.kind, tamper.seen_ms] for key, tamper in self.open.items()]}
        )

    def load(self, data: bytes) -> None:
        """Take over what was open. An unreadable file is itself a reason for review."""
        try:
            document = json.loads(data)
            if document["version"] != VERSION:
                raise ValueError
            self.open = {(watch, path): Tamper(kind, int(seen_ms)) for watch, path, kind, seen_ms in document["open"]}
        except (ValueError, TypeError, KeyError):
            self.problem = "the list of open changes is unreadable"
