"""One look-up says everything about a program."""

from itertools import combinations

from gw.defender.shell.effects import AREAS, EFFECTS
from gw.defender.shell.nested import NESTED
from gw.defender.shell.programs import profile
from gw.defender.shell.wrappers import WRAPPERS


def test_no_program_stands_in_two_tables() -> None:
    for one, other in combinations(AREAS, 2):
        assert not one.EFFECTS.keys() & other.EFFECTS.keys()
    assert not WRAPPERS.keys() & NESTED.keys()


def test_profiles() -> None:
    assert profile("rm").effect is EFFECTS["rm"]
    assert profile("mkfs.btrfs").effect is EFFECTS["mkfs"]
    assert profile("sudo").inner is not None
    assert profile("bash").interpreter
    assert profile("echo").quiet
    assert profile("grep").cites
    assert profile("ls").looks_only
    assert profile("git").escapes
    unknown = profile("no-such-program")
    assert unknown.effect is None and unknown.inner is None and not unknown.passive
