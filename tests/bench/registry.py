"""What a benchmark row is, and where the rows are found: every `row_NN_name.py` beside this file has a `ROW`.

A row measures; it never asserts. Its bars are the ones of the performance notes, each a ratio (or a plain figure) of
product against peer inside one run.
"""

import importlib
import operator
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

RELATIONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


class Bar(NamedTuple):
    """One figure that has to hold."""

    name: str
    relation: str  # >= or <=
    limit: float

    def holds(self, measured: float | None) -> bool:
        return measured is not None and RELATIONS[self.relation](measured, self.limit)


class Measured(NamedTuple):
    figures: Mapping[str, float]  # by bar name; a bar without a figure counts as missed
    detail: Mapping[str, Any] = {}  # absolute figures, spreads, versions: whatever helps to read the ratios
    skipped: str = ""  # why nothing could be measured here


class Settings(NamedTuple):
    """How long to take; rows may scale both."""

    rounds: int = 5
    seconds: float = 1.0  # of load per peer and round


class Row(NamedTuple):
    number: int
    title: str
    bars: tuple[Bar, ...]
    measure: Callable[[Settings], Measured]


def find_rows() -> dict[int, Row]:
    package = importlib.import_module("tests.bench")
    rows: dict[int, Row] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("row_"):
            row: Row = importlib.import_module(f"tests.bench.{module.name}").ROW
            rows[row.number] = row
    return dict(sorted(rows.items()))
