"""Imports every module of ours, and what they load late, from a folder of packages: import-all.py FOLDER."""

import importlib
import pkgutil
import sys

# Loaded inside functions only, so that an idle gateway does not carry them.
LATE = (
    "prometheus_client",
    "requests",
    "rich.console",
    "rich.progress",
    "rich.table",
    "rich.text",
    "rich.tree",
    "sqlite3",
    "tomllib",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "gevent.ssl",
    "gevent.threadpool",
)

sys.path.insert(0, sys.argv[1])

import gw  # noqa: E402

names = [found.name for found in pkgutil.walk_packages(gw.__path__, "gw.") if found.name != "gw.__main__"]
for name in [*names, *LATE]:
    importlib.import_module(name)
print(f"{len(names)} modules of gw and {len(LATE)} late ones import")
