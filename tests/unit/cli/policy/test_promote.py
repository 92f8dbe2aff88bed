import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli.policy import promote as module
from gw.cli.policy.promote import objections, promote, read_cards, report
from gw.ledger.cards import DAY_MS, Card
from gw.ledger.decisions import DecisionLog
from gw.ledger.direct import Direct
from gw.ledger.reviews import ReviewFile
from gw.policy.loader import load

POLICY = "version: 1\nkind: policy\nid: t.p\nscore: [{id: s.shadow, target: command, prefix: [rm], stage: shadow}]\n"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "announce", lambda settings: 0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "p.yaml").write_text(POLICY)
    return tmp_path


def fill(place: Path, days: int, approved: bool = False) -> None:
    log = DecisionLog(place / "state" / "decisions", Direct())
    log.open()
    now = time.time_ns() // 1_000_000
    for number in range(days, -1, -1):
        hit = {"rule": "s.shadow", "points": 25, "live": False}
        log.append(
            {"id": f"dec_{number}", "at": now - number * DAY_MS, "verdict": "allow", "hits": [hit]}, durable=True
        )
    log.close()
    ReviewFile(place / "state" / "reviews", Direct()).open([{"event": "approved", "id": "dec_0"}] if approved else [])


def run(what: Any, place: Path, *arguments: str) -> tuple[int, str, str]:
    options = ["--state", str(place / "state"), "--since", "30d"]
    options += [] if what is report else ["--to", str(place / "live")]
    result = CliRunner().invoke(what, [*arguments, *options], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (Card("r"), ["it never hit"]),
        (Card("r", hits=3, first_ms=1, last_ms=2), ["seen for 1 of 7 days"]),
        (Card("r", hits=3, first_ms=0, last_ms=6 * DAY_MS), []),
        (Card("r", hits=3, overturned=2, first_ms=0, last_ms=6 * DAY_MS), ["people disagreed 2 times"]),
    ],
)
def test_what_speaks_against_a_promotion(card: Card, said: list[str]) -> None:
    assert objections(card) == said


def test_a_rule_that_is_ready_goes_live(place: Path) -> None:
    fill(place, 8)
    code, output, _ = run(promote, place, "s.shadow")
    assert code == 0 and output.startswith("s.shadow is live by")
    policy, _ = load([place / "live"])
    assert policy.rules["s.shadow"].live
    assert run(promote, place, "s.shadow")[1] == "s.shadow is live already\n"


def test_one_that_is_not_stays_unless_forced(place: Path) -> None:
    fill(place, 2, approved=True)
    code, _, error = run(promote, place, "s.shadow")
    assert code == 1
    assert "seen for 3 of 7 days" in error and "people disagreed 1 times" in error
    assert not (place / "live" / "promoted.local.yaml").exists()
    assert run(promote, place, "s.shadow", "--force")[0] == 0


def test_a_second_promotion_is_added(place: Path) -> None:
    (place / "live" / "p.yaml").write_text(
        POLICY.replace("}]", "}, {id: s.two, target: command, prefix: [dd], stage: shadow}]")
    )
    assert run(promote, place, "s.shadow", "--force")[0] == 0
    assert run(promote, place, "s.two", "--force")[0] == 0
    policy, _ = load([place / "live"])
    assert all(rule.live for rule in policy.rules.values())


def test_an_unknown_rule_gets_the_nearest(place: Path) -> None:
    code, _, error = run(promote, place, "s.shadwo")
    assert code == 2 and "did you mean s.shadow?" in error


def test_the_report(place: Path) -> None:
    fill(place, 8)
    assert read_cards(place / "state", "30d")["s.shadow"].hits == 9
    line = run(report, place)[1].split("\t")
    assert line[:3] == ["s.shadow", "9", "9"] and line[-1].startswith("ready: clawgate policy promote s.shadow")
    (card,) = json.loads(run(report, place, "--json")[1])
    assert card["ready"] and card["shadow"] == 9
