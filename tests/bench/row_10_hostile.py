"""The same search over text made of the patterns' own words: what an attacker can make it cost."""

from tests.bench.registry import Bar, Row
from tests.bench.row_09_patterns import measure_hostile

ROW = Row(
    10,
    "200 patterns over 4 KB of their own words",
    (Bar("vs its own ordinary text", "<=", 12), Bar("vs one RE2 Set pass", "<=", 0.1)),
    measure_hostile,
)
