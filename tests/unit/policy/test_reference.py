from pathlib import Path

from gw.policy.json_schema import MATCHER_DOCS
from gw.policy.reference import TITLES, VALUES, markdown
from gw.policy.schema import SECTIONS, Kind

ROOT = Path(__file__).resolve().parents[3]


def test_every_section_field_and_matcher_is_on_the_page() -> None:
    page = markdown()
    assert set(TITLES) == set(SECTIONS)
    for rows in SECTIONS.values():
        assert all(f"| `{row.name}`" in page for row in rows)
    assert all(f"| `{name}` |" in page for name in MATCHER_DOCS)


def test_every_kind_of_value_is_described() -> None:
    told_otherwise = {Kind.NUMBER, Kind.CHOICE, Kind.CHOICES, Kind.ENTRY, Kind.ENTRIES, Kind.TABLE}
    assert set(VALUES) | told_otherwise == set(Kind)


def test_the_page_in_docs_is_the_current_one() -> None:
    assert (ROOT / "docs" / "policies" / "reference.md").read_text(encoding="utf-8") == markdown()
