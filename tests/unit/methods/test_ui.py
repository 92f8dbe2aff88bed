"""Control UI surfaces that answer with what they were asked about."""

from typing import Any

import pytest

from gw.methods.ui import Ui
from tests.support import openclaw
from tests.unit.methods.plain import SERVER, ask

KEY = "agent:main:main"

ECHOES = [
    ("board.get", {"sessionKey": KEY}, {"sessionKey": KEY, "revision": 0, "tabs": [], "widgets": []}),
    ("sessions.viewers.set", {"sessionKeys": [KEY]}, {"sessionKeys": [KEY]}),
    ("mentions.list", {}, {"gatewayInstanceId": "boot-1", "revision": 0, "items": []}),
    ("plugin.surface.refresh", {"surface": "canvas"}, {"surface": "canvas", "pluginSurfaceUrls": {}}),
]


@pytest.mark.parametrize("method, params, answer", ECHOES, ids=[row[0] for row in ECHOES])
def test_echoes(method: str, params: dict[str, Any], answer: Any) -> None:
    assert ask(Ui(SERVER), method, params) == answer


@pytest.mark.parametrize("scopes, role", [(("operator.admin",), "admin"), (("operator.read",), "viewer")])
def test_members_role_follows_the_connection(scopes: tuple[str, ...], role: str) -> None:
    assert ask(Ui(SERVER), "session.members.listEvidence", {"sessionKey": KEY}, scopes)["role"] == role


@pytest.mark.openclaw
def test_members_fit_the_published_schema() -> None:
    answer = ask(Ui(SERVER), "session.members.listEvidence", {"sessionKey": KEY})
    assert openclaw.problems("SessionMembersListEvidenceResult", answer) == []
