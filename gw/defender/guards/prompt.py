"""A small linear model over n-grams as one more reason, explained: how far above the line, and which words did it.

Rules with patterns say what is known; this says what resembles it. Two heads: text of users and channels, and text that
tools, pages and files returned, because the same sentence means different things there. Invariant: points come from the
bands of the policy's rule, and a finding carries places and numbers, never words of the text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gw import DATA
from gw.model.action import Action, PartKind
from gw.model.decision import Finding, Span
from gw.model.subject import Subject, View
from gw.policy.compiled import CompiledPolicy
from gw.policy.targets import UNTRUSTED

if TYPE_CHECKING:
    from gw.defender.text import Normalised

FORMAT: Final = "clawgate-prompt-model"
USER_RULE: Final = "prompt.model.user"
TOOL_RULE: Final = "prompt.model.tool"
SCORED_CHARACTERS: Final = 128 * 1024  # of one view; rules see the rest
EXPLAINED_WORDS: Final = 5
_SPACED: Final = 8  # letters; a formula has fewer


class Head(NamedTuple):
    number: int
    scale: float
    bias: float
    window: int  # characters
    damping: float


class Scored(NamedTuple):
    margin: float  # 0 is the line the model was trained to draw
    view: View
    start: int  # the window in the view that scored highest
    end: int


class PromptModel:
    """The weights and what turns their sum into a margin; see docs/prompt-model.md for the file."""

    def __init__(self, content: bytes) -> None:
        header, _, weights = content.partition(b"\n")
        described = json.loads(header)
        if described.get("format") != FORMAT or described.get("version") != 1:
            raise ValueError("not a prompt model of version 1")
        from gw._native.ngrams import Model  # late, with the first text

        self._model = Model(weights)
        self.heads: Mapping[str, Head] = {
            head["name"]: Head(number, head["scale"], head["bias"], head["window"], head["damping"])
            for number, head in enumerate(described["heads"])
        }

    def score(self, candidates: Iterable[View], head: Head) -> Scored | None:
        """The most suspicious window of all views; None without views."""
        best: Scored | None = None
        for view in candidates:
            text = view.text if len(view.text) <= SCORED_CHARACTERS else view.text[:SCORED_CHARACTERS]
            total, count, start, end = self._model.score(text, head.number, head.window, head.damping)
            margin = head.bias + head.scale * total / (count + head.damping) ** 0.5
            if best is None or margin > best.margin:
                best = Scored(margin, view, start, end)
        return best

    def explain(self, scored: Scored, head: Head) -> list[Span]:
        """The words that pushed the score most, strongest first, as places in the original text."""
        text = scored.view.text[:SCORED_CHARACTERS]
        words = self._model.explain(text, head.number, scored.start, scored.end, EXPLAINED_WORDS)
        return [scored.view.span(start, end) for start, end, _ in words]


@cache
def shipped_model() -> PromptModel:
    return PromptModel((DATA / "prompt_model.bin").read_bytes())


def scored_views(text: "Normalised | Subject") -> list[View]:
    """What the model reads: the text, folded where that changed it; what was rejoined; what was encoded."""
    if len(text.views) == 1:
        return list(text.views)
    found = {view.name: view for view in text.views}
    views = [found.get("folded") or text.views[0]]
    if "joined" in found and (text.signals.get("spaced-letters", 0) >= _SPACED or "flood" in text.signals):
        views.append(found["joined"])
    if "decoded" in found:
        views.append(found["decoded"])
    return views


class PromptGuard:
    name = "prompt"
    pure = True
    reads = frozenset((PartKind.PROMPT,))

    def __init__(self, model: PromptModel | None = None) -> None:
        self._model = model

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        for subject in subjects:
            if subject.part.kind is not PartKind.PROMPT:
                continue
            untrusted = subject.action.provenance in UNTRUSTED
            rule, name = (TOOL_RULE, "tool") if untrusted else (USER_RULE, "user")
            bands = policy.parameters(rule).get("bands")
            if bands:
                yield from self._judge(subject, policy, rule, name, bands)

    def _judge(
        self, subject: Subject, policy: CompiledPolicy, rule: str, name: str, bands: Sequence[Mapping[str, Any]]
    ) -> Iterable[Finding]:
        model = self._model or shipped_model()
        head = model.heads[name]
        scored = model.score(scored_views(subject), head)
        if scored is None:
            return
        hundredths = int(scored.margin * 100)
        points = max((int(band["points"]) for band in bands if hundredths >= int(band["at"])), default=0)
        if not points:
            return
        places = model.explain(scored, head)
        named = ", ".join(f"{span.start}-{span.end}" for span in places)
        finding = policy.finding(
            rule,
            part=subject.index,
            span=places[0] if places else None,
            detail=f"margin {scored.margin:.2f}; strongest words at {named}",
            points=points,
        )
        if finding is not None:
            yield finding
