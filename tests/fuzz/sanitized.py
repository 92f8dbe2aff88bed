"""The compiled modules once more, with AddressSanitizer and UndefinedBehaviorSanitizer, in a cache outside the tree."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("CLAWGATE_CACHE") or Path.home() / ".cache/clawgate")


def sources() -> list[Path]:
    return [ROOT / "setup.py", *sorted((ROOT / "pyx").glob("*.py*")), *sorted((ROOT / "pyx").glob("*.pxd"))]


def build() -> Path:
    """Return the folder of the modules, built anew when a source has changed."""
    key = hashlib.sha256(sys.version.encode())
    for path in sources():
        key.update(path.read_bytes())
    folder = CACHE / f"sanitized-{key.hexdigest()[:16]}"
    if not (folder / "done").exists():
        for old in CACHE.glob("sanitized-*"):
            shutil.rmtree(old, ignore_errors=True)
        (folder / "source/pyx").mkdir(parents=True)
        for path in sources():
            shutil.copy(path, folder / "source" / path.relative_to(ROOT))
        subprocess.run(
            [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(folder / "lib"), "--build-temp", "temp"],
            cwd=folder / "source",
            env={**os.environ, "GW_BUILD_SANITIZE": "1"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(folder / "source")
        (folder / "done").touch()
    return folder / "lib/gw/_native"


def libraries() -> list[str]:
    """The sanitizers' runtime; empty when the compiler came without it."""
    if shutil.which("gcc") is None:
        return []
    found = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so")
    ]
    return found if all(Path(path).is_absolute() for path in found) else []


def environment() -> dict[str, str]:
    """What a Python that loads those modules needs: the sanitizers' runtime first, and malloc for its own objects."""
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries()),
        "PYTHONMALLOC": "malloc",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Leaks are seen as growth: the interpreter itself never frees everything at its end.
        "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=8:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
