"""Keys of requests that are no turns: one effect each, over a restart too."""

from pathlib import Path

import pytest

from gw.errors import InvalidRequest, StoreError
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


def test_a_key_that_could_not_be_written_down_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(changes: object) -> None:
        raise StoreError("no space left")

    path = tmp_path / "s.json"
    with house(path) as home:
        with monkeypatch.context() as disk:
            disk.setattr(home.talk.book._store, "commit", refuse)
            with pytest.raises(StoreError):
                home.talk.claimed.claim("a", "d", "k")
        assert home.talk.claimed.claim("b", "d", "k2") is None  # with it goes what is owed
    with house(path) as home:
        assert home.talk.claimed.claim("a", "d", "k") is None
