"""The guard: silent without changes, and the same answer for every action while a change is open."""

from gw.defender.guards import GUARDS
from gw.defender.guards.base import Services
from gw.defender.guards.integrity import IntegrityGuard
from gw.defender.integrity.baseline import Baseline, FileState
from gw.defender.integrity.watcher import Watch, Watcher
from gw.model.action import Action
from gw.model.decision import PolicyRef
from gw.policy.compiled import CompiledPolicy

ACTION = Action("a", "chat.send", (), "0" * 64, 0)
POLICY = CompiledPolicy(
    PolicyRef("test", 1, "0"), host=({"watch": ({"id": "host.x", "paths": ("/x",), "on_change": {"points": 55}},)},)
)


class Clock:
    def now_ms(self) -> int:
        return 5

    def monotonic(self) -> float:
        return 0.0


def test_there_is_no_guard_without_a_watcher() -> None:
    assert GUARDS["integrity"](Services(Clock())) is None
    assert GUARDS["integrity"](Services(Clock(), watcher=Watcher())) is not None


def test_silent_without_changes() -> None:
    assert not list(IntegrityGuard(Watcher(), Clock()).inspect(ACTION, (), POLICY))


def test_every_action_feels_an_open_change() -> None:
    watcher = Watcher()
    watcher.observe([Watch("host.x", ("/x",))], Baseline(0, {}), {("host.x", "/x"): FileState("a", 0, 0, 0, 0)}, 1)
    guard = IntegrityGuard(watcher, Clock())
    for _ in range(10):
        assert [(finding.rule, finding.points) for finding in guard.inspect(ACTION, (), POLICY)] == [("host.x", 55)]
