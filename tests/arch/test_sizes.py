"""Files stay small enough to be read in one go; a longer one needs a reason here."""

from tests.arch.sources import CYTHON, PYTHON, ROOT, relative

MOST_LINES = 450
REASONS = {}


def test_files_are_small() -> None:
    files = [*PYTHON, *CYTHON, *(ROOT / "pyx").glob("*.pxd")]
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    long = {name: count for name, count in lines.items() if count > MOST_LINES}
    assert sorted(long.keys() - REASONS.keys()) == [], "split by concept, or give a reason in REASONS"
    assert sorted(REASONS.keys() - long.keys()) == [], "short enough now: take them off REASONS"
