import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from gw.errors import StoreError
from gw.ledger import decisions
from gw.ledger.decisions import CURRENT, DecisionLog
from gw.ledger.direct import Direct
from gw.ledger.receipts import KEY_FILE, PUBLIC_FILE, Signer, verify


def fill(folder: Path, records: int, **options: int) -> None:
    log = DecisionLog(folder, Direct(), sign=Signer(folder).receipt, **options)
    log.open()
    for number in range(records):
        log.append({"id": f"dec_{number}", "at": number}, durable=number % 3 == 0)
    log.close()


def public(folder: Path) -> bytes:
    return base64.b64decode((folder / PUBLIC_FILE).read_bytes())


def test_a_whole_log_is_confirmed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "RECEIPT_EVERY", 4)
    fill(tmp_path, 10)
    fill(tmp_path, 3)
    report = verify(tmp_path, public(tmp_path))
    assert report.problems == []
    assert (report.records, report.first, report.last) == (13, 1, report.confirmed)
    assert report.receipts >= 4
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_the_chain_goes_through_rotated_files(tmp_path: Path) -> None:
    fill(tmp_path, 12, max_file_bytes=300)
    assert len(list(tmp_path.glob("decisions-*.jsonl"))) > 2
    assert verify(tmp_path, public(tmp_path)).problems == []
    next(iter(sorted(tmp_path.glob("decisions-*.jsonl")))).unlink()
    report = verify(tmp_path, public(tmp_path))
    assert report.problems == [] and report.first > 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines[:2], lines[2].replace(b"dec_1", b"dec_x"), *lines[3:]], "is not the one it names"),
        (lambda lines: [*lines[:2], *lines[3:]], "follows"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "follows"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "follows"),
        (lambda lines: [*lines[:1], b"garbage\n", *lines[1:]], "not a line of this log"),
        (lambda lines: [lines[0].replace(b"0" * 64, b"1" * 64), *lines[1:]], "names a line before it"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"sig":"', b'"sig":"A')], "is not by this key"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"sig"', b'"sog"')], "is not by this key"),
    ],
)
def test_every_change_is_found(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], said: str) -> None:
    fill(tmp_path, 6)
    path = tmp_path / CURRENT
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert any(said in problem for problem in verify(tmp_path, public(tmp_path)).problems)


def test_a_chain_forged_afterwards_has_no_receipts_of_ours(tmp_path: Path) -> None:
    fill(tmp_path / "ours", 3)
    fill(tmp_path / "forged", 3)
    report = verify(tmp_path / "forged", public(tmp_path / "ours"))
    assert report.confirmed == 0 and len(report.problems) == report.receipts
    assert verify(tmp_path / "forged", None).problems == []


def test_the_same_key_is_used_again(tmp_path: Path) -> None:
    keys = {Signer(tmp_path).receipt(1, "x")["receipt"]["key"] for _ in range(2)}
    assert len(keys) == 1


def test_with_an_unusable_key_recording_goes_on_unconfirmed(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("short")
    log = DecisionLog(tmp_path, Direct(), sign=Signer(tmp_path).receipt)
    log.open()
    assert log.append({"id": "dec_1"}, durable=True)
    log.close()
    assert verify(tmp_path, None).receipts == 0
    with pytest.raises(StoreError, match="cannot be used"):
        Signer(tmp_path).receipt(1, "x")


def test_problems_are_bounded(tmp_path: Path) -> None:
    tmp_path.joinpath(CURRENT).write_bytes(b"x\n" * 1000)
    assert len(verify(tmp_path, None).problems) == 100


def test_no_log_yet(tmp_path: Path) -> None:
    report = verify(tmp_path, None)
    assert (report.lines, report.problems) == (0, [])
