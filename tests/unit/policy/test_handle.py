from gw.errors import PolicyError
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy
from gw.policy.handle import PolicyHandle
from tests.support.policies import policy_of

PROBLEM = Problem("f", 1, 1, "c", "m")


def policy(digest: str) -> CompiledPolicy:
    from dataclasses import replace

    one = policy_of("")
    return replace(one, ref=one.ref._replace(digest=digest))


def test_a_swap_counts_and_brings_its_warnings() -> None:
    handle = PolicyHandle(policy("a"))
    assert (handle.generation, handle.current.ref.generation) == (1, 1)
    assert handle.swap(policy("b"), [PROBLEM])
    assert (handle.generation, handle.current.ref.generation, handle.current.ref.digest) == (2, 2, "b")
    assert handle.warnings == (PROBLEM,)


def test_the_same_policy_is_not_a_swap() -> None:
    handle = PolicyHandle(policy("a"))
    assert not handle.swap(policy("a"))
    assert handle.generation == 1


def test_a_failed_reload_keeps_the_last_good_one_and_its_reason() -> None:
    handle = PolicyHandle(policy("a"))
    handle.failed(PolicyError([PROBLEM]))
    assert handle.current.ref.digest == "a" and handle.failure == (PROBLEM,)
    assert handle.swap(policy("b"))
    assert handle.failure == ()
