"""Templates of webhooks: names only, text out."""

from typing import Any

import pytest

from gw.routing import hook_mappings
from gw.routing.hook_mappings import Hook

PAYLOAD = {"source": "ci", "job": {"name": "build", "ok": True}, "items": [{"n": 1}, {"n": 2}], "none": None}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{payload.job.name}} {{ job.ok }}", "build true"),
        ("{{items[1].n}}-{{payload.items[5].n}}-{{missing.x}}", "2--"),
        ("{{headers.x-kind}} {{query.q}}", "push 1"),
        ("{{job}} {{none}} {{items}}", "  "),
        ("{{ __import__('os') }} {{7*7}}", "{{ __import__('os') }} {{7*7}}"),
        ("{{job.name.x}}", ""),
    ],
)
def test_fill(template: str, expected: str) -> None:
    scope = {"payload": PAYLOAD, "headers": {"x-kind": "push"}, "query": {"q": "1"}}
    assert hook_mappings.fill(template, scope) == expected


def apply(**row: Any) -> list[Hook]:
    return hook_mappings.apply({"match": {"path": "ci"}, **row}, PAYLOAD, {}, {})


def test_a_mapping_makes_a_turn_or_a_wake_up() -> None:
    assert apply(messageTemplate="{{job.name}}", name="ci {{source}}", deliver=False) == [
        Hook("agent", "build", {"name": "ci ci", "deliver": False})
    ]
    (hook,) = apply(action="wake", textTemplate="{{job.name}}", wakeMode="now")
    assert (hook.action, hook.text, hook.params) == ("wake", "build", {"wakeMode": "now"})


def test_a_mapping_that_says_nothing_asks_for_nothing() -> None:
    assert apply(messageTemplate="{{missing}}") == apply() == apply(messageTemplate="x", forEach="job") == []


def test_one_for_each_item_and_no_more_than_so_many() -> None:
    assert [hook.text for hook in apply(messageTemplate="{{item.n}}", forEach="payload.items")] == ["1", "2"]
    many = {"items": [{"n": n} for n in range(hook_mappings.MOST_ITEMS + 1)]}
    found = hook_mappings.apply({"messageTemplate": "{{item.n}}", "forEach": "items"}, many, {}, {})
    assert len(found) == hook_mappings.MOST_ITEMS


def test_texts_are_bounded() -> None:
    found = hook_mappings.apply({"messageTemplate": "{{x}}"}, {"x": "y" * 30_000}, {}, {})
    assert len(found[0].text) == hook_mappings.MOST_TEXT


@pytest.mark.parametrize(
    ("name", "payload", "found"),
    [("ci", {"source": "b"}, 0), ("ci", {}, 1), ("ci", [], 1), ("other", {}, None), ("", {}, None)],
)
def test_find(name: str, payload: Any, found: int | None) -> None:
    rows = [{"match": {"path": "/ci/", "source": "b"}}, {"match": {"path": "ci"}}]
    assert hook_mappings.find(rows, name, payload) == (None if found is None else rows[found])
