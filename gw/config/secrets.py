"""Secrets from files: a `*_file` key, a service credential, or one that is generated on first use.

Must not know what a secret opens. Invariant: a secret is never in a message, a log line or a settings value, and a
file that everybody could read, or others could change, is refused rather than used.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from gw.errors import ConfigError
from gw.model.problem import Problem

MAX_SECRET_BYTES = 4096
GENERATED_BYTES = 24
# Others may do nothing and the group may read at most: the package gives its token to the service's own group.
FORBIDDEN_MODE = 0o037
MISSING_HINT = "is --state right? if so, put the secret into this file, mode 600"


def read_secret(path: Path) -> str:
    """The file's first line without white space around it. Raises ConfigError when it is absent, open to others or
    empty."""
    try:
        # Opened once and checked by descriptor, so that the file checked is the file read.
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        hint = MISSING_HINT if isinstance(error, FileNotFoundError) else ""
        raise _unusable(path, f"cannot read: {error.strerror}", hint) from None
    if not stat.S_ISREG(facts.st_mode):
        raise _unusable(path, "not a regular file")
    if facts.st_mode & FORBIDDEN_MODE:
        raise _unusable(path, f"open to others (mode {facts.st_mode & 0o777:o})", f"chmod 600 {path}")
    if len(data) > MAX_SECRET_BYTES:
        raise _unusable(path, f"larger than {MAX_SECRET_BYTES} bytes")
    try:
        text = data.decode().split("\n", 1)[0].strip()
    except UnicodeDecodeError:
        raise _unusable(path, "not UTF-8 text") from None
    if not text:
        raise _unusable(path, "empty")
    return text


def credential_file(name: str, environ: Mapping[str, str]) -> Path | None:
    """The service manager's file for a credential (systemd `LoadCredential=`), when there is one."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / name
    return path if path.is_file() else None


def ensure_token(path: Path) -> bool:
    """Write a random token to `path` (mode 600) unless it exists; True when this call made it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unusable(path, f"cannot write: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(os.urandom(GENERATED_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def secret_file(chosen: Path | None, name: str, state: Path, environ: Mapping[str, str]) -> Path:
    """Which file holds the secret `name`: the setting, else the service credential, else `state/name`."""
    return chosen or credential_file(name, environ) or state / name


def _unusable(path: Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError([Problem(str(path), 0, 0, "config.secret", message, hint=hint)])
