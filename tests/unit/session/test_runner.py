"""The plain runner says the truth and nothing else."""

from gw.session.runner import NO_MODEL_TEXT, PlainRunner, Turn


class Heard:
    aborted = False

    def __init__(self) -> None:
        self.said: list[str] = []

    def text(self, delta: str) -> None:
        self.said.append(delta)


def test_it_answers_at_once_that_no_model_is_configured() -> None:
    feed = Heard()
    outcome = PlainRunner().run(Turn("r", "agent:main:main", "s", "main", "hi"), feed)  # type: ignore[arg-type]
    assert feed.said == [NO_MODEL_TEXT] == [outcome.text]
    assert "No model is configured" in NO_MODEL_TEXT
    assert (outcome.stop, outcome.error, PlainRunner.steerable) == ("stop", None, False)
    PlainRunner().abort("r")
