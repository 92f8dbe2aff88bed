"""Stickiness, acceptance by actor, restarts, and what the findings say."""

import pytest

from gw.defender.integrity.baseline import Baseline, Change, FileState, Key
from gw.defender.integrity.watcher import GROUP, MOST_OPEN, Watch, Watcher, watches
from gw.model.decision import Verdict

FILE = FileState("aa", 0o644, 0, 0, 10)
EVIL = FILE._replace(digest="ee")
KEY: Key = ("host.program", "/usr/lib/x.js")
WATCH = Watch("host.program", ("/usr/lib/*.js",), points=55, floor=Verdict.REVIEW, accept=("package-manager",))
BASE = Baseline(0, {KEY: FILE})


def test_a_change_stays_open_after_the_file_is_put_back() -> None:
    watcher = Watcher()
    assert [change.key for change in watcher.observe([WATCH], BASE, {KEY: EVIL}, 10)] == [KEY]
    assert watcher.observe([WATCH], BASE, {KEY: EVIL}, 11) == []
    assert watcher.observe([WATCH], BASE, {KEY: FILE}, 12) == []
    assert [finding.rule for finding in watcher.findings([WATCH], 13)] == ["host.program"]


def test_only_a_baseline_that_speaks_of_it_closes_it() -> None:
    watcher = Watcher()
    [change] = watcher.observe([WATCH], BASE, {KEY: EVIL}, 10)
    other = BASE.accepting([Change("host.program", "/usr/lib/y.js", "appeared", None, FILE)], 20)
    watcher.observe([WATCH], other, {KEY: EVIL, ("host.program", "/usr/lib/y.js"): FILE}, 21)
    assert list(watcher.open) == [KEY]
    watcher.observe([WATCH], BASE.accepting([change], 20), {KEY: EVIL}, 21)
    assert not watcher.open
    assert list(watcher.findings([WATCH], 22)) == []


def test_restarts_forget_nothing() -> None:
    watcher = Watcher()
    watcher.observe([WATCH], BASE, {KEY: EVIL}, 10)
    again = Watcher()
    again.load(watcher.dump())
    again.observe([WATCH], BASE, {KEY: FILE}, 20)
    assert again.open == watcher.open


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"version": 1, "open": [[1]]}'])
def test_an_unreadable_list_is_a_reason_for_review(data: bytes) -> None:
    watcher = Watcher()
    watcher.load(data)
    [finding] = watcher.findings([WATCH], 0)
    assert (finding.rule, finding.floor) == ("host.baseline", Verdict.REVIEW)


@pytest.mark.parametrize(
    "accept, vouched, maintenance_until_ms, is_open",
    [
        ((), True, 100, True),
        (("package-manager",), True, 0, False),
        (("package-manager",), False, 0, True),
        (("package-manager",), False, 100, True),
        (("operator-shell",), True, 0, True),
        (("operator-shell",), False, 100, False),
        (("operator-shell",), False, 10, True),
    ],
)
def test_actors(accept: tuple[str, ...], vouched: bool, maintenance_until_ms: int, is_open: bool) -> None:
    watcher = Watcher(lambda change: vouched)
    base = Baseline(0, {KEY: FILE}, maintenance_until_ms=maintenance_until_ms)
    watcher.observe([WATCH._replace(accept=accept)], base, {KEY: EVIL}, 10)
    assert bool(watcher.open) == is_open


def test_one_finding_for_many_files_and_no_path_in_it() -> None:
    watcher = Watcher()
    observed = {("host.program", f"/home/u/{number}"): FILE for number in range(3)}
    watcher.observe([WATCH], BASE, observed, 10)
    [finding] = watcher.findings([WATCH], 11)
    assert finding.detail == "4 protected files changed (appeared, missing)"
    assert (finding.points, finding.floor, finding.group) == (55, Verdict.REVIEW, GROUP)


def test_a_floor_may_end_but_the_points_stay() -> None:
    watcher = Watcher()
    watch = WATCH._replace(hold_for_ms=100)
    watcher.observe([watch], BASE, {KEY: EVIL}, 10)
    assert [finding.floor for finding in watcher.findings([watch], 109)] == [Verdict.REVIEW]
    assert [(finding.floor, finding.points) for finding in watcher.findings([watch], 110)] == [(Verdict.ALLOW, 55)]


def test_bounded() -> None:
    watcher = Watcher()
    watcher.observe([WATCH], BASE, {("host.program", str(number)): FILE for number in range(MOST_OPEN + 50)}, 10)
    assert len(watcher.open) == MOST_OPEN


def test_a_watch_that_left_the_policy_is_not_asked_about() -> None:
    watcher = Watcher()
    assert watcher.observe([], BASE, {KEY: EVIL}, 10) == []


def test_watches_of_a_policy() -> None:
    entry = {
        "id": "host.a",
        "paths": ["/x"],
        "title": "T",
        "on_change": {"points": 5, "floor": Verdict.BLOCK, "hold_for": 900_000},
    }
    later = {"id": "host.a", "paths": ["/y"], "accept": ["package-manager"]}
    assert watches([{"watch": [entry]}]) == (Watch("host.a", ("/x",), 5, Verdict.BLOCK, 900_000, (), "T", ()),)
    assert watches([{"watch": [entry]}, {"watch": [later]}, {}]) == (
        Watch("host.a", ("/y",), accept=("package-manager",)),
    )
