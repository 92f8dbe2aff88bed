"""`python -m tests.bench.page REPORT.json [docs/benchmarks.md]`: a bench report as a page, and a plot beside it.

The plot is drawn on a logarithmic scale of "how many times better than the bar": a bar to the right of the line holds,
one to the left misses.
"""

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

WIDTH, LEFT, STEP, TOP = 920, 430, 22, 44
MOST_LABEL = 64  # characters
MOST = 32.0  # times; what is further out is cut, and says so by its number
COLOURS = {True: "#2e7d5b", False: "#b3412f"}
HEAD = """# Benchmarks

Taken with `make bench ARGS=--json` on a shared machine with {cpus} cores ({machine}, Python {python},
{interpreter}); every figure is a ratio of the product and its peers in the same run, or what its name says.
The bar of each row is what the project asks of itself; a missed one is shown as missed.
`python -m tests.bench.page REPORT.json` makes this page.
Peers: gevent-websocket and picows are WebSocket libraries of Python, ws is that of Node.js, openclaw the real gateway.

![how many times better than its bar each figure is](benchmarks.svg)

| row | what | bar | measured | |
|---|---|---|---|---|
"""


class Figure(NamedTuple):
    row: int
    title: str
    name: str
    bar: str  # ">= 3"
    measured: float | None

    @property
    def holds(self) -> bool:
        return self.measured is not None and self.margin >= 1

    @property
    def margin(self) -> float:
        """How many times better than the bar; below 1 it misses."""
        relation, limit = self.bar.split()
        if not self.measured or self.measured < 0:
            return MOST if relation == "<=" else 1 / MOST
        ratio = self.measured / float(limit)
        return ratio if relation == ">=" else 1 / ratio


def figures(report: dict[str, Any]) -> list[Figure]:
    return [
        Figure(row["row"], row["title"], bar["name"], bar["bar"], bar["measured"])
        for row in report["rows"]
        for bar in row["bars"]
    ]


def page(report: dict[str, Any]) -> str:
    """Markdown."""
    lines = [HEAD.format(**report["machine"])]
    skipped = {row["row"]: row["skipped"] for row in report["rows"] if row["skipped"]}
    for one in figures(report):
        shown = "-" if one.measured is None else f"{one.measured:.4g}"
        result = f"not run: {skipped[one.row]}" if one.row in skipped else "holds" if one.holds else "**missed**"
        lines.append(f"| {one.row} | {one.title}: {one.name} | {one.bar} | {shown} | {result} |\n")
    return "".join(lines)


def label_of(one: Figure) -> str:
    room = MOST_LABEL - len(one.name)
    title = one.title.split(",")[0]
    return f"{one.row}  {title if len(title) <= room else title[: max(room - 1, 8)].rstrip() + '...'}: {one.name}"


def plot(shown: Iterable[Figure]) -> str:
    """SVG."""
    rows = [one for one in shown if one.measured is not None]
    height = TOP + STEP * len(rows) + 16
    span = (WIDTH - LEFT - 60) / (2 * math.log2(MOST))
    middle = LEFT + span * math.log2(MOST)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{middle:.0f}" y="16" text-anchor="middle">times better than the bar</text>',
    ]
    for power in range(-4, 6, 2):
        x = middle + span * power
        label = f"{2**power:g}" if power >= 0 else f"1/{2**-power}"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 8}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle" fill="#666666">{label}</text>')
    for index, one in enumerate(rows):
        y = TOP + STEP * index
        margin = min(max(one.margin, 1 / MOST), MOST)
        end = middle + span * math.log2(margin)
        start, size = min(middle, end), max(abs(end - middle), 1.5)
        parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label_of(one))}</text>')
        parts.append(f'<rect x="{start:.1f}" y="{y + 3}" width="{size:.1f}" height="13" fill="{COLOURS[one.holds]}"/>')
        at = (end + 4, "start") if end >= middle else (end - 4, "end")
        parts.append(f'<text x="{at[0]:.1f}" y="{y + 13}" text-anchor="{at[1]}">{one.measured:.3g}</text>')
    parts.append(f'<line x1="{middle}" y1="{TOP - 8}" x2="{middle}" y2="{height - 8}" stroke="#222222"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    if not 2 <= len(sys.argv) <= 3:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    target = Path(sys.argv[2] if len(sys.argv) == 3 else "docs/benchmarks.md")
    target.write_text(page(report), encoding="utf-8")
    target.with_suffix(".svg").write_text(plot(figures(report)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
