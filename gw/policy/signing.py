"""Signed sets of policies: a manifest of every file's digest, and an Ed25519 signature over it.

Knows no rules. Invariant: a set is accepted only when every policy file in it has the manifest's digest and the
manifest is signed by a trusted key; several keys may be trusted at once, which is how they are rotated.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gw._native.filehash import sha256
from gw.model.problem import Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
KEY_SUFFIX: Final = ".pub"
MAX_MANIFEST_BYTES: Final = 1024 * 1024


class Trust(NamedTuple):
    """Public keys by id (first 16 hex digits of their SHA-256), and whether a set without a signature is refused."""

    keys: Mapping[str, bytes]
    required: bool = False


def key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:16]


def read_trust(folder: Path | None, *, required: bool) -> Trust:
    """Every `*.pub` (base64 of 32 bytes) in *folder*; unreadable ones are left out."""
    keys = {}
    for path in sorted(folder.glob("*" + KEY_SUFFIX)) if folder is not None and folder.is_dir() else ():
        try:
            public = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
        except (OSError, UnicodeDecodeError, binascii.Error):
            continue
        if len(public) == 32:
            keys[key_id(public)] = public
    return Trust(keys, required)


def sign(folder: Path, key: "Ed25519PrivateKey") -> list[str]:
    """Write manifest and signature into *folder*; returns the names signed. Raises OSError."""
    names = policy_files(folder)
    public = public_bytes(key)
    manifest = {
        "version": 1,
        "key": key_id(public),
        "files": {name: _digest(folder / name) for name in names},
    }
    data = json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n"
    (folder / MANIFEST).write_bytes(data)
    (folder / SIGNATURE).write_bytes(base64.b64encode(key.sign(data)) + b"\n")
    return names


def verify(folder: Path, trust: Trust, read: Mapping[Path, str] | None = None) -> list[Problem]:
    """What is wrong with the set; empty when it is signed and whole, or unsigned and that is allowed.

    *read* are digests of files as they were loaded, by resolved path: what was checked is then what is used.
    """
    try:
        data = _read_small(folder / MANIFEST)
        signature = base64.b64decode(_read_small(folder / SIGNATURE).strip(), validate=True)
        manifest: Any = json.loads(data)
        key = trust.keys.get(str(manifest["key"]))
        files = dict(manifest["files"])
    except FileNotFoundError:
        if not trust.required:
            return []
        hint = "sign it: clawgate policy sign"
        return [Problem(str(folder), 0, 0, "signature.missing", "this set is not signed", hint=hint)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Problem(str(folder), 0, 0, "signature.broken", f"unusable manifest or signature: {error}")]
    if key is None:
        message = f"signed with key {manifest['key']}, which is not trusted"
        return [Problem(str(folder / SIGNATURE), 0, 0, "signature.key", message)]
    if not _is_signed(data, signature, key):
        return [Problem(str(folder / SIGNATURE), 0, 0, "signature.wrong", "the signature does not fit the manifest")]
    return _compare(folder, files, read or {})


def policy_files(folder: Path) -> list[str]:
    """Names of every policy and test file below *folder*."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml") if path.is_file())


def public_bytes(key: "Ed25519PrivateKey") -> bytes:
    return key.public_key().public_bytes_raw()


def make_key(path: Path) -> "Ed25519PrivateKey":
    """A new private key in *path* (PEM, mode 600) and its public half beside it. Raises FileExistsError."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    path.with_suffix(KEY_SUFFIX).write_bytes(base64.b64encode(public_bytes(key)) + b"\n")
    return key


def load_key(path: Path) -> "Ed25519PrivateKey":
    """Raises OSError, ValueError."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds no Ed25519 key")
    return key


def _compare(folder: Path, files: Mapping[str, str], read: Mapping[Path, str]) -> list[Problem]:
    present = set(policy_files(folder))
    found = [
        Problem(str(folder / name), 0, 0, "signature.added", "this file is not in the signed manifest")
        for name in sorted(present - files.keys())
    ]
    for name, digest in sorted(files.items()):
        if name not in present:
            found.append(Problem(str(folder / name), 0, 0, "signature.removed", "a signed file is missing"))
        elif (read.get((folder / name).resolve()) or _digest(folder / name)) != digest:
            found.append(Problem(str(folder / name), 0, 0, "signature.changed", "changed since it was signed"))
    return found


def _is_signed(data: bytes, signature: bytes, key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _read_small(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_MANIFEST_BYTES + 1)
    if len(data) > MAX_MANIFEST_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_MANIFEST_BYTES} bytes")
    return data
