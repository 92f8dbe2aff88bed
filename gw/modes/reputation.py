"""Builds the VirusTotal look-up when an API key is set, and hashes files for it.

Must not know what reports mean. Invariant: without a key nothing is imported and nothing leaves the machine.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gw import __version__, hub
from gw.config.secrets import read_secret
from gw.config.settings import Settings
from gw.observe.metrics import Metrics
from gw.ports import Clock
from gw.session.durable import replace_file

if TYPE_CHECKING:
    from gw.defender.virustotal.lookup import Lookup

HTTP_WORKERS: Final = 2
HTTP_QUEUE: Final = 16
MOST_FILE_BYTES: Final = 64 * 1024 * 1024  # larger ones are not hashed while an action waits
CACHE: Final = "virustotal.json"


def build_reputation(settings: Settings, clock: Clock, metrics: Metrics) -> "Lookup | None":
    """None without a key. Raises ConfigError when the key's file cannot be used."""
    key_file = settings.intel.virustotal_key_file
    if key_file is None:
        return None
    from gw.defender.virustotal.cache import Cache
    from gw.defender.virustotal.lookup import Lookup
    from gw.net.https import Https

    key = read_secret(key_file)
    pool = hub.OffloadPool("http", HTTP_WORKERS, HTTP_QUEUE)
    cache = Cache()
    with contextlib.suppress(OSError):
        cache.load((settings.gateway.state / CACHE).read_bytes(), clock.now_ms())
    return Lookup(
        Https(pool, clock, f"clawgate/{__version__}"),
        clock,
        lambda: key,
        base_url=settings.intel.virustotal_url,
        cache=cache,
        per_minute=settings.intel.virustotal_per_minute,
        on_outcome=lambda outcome: metrics.add("clawgate_intel_requests_total", outcome),
    )


def save_cache(lookup: "Lookup | None", settings: Settings) -> None:
    """Keep the answers over a restart. It is only a cache: a full disk costs nothing but new look-ups."""
    if lookup is not None:
        with contextlib.suppress(OSError):
            replace_file(settings.gateway.state / CACHE, lookup.cache.dump())


def file_digest(path: str) -> str | None:
    """SHA-256 of a regular file of sensible size, None for anything else. Runs in a native pool."""
    from gw._native.filehash import hash_fd

    try:
        descriptor = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_FILE_BYTES:
            return None
        return hash_fd(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
