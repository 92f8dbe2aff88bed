import errno
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

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


def test_a_full_disk_is_counted_and_never_raised(tmp_path: Path) -> None:
    ledgers = sink(tmp_path)
    ledgers.quarantine = Quarantine(tmp_path / "q", FullDisk())
    ledgers.record(decision(Verdict.BLOCK), ACTION)
    assert ledgers.unquarantined == 1
    assert len(list(read_latest(tmp_path / "log", 9))) == 1
