import errno
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from gw import hub
from gw.ledger.decisions import DecisionLog, read_latest
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.redact import KEY_BYTES, Redactor
from gw.ledger.sink import LedgerSink
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Decision, Finding, PolicyRef, Span, Verdict

P = ParamSpec("P")
R = TypeVar("R")


class FullDisk:
    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        raise OSError(errno.ENOSPC, "No space left on device")


def decision(verdict: Verdict, name: str = "dec_1") -> Decision:
    return Decision(
        name, "a", "m", "d" * 64, verdict, verdict, verdict, 9, (Finding("r", 9, "leak", part=0, span=Span(0, 2)),),
        PolicyRef("p", 1, "e"), "enforce", 1, 1_700_000_000_000,
    )  # fmt: skip


ACTION = Action("a", "m", (Part(PartKind.COMMAND, "", "abcd"),), "d" * 64, 4)


def sink(folder: Path, masked: frozenset[str] = frozenset()) -> LedgerSink:
    log = DecisionLog(folder / "log", Direct())
    log.open()
    return LedgerSink(log, Quarantine(folder / "q", Direct()), Redactor(bytes(KEY_BYTES)), lambda: masked)


@pytest.mark.parametrize(("verdict", "kept"), [(Verdict.ALLOW, 0), (Verdict.REVIEW, 1), (Verdict.BLOCK, 1)])
def test_blocks_and_holds_are_in_both_ledgers_when_record_returns(tmp_path: Path, verdict: Verdict, kept: int) -> None:
    ledgers = sink(tmp_path)
    ledgers.record(decision(verdict), ACTION)
    assert len(list(read_latest(tmp_path / "log", 9))) == kept
    assert len(ledgers.quarantine.list()) == kept
    ledgers.log.flush()
    assert len(list(read_latest(tmp_path / "log", 9))) == 1


def test_the_decision_log_masks_what_the_policy_says_and_quarantine_keeps_it(tmp_path: Path) -> None:
    ledgers = sink(tmp_path, frozenset(("leak",)))
    ledgers.record(decision(Verdict.BLOCK), ACTION)
    (row,) = read_latest(tmp_path / "log", 9)
    assert row["parts"][0]["text"].endswith("]cd") and "ab" not in row["parts"][0]["text"].replace("redacted", "")[:4]
    entry = ledgers.quarantine.get("dec_1")
    assert entry is not None and entry["parts"][0]["text"] == "abcd"


def test_what_a_full_disk_refuses_waits_and_is_written_later(tmp_path: Path) -> None:
    ledgers = sink(tmp_path)
    good, ledgers.quarantine = ledgers.quarantine, Quarantine(tmp_path / "q", FullDisk())
    for name in ("dec_1", "dec_2"):
        ledgers.record(decision(Verdict.BLOCK, name), ACTION)
    assert good.list() == [] and ledgers.unquarantined == 0
    ledgers.quarantine = good
    ledgers.flush()
    assert {entry["id"] for entry in good.list()} == {"dec_1", "dec_2"}
    assert len(list(read_latest(tmp_path / "log", 9))) == 2


def test_the_number_of_waiting_entries_is_bounded_and_losses_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gw.ledger.sink.MAX_WAITING", 2)
    ledgers = sink(tmp_path)
    good, ledgers.quarantine = ledgers.quarantine, Quarantine(tmp_path / "q", FullDisk())
    for name in ("dec_1", "dec_2", "dec_3"):
        ledgers.record(decision(Verdict.BLOCK, name), ACTION)
    assert ledgers.unquarantined == 1
    ledgers.quarantine = good
    ledgers.flush()
    assert {entry["id"] for entry in good.list()} == {"dec_2", "dec_3"}


def test_an_entry_another_greenlet_wrote_meanwhile_is_no_failure(tmp_path: Path) -> None:
    ledgers = sink(tmp_path)
    for _ in range(2):
        ledgers.record(decision(Verdict.BLOCK), ACTION)
    assert len(ledgers.quarantine.list()) == 1


def test_many_at_once_write_one_entry_each(tmp_path: Path) -> None:
    """Writers wait for the disk at the same time; none does another's work, or the work would grow with its square."""
    writes: list[object] = []

    class SlowDisk(Direct):
        def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
            writes.append(job)
            hub.sleep(0.001)
            return super().run(job, *args, **kwargs)

    ledgers = sink(tmp_path)
    ledgers.quarantine = Quarantine(tmp_path / "q", SlowDisk())
    tasks = [hub.spawn(ledgers.record, decision(Verdict.BLOCK, f"dec_{i}"), ACTION) for i in range(20)]
    for task in tasks:
        task.join(30)
    assert len(ledgers.quarantine.list()) == len(writes) == 20
