"""`python -m tests.bench [ROW ...] [--json] [--rounds N] [--seconds S]`: run rows, print bar and measured.

Exit status 1 when a bar is missed, 0 otherwise; a skipped row says why and misses nothing.
"""

import argparse
import json
import os
import platform
import sys
from typing import Any

from tests.bench.registry import Measured, Row, Settings, find_rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure clawgate against its peers.")
    parser.add_argument("rows", nargs="*", type=int, help="row numbers; all by default")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--rounds", type=int, default=Settings().rounds, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=Settings().seconds, help="of load per peer and round")
    parser.add_argument("--list", action="store_true", help="only say which rows there are")
    arguments = parser.parse_args()
    rows = find_rows()
    unknown = [number for number in arguments.rows if number not in rows]
    if unknown:
        parser.error(f"no row {unknown[0]}; there are {', '.join(map(str, rows))}")
    chosen = [rows[number] for number in arguments.rows] or list(rows.values())
    if arguments.list:
        for row in chosen:
            print(f"{row.number:3}  {row.title}")
        return 0
    report: list[dict[str, Any]] = []
    missed = False
    for place, row in enumerate(chosen):
        if sys.stderr.isatty():
            print(
                f"\r\033[K[{'#' * place}{' ' * (len(chosen) - place)}] {row.title}", end="", file=sys.stderr, flush=True
            )
        measured = row.measure(Settings(arguments.rounds, arguments.seconds))
        show_progress("")
        if not arguments.json:
            print_row(row, measured)
        bars = [bar_report(row, measured, i) for i in range(len(row.bars))]
        missed |= not measured.skipped and any(not bar["holds"] for bar in bars)
        report.append(
            {
                "row": row.number,
                "title": row.title,
                "bars": bars,
                "detail": dict(measured.detail),
                "skipped": measured.skipped,
            }
        )
    if arguments.json:
        print(json.dumps({"machine": describe_machine(), "rows": report}, indent=2))
    return int(missed)


def describe_machine() -> dict[str, str | int | None]:
    """An interpreter of the distribution's is built with profiles, which one built at home mostly is not."""
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "interpreter": "the distribution's" if sys.base_prefix == "/usr" else "another than the distribution's",
    }


def show_progress(text: str) -> None:
    """One line that is written over, for people only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def bar_report(row: Row, measured: Measured, index: int) -> dict[str, Any]:
    bar = row.bars[index]
    figure = measured.figures.get(bar.name)
    return {"name": bar.name, "bar": f"{bar.relation} {bar.limit:g}", "measured": figure, "holds": bar.holds(figure)}


def print_row(row: Row, measured: Measured) -> None:
    print(f"{row.number:3}  {row.title}")
    if measured.skipped:
        print(f"       skipped: {measured.skipped}")
    else:
        for index, bar in enumerate(row.bars):
            report = bar_report(row, measured, index)
            figure = "-" if report["measured"] is None else f"{report['measured']:.4g}"
            print(f"       {bar.name:<34} {report['bar']:>10}   {figure:>9}  {'ok' if report['holds'] else 'MISSED'}")
    for name, value in measured.detail.items():
        print(f"         {name}: {value}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
