"""Keys, entries, guards and callers, as every session method sees them."""

from pathlib import Path
from typing import Any

import pytest

from gw.errors import InvalidRequest
from gw.methods import session_desk
from gw.methods.session_desk import SessionDesk
from gw.session.config import SessionConfig
from gw.session.keys import KeyRules
from tests.support.sessions import ADMIN, WRITE, House, house


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with house(tmp_path / "s.json", config=SessionConfig(KeyRules(("main", "ops"), "main"))) as made:
        yield made


@pytest.fixture
def desk(home: House) -> SessionDesk:
    return home.talk.desk


@pytest.mark.parametrize(
    "params, key",
    [
        ({"key": "MAIN"}, "agent:main:main"),
        ({"key": "notes", "agentId": "OPS"}, "agent:ops:notes"),
        ({"key": "agent:ops:x", "agentId": "ops"}, "agent:ops:x"),
    ],
)
def test_keys(desk: SessionDesk, params: dict[str, str], key: str) -> None:
    assert desk.key(params) == key


@pytest.mark.parametrize("params", [{"key": "x", "agentId": "ghost"}, {"key": "agent:main:x", "agentId": "ops"}])
def test_keys_of_nobody(desk: SessionDesk, params: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        desk.key(params)


def test_the_main_session_of_the_same_agent(desk: SessionDesk) -> None:
    assert desk.main_key("agent:ops:x") == "agent:ops:main"
    assert [desk.is_protected(key) for key in ("global", "agent:ops:main", "agent:ops:x")] == [True, True, False]


def test_an_entry_is_made_once(desk: SessionDesk) -> None:
    entry, fresh = desk.get_or_new("agent:main:x")
    assert fresh
    desk.book.put("agent:main:x", entry)
    again, fresh = desk.get_or_new("agent:main:x")
    assert (again["sessionId"], fresh) == (entry["sessionId"], False)
    with pytest.raises(InvalidRequest, match="session not found: typed"):
        desk.need("agent:main:y", "typed")


@pytest.mark.parametrize(
    "params, field",
    [
        ({"expectedSessionId": "other"}, "expectedSessionId"),
        ({"expectedPermissionMode": "full"}, "expectedPermissionMode"),
        ({"expectedPermissionMode": None, "expectedLifecycleRevision": "x"}, "expectedLifecycleRevision"),
    ],
)
def test_what_the_caller_saw_must_still_be_so(desk: SessionDesk, params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        desk.check_expected({"sessionId": "s", "lifecycleRevision": "r"}, params)
    assert refused.value.details == {"reason": "session-changed", "field": field}
    desk.check_expected({"sessionId": "s"}, {"expectedSessionId": "s", "expectedToolOverrides": None})


def test_who_may_cancel(home: House) -> None:
    admin, plain = home.client("a", ADMIN).info, home.client("b", WRITE).info
    assert session_desk.canceller(admin)("anybody")
    assert [session_desk.canceller(plain)(owner) for owner in ("b", "a")] == [True, False]
