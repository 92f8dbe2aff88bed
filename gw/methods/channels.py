"""State of the chat channels that this gateway runs.

Knows no provider. Invariant: no secret and no text is in an answer; without channels the answer says that there are
none.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gw.methods.router import Call, rpc
from gw.observe.health import Health
from gw.ports import Clock, Json

if TYPE_CHECKING:
    from gw.channels.base import ChannelAccount


class Channels:
    def __init__(self, clock: Clock, health: Health, accounts: "Sequence[ChannelAccount]" = ()) -> None:
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
            rows[one.config.channel].append({"accountId": one.config.account, **account_row(one)})
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


def account_row(account: "ChannelAccount") -> dict[str, Json]:
    return {"enabled": True, "configured": True, "mode": account.config.transport, **account.status()}


def _runs(rows: Sequence[Mapping[str, Json]]) -> bool:
    return any(row.get("running") for row in rows)
