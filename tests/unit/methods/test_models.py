"""No model is configured, and no answer says otherwise."""

from unittest.mock import Mock

import pytest

from gw.methods.models import NO_MODEL, Models
from gw.session.runner import PlainRunner
from tests.support import openclaw
from tests.unit.methods.plain import FixedClock, ask


def test_the_only_one_listed_says_that_there_is_none() -> None:
    (model,) = ask(Models(FixedClock()), "models.list", {"view": "configured"})["models"]
    assert f"{model['provider']}/{model['id']}" == NO_MODEL
    assert model["name"] == "No model configured"


def test_it_is_what_answers_really_carry() -> None:
    outcome = PlainRunner().run(Mock(), Mock())
    assert f"{outcome.provider}/{outcome.model}" == NO_MODEL


def test_no_provider_has_credentials() -> None:
    assert ask(Models(FixedClock(5)), "models.authStatus") == {"ts": 5, "providers": [], "providerCapabilities": []}


@pytest.mark.openclaw
def test_the_answer_fits_the_published_schema() -> None:
    assert openclaw.problems("ModelsListResult", ask(Models(FixedClock()), "models.list")) == []
