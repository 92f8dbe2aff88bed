from gw.ledger.cards import DAY_MS, Card, answers, make_cards


def record(name: str, at: int, verdict: str, *hits: dict[str, object]) -> dict[str, object]:
    return {"id": name, "at": at, "verdict": verdict, "hits": list(hits)}


def test_a_card_counts_what_the_ledgers_say() -> None:
    a, shadow = {"rule": "a"}, {"rule": "b", "live": False}
    cards = make_cards(
        [
            record("1", 5 * DAY_MS, "review", a, shadow),
            record("2", 2 * DAY_MS, "allow", shadow),
            record("3", 3 * DAY_MS, "block", a),
        ],
        frozenset(("1",)),
        frozenset(("3",)),
    )
    assert cards["a"] == Card("a", 2, 0, 2, 1, 1, 3 * DAY_MS, 5 * DAY_MS)
    assert cards["b"] == Card("b", 2, 2, 1, 0, 1, 2 * DAY_MS, 5 * DAY_MS)
    assert (cards["a"].days, cards["b"].days, Card("c").days) == (3, 4, 0)


def test_answers_of_people() -> None:
    events = [{"event": "held", "id": "1"}, {"event": "approved", "id": "1"}, {"event": "denied", "id": "2"}, {}]
    assert answers(events) == (frozenset(("1",)), frozenset(("2",)))
