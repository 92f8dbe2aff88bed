"""`clawgate serve` whose turns are carried by the scripted runner: `python -m tests.support.scripted_serve serve ...`.

Prompts are answered as the lab's model did in the observed runs: `r1` streams for a while, `m2` says two, `m3` three.
`no end` goes on until it is stopped, for tests that kill the process in the middle of a turn.
"""

import sys

from gw.cli import main
from gw.modes import build
from tests.support.scripted_runner import Say, ScriptedRunner, Step, Wait

WORDS = 25
WORD_S = 0.1  # half of them last longer than a busy machine stands still
STREAM: list[Step] = [step for n in range(WORDS) for step in (Say(f"w{n} "), Wait(WORD_S))]
COLLECTED = "[Queued messages while agent was busy]\n\n---\nQueued #1 (from lab)\nm2\n\n---\nQueued #2 (from lab)\nm3"
SCRIPTS: dict[str, list[Step]] = {
    "r1": STREAM,
    "m2": [Say("two")],
    "m3": [Say("three")],
    "no end": [Say("and so on "), Wait(3600.0)],
    COLLECTED: [Say("one answer")],
}


def runner() -> ScriptedRunner:
    return ScriptedRunner(SCRIPTS, stop_delay_s=1.5)


if __name__ == "__main__":
    setattr(build, "PlainRunner", runner)  # noqa: B010  the one seam a whole process has for another runner
    sys.exit(main.run())
