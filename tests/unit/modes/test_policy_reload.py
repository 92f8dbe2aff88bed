import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.errors import Overloaded, PolicyError
from gw.ledger.direct import Direct
from gw.model.problem import Problem
from gw.modes import policy_reload
from gw.modes.policy_reload import PolicyReload
from gw.observe.metrics import Metrics
from gw.policy.handle import PolicyHandle
from gw.policy.loader import load, seen_at
from gw.policy.signing import Trust

POLICY = (
    "version: 1\nkind: policy\nid: t.p\nscore: [{id: a.b, target: command, prefix: [rm], hit: [rm x], miss: [ls]}]\n"
)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "p.yaml"
        self.file.write_text(POLICY)
        self.metrics = Metrics()
        seen = seen_at([folder])
        self.handle = PolicyHandle(*load([folder]))
        self.trust = Trust({})
        self.reload = PolicyReload(self.handle, lambda: [folder], lambda: self.trust, Direct(), self.metrics, seen)

    def failures(self) -> float:
        return self.metrics.value("clawgate_policy_reload_failures_total")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_changed_policy_is_swapped_in_and_an_equal_one_is_not(bench: Bench) -> None:
    assert not bench.reload.reload()
    bench.file.write_text(POLICY + "mode: audit\n")
    assert bench.reload.reload()
    assert (bench.handle.generation, bench.handle.current.settings.mode) == (2, "audit")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (POLICY.replace("prefix", "prefx"), "did you mean prefix?"),
        (POLICY.replace("miss: [ls]", "miss: [rm y]"), "matches this miss example"),
        ("a: [", "source.syntax"),
    ],
)
def test_a_broken_one_changes_nothing_and_is_said(bench: Bench, text: str, said: str) -> None:
    bench.file.write_text(text)
    with pytest.raises(PolicyError, match=said.replace("?", r"\?")):
        bench.reload.reload()
    assert bench.handle.generation == 1 and bench.failures() == 1
    assert said in str(bench.handle.failure[0])
    bench.file.write_text(POLICY)
    bench.reload.reload()
    assert bench.handle.failure == ()


def test_a_missing_signature_is_a_reason_too(bench: Bench) -> None:
    bench.trust = Trust({}, required=True)
    with pytest.raises(PolicyError, match="not signed"):
        bench.reload.reload()


def test_the_interpreters_switching_is_as_before_afterwards(bench: Bench) -> None:
    before = sys.getswitchinterval()
    bench.file.write_text("a: [")
    with pytest.raises(PolicyError):
        bench.reload.reload()
    assert sys.getswitchinterval() == before


def test_one_reload_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(hub, "sleep", waits.append)

    def second(*arguments: object) -> None:
        with pytest.raises(Overloaded):
            bench.reload.reload()
        assert len(waits) == policy_reload.MOST_WAITS
        raise PolicyError([Problem("f", 1, 1, "c", "m")])

    monkeypatch.setattr(policy_reload, "_load_checked", second)
    with pytest.raises(PolicyError):
        bench.reload.reload()


def watch(bench: Bench, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Run the watcher through *steps*, one before each poll; then it ends."""
    waiting = iter([*steps, None])

    class Done(Exception):
        pass

    def sleep(seconds: float) -> None:
        step = next(waiting, None)
        if step is None:
            raise Done
        step()

    monkeypatch.setattr(hub, "sleep", sleep)
    with pytest.raises(Done):
        bench.reload.watch()


def write(bench: Bench, text: str) -> Callable[[], object]:
    def change() -> None:
        bench.file.write_text(text)
        stamp = bench.file.stat().st_mtime_ns + 10_000_000
        os.utime(bench.file, ns=(stamp, stamp))

    return change


def nothing() -> None:
    pass


def test_a_change_before_the_watching_began_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write(bench, POLICY + "mode: audit\n")()
    watch(bench, monkeypatch, nothing, nothing, nothing)
    assert bench.handle.generation == 2


def test_a_change_is_read_once_the_files_stay_still(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(bench, monkeypatch, write(bench, "half"), write(bench, POLICY + "mode: audit\n"))
    assert (bench.handle.generation, bench.failures()) == (1, 0)
    watch(bench, monkeypatch, write(bench, POLICY + "mode: enforce\n"), nothing, nothing, nothing)
    assert bench.handle.generation == 2


def test_a_broken_change_is_tried_once_and_the_next_one_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    watch(
        bench,
        monkeypatch,
        write(bench, "a: ["),
        nothing,
        nothing,
        nothing,
        write(bench, POLICY + "mode: audit\n"),
        nothing,
    )
    assert bench.failures() == 1
    assert bench.handle.current.settings.mode == "audit"


def test_a_change_that_nobody_had_time_for_is_read_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    load_checked = policy_reload._load_checked
    full = iter((True, False))

    def load_in_time(*arguments: Any) -> Any:
        if next(full):
            raise Overloaded("files")
        return load_checked(*arguments)

    monkeypatch.setattr(policy_reload, "_load_checked", load_in_time)
    watch(bench, monkeypatch, write(bench, POLICY + "mode: audit\n"), nothing, nothing)
    assert bench.handle.generation == 2


def test_a_new_file_in_the_folder_is_a_change(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = "version: 1\nkind: policy\nid: t.extra\nmode: audit\n"
    watch(bench, monkeypatch, lambda: (bench.file.parent / "z.yaml").write_text(extra), nothing)
    assert bench.handle.current.ref.name == "t.extra"
