import base64
import json
from pathlib import Path

import pytest

from gw.policy.signing import (
    MANIFEST,
    SIGNATURE,
    Trust,
    key_id,
    load_key,
    make_key,
    policy_files,
    public_bytes,
    read_trust,
    sign,
    verify,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    (path / "sub").mkdir(parents=True)
    (path / "a.yaml").write_text("a")
    (path / "sub" / "b_test.yaml").write_text("b")
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.mkdir()
    return path


def codes(folder: Path, trust: Trust) -> list[str]:
    return [problem.code for problem in verify(folder, trust)]


def test_a_signed_set_is_accepted_and_any_change_is_named(folder: Path, keys: Path) -> None:
    key = make_key(keys / "ops.pem")
    assert sign(folder, key) == ["a.yaml", "sub/b_test.yaml"]
    trust = read_trust(keys, required=True)
    assert codes(folder, trust) == []
    (folder / "a.yaml").write_text("A")
    (folder / "sub" / "b_test.yaml").unlink()
    (folder / "c.yaml").write_text("c")
    assert codes(folder, trust) == ["signature.added", "signature.changed", "signature.removed"]


def test_the_private_key_is_private_and_loads_again(keys: Path) -> None:
    key = make_key(keys / "ops.pem")
    assert (keys / "ops.pem").stat().st_mode & 0o777 == 0o600
    assert public_bytes(load_key(keys / "ops.pem")) == public_bytes(key)
    with pytest.raises(FileExistsError):
        make_key(keys / "ops.pem")


def test_a_second_key_may_be_trusted_before_the_first_is_dropped(folder: Path, keys: Path) -> None:
    old, new = make_key(keys / "old.pem"), make_key(keys / "new.pem")
    for key in (old, new):
        sign(folder, key)
        assert codes(folder, read_trust(keys, required=True)) == []
    (keys / "new.pub").unlink()
    assert codes(folder, read_trust(keys, required=True)) == ["signature.key"]


def test_only_a_demanded_signature_is_missed(folder: Path, keys: Path) -> None:
    assert codes(folder, Trust({}, required=False)) == []
    assert codes(folder, Trust({}, required=True)) == ["signature.missing"]
    sign(folder, make_key(keys / "a.pem"))
    assert codes(folder, Trust({}, required=False)) == ["signature.key"]


def test_the_signature_covers_the_manifest(folder: Path, keys: Path) -> None:
    sign(folder, make_key(keys / "a.pem"))
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / "a.yaml").write_text("evil")
    manifest["files"]["a.yaml"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert codes(folder, read_trust(keys, required=True)) == ["signature.wrong"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (MANIFEST, b"{"),
        (MANIFEST, b"[]"),
        (MANIFEST, b'{"key": "x"}'),
        (MANIFEST, b"x" * (1024 * 1024 + 1)),
        (SIGNATURE, b"not base64!"),
    ],
)
def test_a_broken_signature_is_refused(folder: Path, keys: Path, name: str, data: bytes) -> None:
    sign(folder, make_key(keys / "a.pem"))
    (folder / name).write_bytes(data)
    assert codes(folder, read_trust(keys, required=False)) == ["signature.broken"]


def test_what_was_read_counts_not_what_is_there_now(folder: Path, keys: Path) -> None:
    sign(folder, make_key(keys / "a.pem"))
    trust = read_trust(keys, required=True)
    read = {(folder / "a.yaml").resolve(): "f" * 64}
    assert [problem.code for problem in verify(folder, trust, read)] == ["signature.changed"]


def test_unusable_public_keys_are_left_out(keys: Path) -> None:
    (keys / "short.pub").write_bytes(base64.b64encode(b"x" * 31))
    (keys / "text.pub").write_text("hello world")
    (keys / "binary.pub").write_bytes(b"\xff")
    good = base64.b64encode(bytes(32)).decode()
    (keys / "good.pub").write_text(good + "\n")
    assert list(read_trust(keys, required=False).keys) == [key_id(bytes(32))]
    assert read_trust(None, required=True) == Trust({}, True)


def test_another_kind_of_key_is_refused(keys: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import x25519

    pem = x25519.X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (keys / "x.pem").write_bytes(pem)
    with pytest.raises(ValueError, match="no Ed25519 key"):
        load_key(keys / "x.pem")


def test_policy_files_are_all_yaml_below(folder: Path) -> None:
    assert policy_files(folder) == ["a.yaml", "sub/b_test.yaml"]
