"""State of the chat channels: none is connected by this gateway yet."""

from gw.methods.router import Call, rpc
from gw.observe.health import Health
from gw.ports import Clock, Json


class Channels:
    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock = clock
        self._health = health

    @rpc("channels.status", inline=True)
    def status(self, call: Call) -> Json:
        return {
            "ts": self._clock.now_ms(),
            "channelOrder": [],
            "channelLabels": {},
            "channelDetailLabels": {},
            "channelSystemImages": {},
            "channelMeta": [],
            "channels": {},
            "channelAccounts": {},
            "channelDefaultAccountId": {},
            "eventLoop": self._health.loop_shape(),
        }
