"""One chat message for several agents: all at once or one after the other, and further rounds among them.

Knows turns and rules of broadcasts, not who was admitted. Invariant: every agent has its own session and its own run;
one message leads to at most `max_turns` runs in `max_rounds` rounds; an agent that fails or is refused just says
nothing.

What goes on after the first turns were accepted is in memory: a restart ends a broadcast, and who was answering is told
so like anybody.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gw.errors import GwError
from gw.methods.chat_turn import ChatTurns, Turned
from gw.methods.run_end import RunEnd
from gw.ports import Tasks
from gw.routing import broadcast, mentions, replies
from gw.routing.broadcast import Broadcast
from gw.routing.mentions import Names
from gw.routing.replies import Said

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 600.0  # for one answer

# How a run ended, waiting for it at most so long.
Wait = Callable[[str, float], RunEnd | None]


class Broadcasts:
    def __init__(self, turns: ChatTurns, wait: Wait, tasks: Tasks) -> None:
        self._turns = turns
        self._wait = wait
        self._tasks = tasks

    def start(self, several: Broadcast, turned: Sequence[Turned], names: Mapping[str, Names]) -> str:
        """`turned` has one for each agent. Returns what became of the message: taken | refused | repeated.

        Raises what ChatTurns.start raises, while nothing has been accepted.
        """
        text = turned[0].message.text
        first = broadcast.first_round(several, {one for one, own in names.items() if mentions.matches(own, text)})
        chosen = [one for one in turned if one.route.agent in first]
        if several.strategy == "sequential":
            outcomes = [self._turns.start(chosen[0])]
        else:
            outcomes = [self._turns.start(one) for one in chosen]
        if "taken" not in outcomes:
            return outcomes[0]
        if several.strategy == "sequential" or several.max_rounds > 1:
            self._tasks.spawn(self._carry, several, turned, chosen, names)
        return "taken"

    def _carry(
        self, several: Broadcast, turned: Sequence[Turned], chosen: Sequence[Turned], names: Mapping[str, Names]
    ) -> None:
        by_agent = {one.route.agent: one for one in turned}
        going = [one.route.agent for one in chosen]
        turns, number = 0, 1
        said: list[Said] = []  # in this round and the one before
        while going:
            before = said if number > 1 else []
            said = self._round(several, [by_agent[agent] for agent in going], number, before)
            turns += len(going)
            answered = {one.sender for one in said}
            named = {agent for agent, own in names.items() if any(mentions.matches(own, one.text) for one in said)}
            number += 1
            going = list(broadcast.next_round(several, number, turns, answered, named)) if said else []

    def _round(self, several: Broadcast, chosen: Sequence[Turned], number: int, before: Sequence[Said]) -> list[Said]:
        """What the agents said; those of a first round have been started, but for the later ones of a sequence."""
        said: list[Said] = []
        sequential = several.strategy == "sequential"
        started: list[tuple[str, str]] = []
        for place, one in enumerate(chosen):
            agent = one.route.agent
            others = [other for other in (*before, *said) if other.sender != agent]
            if number > 1 or (sequential and place > 0):
                one = again(one, number, others)
                if not self._start(one):
                    continue
            started.append((agent, one.run_id))
            if sequential:
                said += self._said([started[-1]])
        return said if sequential else self._said(started)

    def _start(self, turned: Turned) -> bool:
        try:
            return self._turns.start(turned) == "taken"
        except GwError as error:
            logger.warning("broadcast.left_out", extra={"agent": turned.route.agent, "error": type(error).__name__})
            return False

    def _said(self, started: Sequence[tuple[str, str]]) -> list[Said]:
        ends = [(agent, self._wait(run_id, PATIENCE_S)) for agent, run_id in started]
        texts = [(agent, end.text) for agent, end in ends if end is not None and end.status == "ok"]
        return [Said(agent, text) for agent, text in texts if text and text.upper() != replies.SILENT]


def again(turned: Turned, number: int, others: Sequence[Said]) -> Turned:
    """The same message for an agent that has heard what the others said to it."""
    return turned._replace(history=(*turned.history, *others), round=number)
