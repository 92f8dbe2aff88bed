import os
from pathlib import Path

import pytest

from gw.ledger.retention import DAY_MS, Keep, prune_decisions, prune_quarantine

NOW_MS = 1_000 * DAY_MS


def write(path: Path, days_old: float, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    at_ns = int((NOW_MS - days_old * DAY_MS) * 1_000_000)
    os.utime(path, ns=(at_ns, at_ns))
    return path


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (Keep(100, 1000), ["a", "b", "c", "d"]),
        (Keep(25, 1000), ["b", "c", "d"]),
        (Keep(100, 25), ["c", "d"]),
        (Keep(100, 0), ["d"]),
        (Keep(0, 1000), []),
    ],
)
def test_the_oldest_go_first_and_the_young_not_for_their_size(tmp_path: Path, keep: Keep, left: list[str]) -> None:
    for name, days in (("a", 30), ("b", 20), ("c", 10), ("d", 1)):
        write(tmp_path / f"day-{name}" / f"{name}.json", days)
    pruned = prune_quarantine(tmp_path, keep, NOW_MS)
    assert sorted(path.stem for path in tmp_path.rglob("*.json")) == left
    assert (pruned.files, pruned.size_bytes) == (4 - len(left), 10 * (4 - len(left)))
    assert sorted(path.name[-1] for path in tmp_path.iterdir()) == left


def test_the_log_in_use_stays(tmp_path: Path) -> None:
    write(tmp_path / "decisions-000000000005.jsonl", 300)
    write(tmp_path / "decisions-000000000009.jsonl", 100)
    write(tmp_path / "decisions.jsonl", 400)
    assert prune_decisions(tmp_path, Keep(200, 1000), NOW_MS).files == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decisions-000000000009.jsonl", "decisions.jsonl"]


def test_nothing_there_yet(tmp_path: Path) -> None:
    assert prune_quarantine(tmp_path / "none", Keep(1, 1), NOW_MS).files == 0
    assert prune_decisions(tmp_path / "none", Keep(1, 1), NOW_MS).files == 0
