"""The reference page of the policy language, made from the field table.

Knows nothing of policies' meaning. Invariant: every row of `schema.SECTIONS` and every matcher is on the page.
"""

from typing import Final

from gw.policy.conditions import FIELDS
from gw.policy.json_schema import MATCHER_DOCS
from gw.policy.schema import SECTIONS, Field, Kind

TITLES: Final = {
    "policy": "A policy or pack",
    "rule": "A rule (`deny`, `allow`, `score`)",
    "tune": "`tune`: changes to one rule",
    "test_file": "A test file (`*_test.yaml`)",
    "risk": "`risk`",
    "failure": "`risk.on_failure`",
    "requires": "`requires`",
    "exception": "`exceptions`",
    "override": "`overrides`",
    "host": "`host`",
    "watch": "`host.watch`",
    "on_change": "`host.watch.on_change`",
    "intel": "`intel`",
    "virustotal": "`intel.virustotal`",
    "redact": "`redact`",
    "test": "`tests`",
    "expect": "`tests.expect`",
}
VALUES: Final = {
    Kind.TEXT: "text",
    Kind.NAME: "id",
    Kind.FLAG: "true or false",
    Kind.WORDS: "text or list of texts",
    Kind.VERDICT: "allow, review or block",
    Kind.DURATION: "time, e.g. 15m",
    Kind.DATE: "date, e.g. 2027-01-31",
    Kind.LISTS: "name: list of texts",
    Kind.VERDICTS: "field of `when`: {value: verdict}",
    Kind.POINTS: "field of `when`: {value: points}",
    Kind.COUNTS: "name: number",
    Kind.EXAMPLES: "text, mapping, or a list of them",
    Kind.NODE: "see below",
}


def markdown() -> str:
    """The whole page."""
    lines = [
        "# Policy reference",
        "",
        "Every field a policy may have. Made by `clawgate policy schema --markdown`; `clawgate policy lint` knows the",
        "same table, and editors get it from `policies/schema.json`.",
    ]
    for section, rows in SECTIONS.items():
        lines += ["", f"## {TITLES[section]}", "", "| field | value | meaning |", "|---|---|---|"]
        lines += [_line(row) for row in rows]
    lines += ["", "## Matchers", "", "A rule has one; several in one mapping must all match.", ""]
    lines += ["| matcher | looks for |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(text)} |" for name, text in MATCHER_DOCS.items()]
    lines += ["", "## Fields of `when`", "", ", ".join(f"`{name}`" for name in FIELDS) + ";"]
    lines += ["values are alternatives, `*` is a wildcard, and all fields given must hold. In `unless` and exceptions"]
    lines += ["a matcher may stand beside them; it must cover the whole hit."]
    return "\n".join(lines) + "\n"


def _line(row: Field) -> str:
    name = f"`{row.name}`" + (" (required)" if row.required else "")
    default = f" Default: {row.default}." if row.default is not None else ""
    return f"| {name} | {_cell(_value(row))} | {_cell(row.doc)}.{default} |"


def _value(row: Field) -> str:
    if row.kind is Kind.NUMBER:
        return f"{row.low} to {row.high}"
    if row.kind in (Kind.CHOICE, Kind.CHOICES):
        return ("" if row.kind is Kind.CHOICE else "one or several of ") + ", ".join(row.choices)
    if row.kind in (Kind.ENTRY, Kind.ENTRIES, Kind.TABLE):
        shape = {Kind.ENTRY: "a mapping", Kind.ENTRIES: "a list", Kind.TABLE: "a mapping by id"}[row.kind]
        return f"{shape}: {TITLES[row.section]}"
    return VALUES[row.kind]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
