"""State of the chat channels that this gateway runs.

Knows no provider. Invariant: no secret and no text is in an answer; without channels the answer says that there are
none.
"""

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from gw.methods.router import Call, rpc
from gw.observe.health import Health
from gw.ports import Clock, Json

if TYPE_CHECKING:
    from gw.channels.base import ChannelAccount


class Channels:
    """`stopped` holds (channel, account) of what an operator stopped."""

    def __init__(
        self,
        clock: Clock,
        health: Health,
        accounts: "Sequence[ChannelAccount]" = (),
        stopped: Container[tuple[str, str]] = (),
    ) -> None:
        self._stopped = stopped
        self._clock = clock
        self._health = health
        self._accounts = accounts

    @rpc("channels.status", inline=True)
    def status(self, call: Call) -> Json:
        wanted = call.params.get("channel")
        shown = [one for one in self._accounts if wanted in (None, one.config.channel)]
        labels = {one.config.channel: one.capabilities.label for one in shown}
        rows: dict[str, list[Mapping[str, Json]]] = {channel: [] for channel in labels}
        for one in shown:
            rows[one.config.channel].append(self._row(one))
        return {
            "ts": self._clock.now_ms(),
            "channelOrder": list(labels),
            "channelLabels": labels,
            "channelDetailLabels": labels,
            "channelSystemImages": {},
            "channelMeta": [{"id": name, "label": label, "detailLabel": label} for name, label in labels.items()],
            "channels": {name: {"configured": True, "running": _runs(found)} for name, found in rows.items()},
            "channelAccounts": rows,
            "channelDefaultAccountId": {name: found[0]["accountId"] for name, found in rows.items()},
            "eventLoop": self._health.loop_shape(),
        }

    def _row(self, account: "ChannelAccount") -> dict[str, Json]:
        config = account.config
        row = {"accountId": config.account, "enabled": True, "configured": True, "mode": config.transport}
        row |= account.status()
        if (config.channel, config.account) in self._stopped:
            row |= {"running": False, "state": "stopped"}
        return row


class Control(Protocol):
    """Starts and stops receiving. Both raise InvalidRequest for what is not configured."""

    def begin(self, channel: str, account: str) -> bool:
        """False: it receives already."""

    def end(self, channel: str, account: str) -> bool:
        """False: it did not end in time."""


class ChannelControl:
    """An operator stops a channel until it is started again, or the gateway is."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @rpc("channels.start")
    def start(self, call: Call) -> Json:
        channel, account = _place(call)
        return {"channel": channel, "accountId": account, "started": self._control.begin(channel, account)}

    @rpc("channels.stop")
    def stop(self, call: Call) -> Json:
        channel, account = _place(call)
        return {"channel": channel, "accountId": account, "stopped": self._control.end(channel, account)}


def _place(call: Call) -> tuple[str, str]:
    return call.params["channel"].strip().lower(), call.params.get("accountId") or "default"


def _runs(rows: Sequence[Mapping[str, Json]]) -> bool:
    return any(row.get("running") for row in rows)
