#!/bin/bash
# Resolves the wheels of the package for CPython 3.13 on both architectures and writes requirements.txt and
# requirements-build.txt with versions and hashes. Run by hand when dependencies are to move; the result is committed.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

lock() { # lock FILE PACKAGES...
    local file=$1 arch
    shift
    for arch in x86_64 aarch64; do
        python3 -m pip download -q --dest "$work/$file" --python-version 313 --implementation cp --only-binary=:all: \
            --platform "manylinux_2_28_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" "$@"
    done
    {
        echo "# Written by packaging/lock.sh: exact wheels, checked by hash. Do not edit."
        python3 - "$work/$file" <<'PY'
import hashlib, pathlib, sys
from collections import defaultdict
# Named as requirements by what we use, but only for what we do not: Markdown and syntax colours (rich), compiling C (cffi).
unused = {"markdown-it-py", "mdurl", "pygments", "pycparser"}
pins = defaultdict(set)
for wheel in pathlib.Path(sys.argv[1]).glob("*.whl"):
    name, version = wheel.name.split("-")[:2]
    name = name.lower().replace("_", "-")
    if name not in unused:
        pins[name, version].add(hashlib.sha256(wheel.read_bytes()).hexdigest())
for (name, version), hashes in sorted(pins.items()):
    print(f"{name}=={version}" + "".join(f" \\\n    --hash=sha256:{h}" for h in sorted(hashes)))
PY
    } >"$file"
}

lock requirements.txt gevent gevent-websocket pyyaml ujson requests cryptography prometheus-client click rich
lock requirements-build.txt pip setuptools cython
