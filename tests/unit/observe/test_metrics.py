"""The metric table, its closed labels, and the page a scraper gets."""

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gw.observe.metrics import METRICS, OTHER, Kind, Metrics, Row


@pytest.mark.parametrize("row", METRICS, ids=lambda row: row.name)
def test_rows_follow_the_naming_rules(row: Row) -> None:
    assert row.name.startswith("clawgate_") and row.help.endswith(".")
    assert (row.kind is Kind.COUNTER) == row.name.endswith("_total")
    assert bool(row.buckets) == (row.kind is Kind.HISTOGRAM)
    for label in row.labels:
        assert bool(label.values) != bool(label.limit), "closed or bounded, not both"


def test_cells_are_kept_and_counted() -> None:
    metrics = Metrics()
    cell = metrics.cell("clawgate_frames_total", "in", "req")
    cell.value += 2
    metrics.add("clawgate_frames_total", "in", "req", by=3)
    assert metrics.value("clawgate_frames_total", "in", "req") == 5
    assert metrics.value("clawgate_connections_total") == 0


def test_labels_outside_the_table_are_refused_or_folded() -> None:
    metrics = Metrics()
    with pytest.raises(ValueError, match="not in the table"):
        metrics.add("clawgate_frames_total", "in", "gossip")
    with pytest.raises(KeyError):
        metrics.add("clawgate_nope_total")
    with pytest.raises(ValueError):
        metrics.add("clawgate_frames_total", "in")
    with pytest.raises(ValueError, match="has labels"):
        metrics.watch("clawgate_frames_total", lambda: 1.0)
    for n in range(100):
        metrics.add("clawgate_overload_total", f"place-{n}")
    assert metrics.value("clawgate_overload_total", OTHER) == 100 - 32
    metrics.add("clawgate_overload_total", "place-3")
    assert metrics.value("clawgate_overload_total", "place-3") == 2


def test_a_scrape_holds_every_metric_in_prometheus_form() -> None:
    metrics = Metrics()
    metrics.add("clawgate_decisions_total", "block", "allow", "audit")
    metrics.watch("clawgate_connections", lambda: 7)
    for seconds in (0.00001, 0.0005, 9.0):
        metrics.histogram("clawgate_eval_seconds").observe(seconds)
    page, content_type = metrics.scrape()
    assert content_type.startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }
    labels = (("enforced", "allow"), ("mode", "audit"), ("verdict", "block"))
    assert samples["clawgate_decisions_total", *labels] == 1
    assert samples["clawgate_connections",] == 7
    assert samples["clawgate_eval_seconds_bucket", ("le", "5e-05")] == 1
    assert samples["clawgate_eval_seconds_bucket", ("le", "0.0005")] == 2, "bounds are inclusive"
    assert samples["clawgate_eval_seconds_bucket", ("le", "+Inf")] == 3 == samples["clawgate_eval_seconds_count",]
    assert samples["clawgate_eval_seconds_sum",] == pytest.approx(9.00051)
    assert samples["process_resident_memory_bytes",] > 1e6
    assert {name for name, *_ in samples} >= {row.name for row in METRICS if not row.labels and not row.buckets}


def test_the_client_library_is_not_imported_before_the_first_scrape() -> None:
    code = "import sys; from gw.observe.metrics import Metrics; Metrics(); print('prometheus_client' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
