"""Setting up and taking back, against RFC 7396 done slowly."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.modes.beside.openclaw_config import Wanted, in_steps, merge_patch, read_state, setup, undo

WANTED = Wanted("/usr/share/clawgate/plugin", "/run/clawgate/plugin.sock", "clawgate", exec_asks=True)

names = st.sampled_from(["plugins", "tools", "load", "paths", "entries", "exec", "clawgate", "ask", "host", "x"])
leaves = st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["always", "off"]), st.lists(st.text(max_size=2)))
documents = st.dictionaries(names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner), max_leaves=8))
PATHS = st.lists(st.sampled_from(["/a", "/b"]), unique=True)
LAYOUT = st.fixed_dictionaries(
    {},
    optional={
        "plugins": st.fixed_dictionaries(
            {},
            optional={
                "load": st.fixed_dictionaries({}, optional={"paths": PATHS}),
                "allow": st.lists(st.sampled_from(["telegram", "slack"]), unique=True),
                "entries": st.dictionaries(st.sampled_from(["other"]), st.just({"enabled": True})),
            },
        ),
        "tools": st.fixed_dictionaries({}, optional={"exec": st.just({"security": "full", "ask": "off"})}),
    },
)  # fmt: skip


def apply(document: Any, patch: Any) -> Any:
    """RFC 7396 section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply(result.get(name), value)
    return result


@given(documents, documents)
def test_a_patch_turns_one_into_the_other(before: Any, after: Any) -> None:
    patch = merge_patch(before, after)
    assert apply(before, patch) == after
    stepped = before
    for step in in_steps(before, patch):
        stepped = apply(stepped, step)
    assert stepped == after


@given(LAYOUT)
def test_setup_is_taken_back_exactly(before: Any) -> None:
    kept = copy.deepcopy(before)
    after = setup(before, WANTED)
    assert before == kept
    assert setup(after, WANTED) == after
    state = read_state(after)
    assert (state.is_loaded, state.sees_prompts, state.exec_asks) == (True, True, True)
    assert (state.socket, state.review) == (WANTED.socket, "clawgate")
    assert undo(after, before, after) == (before, ())


def test_what_others_changed_since_stays() -> None:
    before = {"plugins": {"load": {"paths": ["/a"]}}}
    after = setup(before, WANTED)
    current = copy.deepcopy(after)
    current["plugins"]["load"]["paths"].append("/mine")
    current["plugins"]["entries"]["other"] = {"enabled": True}
    current["tools"]["exec"]["ask"] = "on-miss"
    document, kept = undo(current, before, after)
    assert document == {
        "plugins": {"load": {"paths": ["/a", "/mine"]}, "entries": {"other": {"enabled": True}}},
        "tools": {"exec": {"ask": "on-miss"}},
    }
    assert kept == ("tools.exec.ask",)


def test_an_allow_list_of_plugins_gets_ours() -> None:
    after = setup({"plugins": {"allow": ["telegram"]}}, WANTED)
    assert after["plugins"]["allow"] == ["telegram", "clawgate"]


@pytest.mark.parametrize(
    "document, loaded",
    [
        ({}, False),
        ({"plugins": {"enabled": False, "entries": {"clawgate": {"enabled": True}}}}, False),
        ({"plugins": {"entries": {"clawgate": {"enabled": False}}}}, False),
        ({"plugins": {"entries": {"clawgate": {"enabled": True}}}}, True),
        ({"plugins": "nonsense", "tools": {"exec": "nonsense"}}, False),
    ],
)
def test_state(document: Any, loaded: bool) -> None:
    state = read_state(document)
    assert state.is_loaded is loaded
    assert state.review == "openclaw" and not state.exec_asks
