"""Which models can answer: none, since this gateway judges and keeps what is said but runs no model of its own.

Invariant: lists are empty rather than wishful, so a client shows "no model configured" instead of a failing choice.
"""

from gw.methods.router import Call, rpc
from gw.ports import Clock, Json


class Models:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @rpc("models.list", inline=True)
    def list(self, call: Call) -> Json:
        return {"models": []}

    @rpc("models.authStatus", inline=True)
    def auth_status(self, call: Call) -> Json:
        return {"ts": self._clock.now_ms(), "providers": [], "providerCapabilities": []}
