"""Keys of requests that are no turns: one effect each, over a restart too."""

from pathlib import Path

import pytest

from gw.errors import InvalidRequest
from tests.support.sessions import house


def test_one_effect_per_key_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    with house(path) as home:
        claimed = home.talk.claimed
        assert claimed.claim("a", "d1", "k") is None
        assert claimed.claim("a", "d1", "k") == {"runId": "k", "status": "in_flight"}
        claimed.settle("a", {"messageId": "m"})
        assert claimed.claim("b", "d", "k2") is None
        claimed.release("b")
    with house(path) as home:
        claimed = home.talk.claimed
        assert claimed.claim("a", "d1", "k") == {"messageId": "m"}
        with pytest.raises(InvalidRequest):
            claimed.claim("a", "d2", "k")
        assert claimed.claim("b", "other", "k2") is None
