"""Which models can answer: none. This gateway judges and keeps what is said; its own plain text is the only answer.

Invariant: what is listed is what messages really carry as their model, under a name that says there is none.
"""

from typing import Final

from gw.methods.router import Call, rpc
from gw.ports import Clock, Json

# As `session.runner.PlainRunner` signs its answers. Listed at all because stock pages let nobody write without a model.
NO_MODEL: Final = "clawgate/none"
LISTED: Final[list[Json]] = [
    {
        "id": "none",
        "name": "No model configured",
        "provider": "clawgate",
        "tags": ["default"],
        "reasoning": False,
        "input": ["text"],
    }
]


class Models:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @rpc("models.list", inline=True)
    def list(self, call: Call) -> Json:
        return {"models": LISTED}

    @rpc("models.authStatus", inline=True)
    def auth_status(self, call: Call) -> Json:
        return {"ts": self._clock.now_ms(), "providers": [], "providerCapabilities": []}
