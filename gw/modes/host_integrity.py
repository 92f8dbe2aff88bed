"""Keeps the watcher's picture of the host true: a sweep before the first action, one after every change heard of, and a
slow one regardless.

Must not know how actions are judged. Invariant: without a signed baseline nothing is claimed about the host; with one,
a sweep that fails is itself a reason for review, and open changes are on disk before the sweep is over.
"""

import errno
import logging
import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from gw._native import filehash
from gw.config.settings import Settings
from gw.defender.integrity.baseline import Baseline, Change, FileState, Key
from gw.defender.integrity.dpkg import vouching
from gw.defender.integrity.keys import verifier
from gw.defender.integrity.watched import absolute, all_files, fixed_folder
from gw.defender.integrity.watcher import Tamper, Watch, Watcher, watches
from gw.errors import Expired, Overloaded, StoreError
from gw.hub import BoundedQueue, sleep
from gw.ledger.files import make_folder
from gw.net.inotify import Inotify
from gw.policy.compiled import CompiledPolicy
from gw.ports import Clock, Offload
from gw.session.durable import replace_file

logger = logging.getLogger(__name__)

FOLDER: Final = "integrity"  # below the state folder
BASELINE: Final = "baseline"
OPEN: Final = "open.json"
SYSTEM_KEY: Final = Path("/etc/clawgate/integrity.key")
QUIET_S: Final = 0.3  # an upgrade writes many files; look once it pauses
LOGIN_UID: Final = 1000
MOST_HOMES: Final = 100
CANNOT_LOOK: Final = frozenset((errno.EACCES, errno.EPERM))


def key_file(settings: Settings) -> Path:
    """The private key that signs baselines; its public half is beside it, ending in .pub."""
    chosen = settings.integrity.key_file
    if chosen is not None:
        return chosen
    if os.geteuid() == 0 or SYSTEM_KEY.with_suffix(".pub").exists():
        return SYSTEM_KEY
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "clawgate" / SYSTEM_KEY.name


def baseline_file(settings: Settings) -> Path:
    return settings.gateway.state / FOLDER / BASELINE


def load_baseline(settings: Settings) -> Baseline | None:
    """None when there is none yet. Raises StoreError for one that cannot be trusted."""
    try:
        data = baseline_file(settings).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the integrity baseline cannot be read: {error.strerror}") from None
    try:
        public = key_file(settings).with_suffix(".pub").read_bytes()
    except OSError as error:
        raise StoreError(f"the integrity public key cannot be read: {error.strerror}") from None
    return Baseline.load(data, verifier(public))


def open_changes(settings: Settings) -> dict[Key, Tamper]:
    """What the service has seen and nobody has accepted, from its file."""
    watcher = Watcher()
    try:
        watcher.load((settings.gateway.state / FOLDER / OPEN).read_bytes())
    except OSError:  # none yet, or not ours to read: then only what differs now is shown
        return {}
    return watcher.open


def homes() -> tuple[str, ...]:
    """Home folders of people and of root: what `~` means in a watch."""
    found = {user.pw_dir for user in pwd.getpwall() if user.pw_uid == 0 or user.pw_uid >= LOGIN_UID}
    return tuple(sorted(home for home in found if home.startswith("/") and home != "/nonexistent"))[:MOST_HOMES]


class Observer:
    """Looks at the files of watches; remembers the last rows, so that an unchanged file is not read again."""

    def __init__(self) -> None:
        self._rows: dict[str, filehash.Row] = {}
        self.folders: frozenset[str] = frozenset()
        self.unseen = 0  # protected files that this process may not look at

    def look(self, watched: Iterable[Watch], before: Mapping[Key, FileState]) -> dict[Key, FileState]:
        """Runs in a native pool. What may not be looked at keeps its state from *before*. Raises StoreError."""
        of_watch = {watch.id: absolute(watch.paths, homes()) for watch in watched}
        owners: dict[str, list[str]] = {}
        for watch_id, patterns in of_watch.items():
            for path in all_files(patterns):
                owners.setdefault(path, []).append(watch_id)
        # Files of the picture that no pattern finds any more: gone, or out of sight.
        for watch_id, path in before:
            if watch_id in of_watch and watch_id not in owners.setdefault(path, []):
                owners[path].append(watch_id)
        paths = sorted(owners)
        rows = filehash.sweep([os.fsencode(path) for path in paths], [self._rows.get(path) for path in paths])
        self._rows = {path: row for path, row in zip(paths, rows, strict=True) if not row[0]}
        folders = {fixed_folder(pattern) for patterns in of_watch.values() for pattern in patterns}
        self.folders = frozenset(folders | {str(Path(path).parent) for path in self._rows})
        observed: dict[Key, FileState] = {}
        self.unseen = 0
        for path, row in zip(paths, rows, strict=True):
            state = _state(row)
            hidden = state is None and _is_hidden(path, row[0])
            self.unseen += hidden
            for watch_id in owners[path]:
                known = before.get((watch_id, path)) if hidden else state
                if known is not None:
                    observed[watch_id, path] = known
        return observed


def _state(row: "filehash.Row") -> FileState | None:
    error, kind, digest, mode, uid, gid, size = row[:7]
    if error or kind == filehash.OTHER:
        return None
    return FileState(f"link:{digest}" if kind == filehash.LINK else digest, mode, uid, gid, size)


def _is_hidden(path: str, error: int) -> bool:
    """Whether we may not look (permissions, or a service manager that hides home folders), which is not "gone"."""
    if error in CANNOT_LOOK:
        return True
    home = next((home for home in homes() if path.startswith(home + "/")), None)
    return home is not None and not os.access(home, os.X_OK)


class HostIntegrity:
    """`policy()` returns the policy in force; `files` is the pool for hashing, `store` the one for writing."""

    def __init__(
        self, settings: Settings, policy: Callable[[], CompiledPolicy], clock: Clock, files: Offload, store: Offload
    ) -> None:
        self.watcher = Watcher(vouching())
        self.observer = Observer()
        self._settings = settings
        self._policy = policy
        self._clock = clock
        self._files = files
        self._store = store
        self._heard: BoundedQueue[str] = BoundedQueue(1, "integrity")
        self._open_file = settings.gateway.state / FOLDER / OPEN
        self._restore()

    @property
    def is_active(self) -> bool:
        return self._settings.integrity.enabled and baseline_file(self._settings).exists()

    def status(self) -> dict[str, object]:
        """For `status`: whether the host is watched, and how many changes are open."""
        watcher = self.watcher
        return {
            "active": self.is_active,
            "open": len(watcher.open),
            "unseen": self.observer.unseen,
            "problem": watcher.problem,
        }

    def sweep(self) -> list[Change]:
        """Look once; return what is newly open. A failure makes every action a matter of review until it is mended."""
        if not self.is_active:
            return []
        try:
            baseline = self._files.run(load_baseline, self._settings)
            if baseline is None:
                return []
            watched = watches(self._policy().host)
            observed = self._files.run(self.observer.look, watched, baseline.files)
            before = dict(self.watcher.open)
            fresh = self._files.run(self.watcher.observe, watched, baseline, observed, self._clock.now_ms())
            self.watcher.problem = ""
            if before != self.watcher.open:
                self._store.run(replace_file, self._open_file, self.watcher.dump())
        except (StoreError, OSError, Overloaded) as error:
            self.watcher.problem = str(error) if isinstance(error, StoreError) else "the last look at the host failed"
            logger.error("integrity.failed", extra={"problem": self.watcher.problem})
            return []
        if fresh:
            logger.warning("integrity.changed", extra={"files": len(fresh), "kinds": ",".join({c.kind for c in fresh})})
        return fresh

    def run(self) -> None:
        """Look for ever: when something changed, and every `integrity.sweep_minutes`."""
        ear = self._listen()
        while True:
            try:
                self._heard.get(self._settings.integrity.sweep_minutes * 60)
                sleep(QUIET_S)
            except Expired:
                pass
            self.sweep()
            self._watch_folders(ear)

    def _listen(self) -> Inotify | None:
        try:
            ear = Inotify(self._hear)
        except OSError as error:
            logger.warning("integrity.deaf", extra={"errno": error.errno})  # the slow sweep still looks
            return None
        self._watch_folders(ear)
        return ear

    def _watch_folders(self, ear: Inotify | None) -> None:
        if ear is not None:
            own = str(baseline_file(self._settings).parent)
            for folder in {*self.observer.folders, own} - set(ear.folders):
                ear.watch(folder)

    def _hear(self, folder: str) -> None:
        """On the hub: one pending look is enough, however much was heard."""
        if not len(self._heard):
            self._heard.put(folder)

    def _restore(self) -> None:
        # Made now, so that a baseline that comes later is heard of.
        make_folder(self._open_file.parent)
        try:
            self.watcher.load(self._open_file.read_bytes())
        except FileNotFoundError:
            pass
        except OSError:
            self.watcher.problem = "the list of open changes is unreadable"
