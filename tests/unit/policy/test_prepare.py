"""gw/policy/prepare: every pattern of a policy, as the engine gets it."""

from pathlib import Path

from gw.policy.loader import load, shipped
from gw.policy.prepare import patterns_of, shipped_policies


def test_all_patterns_of_a_policy_are_collected() -> None:
    policy, _ = load([shipped() / "default"])
    assert (
        len(patterns_of([shipped() / "default"])) == sum(len(found.indexes) for found in policy.scanners.values()) > 99
    )


def test_a_broken_policy_gives_what_it_has_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nkind: policy\nid: a\nnonsense: [")
    assert patterns_of([tmp_path]) == []


def test_the_profiles_count_as_shipped_too() -> None:
    names = {path.name for path in shipped_policies()}
    assert {"default", "coding.yaml", "port-1.7.yaml"} <= names
