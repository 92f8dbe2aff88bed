"""docs/failures.md names the test of every row; this keeps the names true."""

import re

from tests.arch.sources import ROOT

PAGE = ROOT / "docs" / "failures.md"
ROW = re.compile(r"^\|(?! ?what fails|-)(.+)\|$", re.MULTILINE)
NAME = re.compile(r"`(test_[a-z_]+)`")
FILE = re.compile(r"`((?:tests|plugin)/[\w/.]+\.(?:py|js))`")


def test_every_row_names_a_test_that_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    defined = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        defined |= set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
    rows = [row for row in ROW.findall(text) if "---" not in row]
    assert len(rows) > 20
    assert [row for row in rows if not (NAME.search(row) or FILE.search(row))] == [], "these name no test"
    assert sorted(set(NAME.findall(text)) - defined) == [], "no such tests"
    assert [name for name in FILE.findall(text) if not (ROOT / name).is_file()] == []
