"""No model is configured, and no answer says otherwise."""

import pytest

from gw.methods.models import Models
from tests.support import openclaw
from tests.unit.methods.plain import FixedClock, ask


def test_there_are_none() -> None:
    clock = FixedClock(5)
    assert ask(Models(clock), "models.list", {"view": "configured"}) == {"models": []}
    assert ask(Models(clock), "models.authStatus") == {"ts": 5, "providers": [], "providerCapabilities": []}


@pytest.mark.openclaw
def test_the_answer_fits_the_published_schema() -> None:
    assert openclaw.problems("ModelsListResult", ask(Models(FixedClock()), "models.list")) == []
