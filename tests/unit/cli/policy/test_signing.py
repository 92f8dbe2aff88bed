from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli.policy.signing import sign, verify
from gw.errors import PolicyError
from gw.policy.loader import load, shipped
from gw.policy.signing import read_trust


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    (path / "p.yaml").write_text("version: 1\nkind: policy\nid: t.p\n")
    return path


def run(what: Any, *arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(what, [str(one) for one in arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def test_sign_verify_change_verify(folder: Path, tmp_path: Path) -> None:
    code, output, _ = run(sign, folder, "--key", tmp_path / "ops.pem", "--new-key")
    assert code == 0 and "1 file signed with key" in output and "ops.pub" in output
    assert run(verify, folder, "--keys", tmp_path) == (0, "signed and whole\n", "")
    (folder / "p.yaml").write_text("version: 1\nkind: policy\nid: t.q\n")
    code, _, error = run(verify, folder, "--keys", tmp_path)
    assert code == 2 and "changed since it was signed" in error
    assert run(sign, folder, "--key", tmp_path / "ops.pem")[0] == 0
    assert run(verify, folder, "--keys", tmp_path)[0] == 0


def test_a_missing_key_is_said(folder: Path, tmp_path: Path) -> None:
    code, _, error = run(sign, folder, "--key", tmp_path / "none.pem")
    assert code == 2 and "there is no key" in error and "none.pem" in error


def test_loading_refuses_what_is_not_signed_when_it_must_be(folder: Path, tmp_path: Path) -> None:
    trust = read_trust(tmp_path, required=True)
    with pytest.raises(PolicyError, match="not signed"):
        load([folder], trust=trust)
    with pytest.raises(PolicyError, match="not signed"):
        load([folder / "p.yaml"], trust=trust)
    run(sign, folder, "--key", tmp_path / "ops.pem", "--new-key")
    policy, _ = load([folder], trust=read_trust(tmp_path, required=True))
    assert policy.ref.name == "t.p"
    load([shipped() / "default"], trust=trust)


def test_loading_refuses_a_wrong_signature_also_when_none_is_needed(folder: Path, tmp_path: Path) -> None:
    run(sign, folder, "--key", tmp_path / "ops.pem", "--new-key")
    (folder / "p.yaml").write_text("version: 1\nkind: policy\nid: t.q\n")
    with pytest.raises(PolicyError, match="changed since it was signed"):
        load([folder], trust=read_trust(tmp_path, required=False))
    load([folder])
