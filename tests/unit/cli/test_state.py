import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli.state import command
from gw.errors import StoreError
from gw.session import transfer
from gw.session.backends import backend_for
from gw.session.store import ENTRIES, Put
from tests.unit.session.test_transfer import KEY, filled


def run(*arguments: str) -> tuple[Any, str]:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, str]:
    filled(tmp_path / "sessions.json")
    return "--state", str(tmp_path)


def test_migrate_verify_export(tmp_path: Path, place: tuple[str, str]) -> None:
    target = tmp_path / "moved.sqlite"
    said = run("migrate", str(target), *place)[1]
    assert "1 sessions and 5 transcript lines" in said
    assert f"store: {target}" in said
    assert run("verify", *place)[0] == 0
    config = tmp_path / "clawgate.yaml"
    config.write_text(f"sessions:\n  store: {target}\n")
    status, report = run("verify", "--json", "--config", str(config), *place)
    assert (status, json.loads(report)["sessions"], json.loads(report)["ok"]) == (0, 1, True)
    lines = run("export", *place)[1].splitlines()
    assert [json.loads(line)["key"] for line in lines] == [KEY]


def test_verify_reports_damage(tmp_path: Path, place: tuple[str, str]) -> None:
    (file,) = (tmp_path / "sessions.json.d" / "transcripts").glob("*/s-1.jsonl")
    with file.open("ab") as opened:
        opened.write(b"{broken\n")
    status, report = run("verify", *place)
    assert status == 1
    assert "transcript s-1, line 6: not JSON" in report
    assert "1 problems" in report


def test_verify_names_an_entry_nobody_can_read(tmp_path: Path, place: tuple[str, str]) -> None:
    store = backend_for(tmp_path / "sessions.json")
    store.open()
    store.commit([Put(ENTRIES, "agent:main:odd", b'{"sessionId":"s"}')])
    store.close()
    status, report = run("verify", *place)
    assert status == 1
    assert "session agent:main:odd: its entry cannot be read" in report


def test_export_of_one_session_into_a_private_file(tmp_path: Path, place: tuple[str, str]) -> None:
    output = tmp_path / "out.jsonl"
    assert run("export", "--session", KEY, "--output", str(output), *place)[0] == 0
    assert output.stat().st_mode & 0o077 == 0
    assert len(output.read_text().splitlines()) == 1
    assert run("export", "--session", "none", *place)[0] == 1


def test_a_copy_that_differs_is_an_error(
    tmp_path: Path, place: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "differences", lambda *stores: ["table entry differs"])
    with pytest.raises(StoreError, match="differs from the original: table entry differs"):
        run("migrate", str(tmp_path / "x.sqlite"), *place)


def test_another_users_state_is_left_to_that_user(place: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StoreError, match=r"belongs to \S+: run this as that user, `runuser -u"):
        run("verify", *place)


def test_what_cannot_be_opened_is_said(tmp_path: Path, place: tuple[str, str]) -> None:
    with pytest.raises(StoreError, match="no state at"):
        run("verify", "--state", str(tmp_path / "elsewhere"))
    store = backend_for(tmp_path / "sessions.json")
    store.open()
    with pytest.raises(StoreError, match="in use by another process"):
        run("verify", *place)
    store.close()
