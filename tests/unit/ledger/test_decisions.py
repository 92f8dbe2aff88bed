import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from gw.errors import Overloaded
from gw.ledger import chain, decisions
from gw.ledger.decisions import CURRENT, DecisionLog, files_of, read_backwards, read_latest
from gw.ledger.direct import Direct

P = ParamSpec("P")
R = TypeVar("R")


class Failing:
    """An Offload whose jobs fail while `error` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self.error is not None:
            raise self.error
        return job(*args, **kwargs)


def opened(folder: Path, **options: Any) -> DecisionLog:
    log = DecisionLog(folder, options.pop("offload", Direct()), **options)
    log.open()
    return log


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in files_of(folder) for line in path.read_bytes().splitlines()]


def is_chained(folder: Path) -> bool:
    prev, seq = chain.GENESIS, 0
    for path in files_of(folder):
        for line in path.read_bytes().splitlines():
            record, digest = chain.unlink(line)
            if record["prev"] != prev or record["seq"] != seq + 1:
                return False
            prev, seq = digest, record["seq"]
    return True


def test_a_durable_record_takes_those_before_it_along(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log.append({"id": "a"}, durable=False)
    assert lines(tmp_path) == []
    assert log.append({"id": "b"}, durable=True)
    assert [row["id"] for row in lines(tmp_path)] == ["a", "b"]
    assert is_chained(tmp_path)
    assert (tmp_path / CURRENT).stat().st_mode & 0o777 == 0o600


def test_many_waiting_records_force_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "MAX_BATCH", 3)
    log = opened(tmp_path)
    for name in "abcd":
        log.append({"id": name}, durable=False)
    assert [row["id"] for row in lines(tmp_path)] == ["a", "b", "c"]
    log.close()
    assert len(lines(tmp_path)) == 4


@pytest.mark.parametrize("torn", [b"", b'{"seq": 3, "prev"', b"\x00" * 5000])
def test_opening_again_continues_the_chain_and_cuts_a_torn_line(tmp_path: Path, torn: bytes) -> None:
    log = opened(tmp_path)
    log.append({"id": "a"}, durable=True)
    log.append({"id": "b"}, durable=True)
    log.close()
    with (tmp_path / CURRENT).open("ab") as file:
        file.write(torn)
    again = opened(tmp_path)
    again.append({"id": "c"}, durable=True)
    assert [row["id"] for row in lines(tmp_path)] == ["a", "b", "c"]
    assert is_chained(tmp_path)


def test_a_file_that_is_one_torn_line_becomes_empty(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b"x" * 100)
    log = opened(tmp_path)
    log.append({"id": "a"}, durable=True)
    assert [row["seq"] for row in lines(tmp_path)] == [1]


def test_rotation_keeps_the_chain_across_files(tmp_path: Path) -> None:
    log = opened(tmp_path, max_file_bytes=200)
    for number in range(7):
        log.append({"id": str(number)}, durable=True)
    log.close()
    assert len(files_of(tmp_path)) > 2
    assert is_chained(tmp_path)
    opened(tmp_path).append({"id": "next"}, durable=True)
    assert is_chained(tmp_path)
    assert [row["id"] for row in read_latest(tmp_path, 3)] == ["next", "6", "5"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Overloaded("store")])
def test_a_refusing_disk_drops_allows_with_a_count_and_keeps_blocks_until_there_is_space(
    tmp_path: Path, error: Exception
) -> None:
    offload = Failing()
    log = opened(tmp_path, offload=offload)
    offload.error = error
    assert log.append({"id": "allow"}, durable=False)
    assert not log.append({"id": "block"}, durable=True)
    assert log.dropped == 1
    offload.error = None
    assert log.append({"id": "later"}, durable=True)
    assert [row["id"] for row in lines(tmp_path)] == ["block", "later"]
    assert is_chained(tmp_path)
    assert log.written == 2


def test_reading_backwards_in_small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "READ_BYTES", 7)
    path = tmp_path / "x"
    path.write_bytes(b"first line\nsecond\n\nthird and long\nlast")
    assert list(read_backwards(path)) == [b"last", b"third and long", b"second", b"first line"]


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    assert list(read_latest(tmp_path / "none", 5)) == []


def test_flushing_nothing_touches_nothing(tmp_path: Path) -> None:
    offload = Failing()
    log = opened(tmp_path, offload=offload)
    offload.error = OSError("no")
    assert log.flush()
