"""The channels.pairing.* methods: who asked to talk to an agent, and the operator's answer.

Knows the pairing store, not what a channel is. Invariant: a code is never in an answer; who approves by code has it
from the stranger.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from gw.methods.outlet import Outlet, Target
from gw.methods.router import Call, rpc
from gw.ports import Clock, Json
from gw.routing.pairing import MOST_PENDING, TTL_MS, PairedSenders, PairRequest

APPROVED = "You are paired now. What you write here reaches the agent."


class ChannelPairing:
    def __init__(self, paired: PairedSenders, outlet: Outlet, clock: Clock, *, has_owner: Callable[[], bool]) -> None:
        self._paired = paired
        self._outlet = outlet
        self._clock = clock
        self._has_owner = has_owner

    @rpc("channels.pairing.list")
    def list(self, call: Call) -> Json:
        channel, account = call.params.get("channel", ""), call.params.get("accountId", "")
        accounts = [
            {
                "channel": one.config.channel,
                "channelLabel": one.capabilities.label,
                "accountId": one.config.account,
                "notifySupported": True,
            }
            for one in self._outlet.accounts()
            if one.capabilities.pairing and channel in ("", one.config.channel) and account in ("", one.config.account)
        ]
        requests = [self._row(one) for one in self._paired.pending(self._clock.now_ms(), channel, account)]
        return {
            "accounts": accounts,
            "requests": requests,
            "commandOwnerConfigured": self._has_owner(),
            "limits": {"pendingPerAccount": MOST_PENDING, "ttlMs": TTL_MS},
        }

    @rpc("channels.pairing.approve")
    def approve(self, call: Call) -> Json:
        """`requestId` may be the request's code as well."""
        params = call.params
        found = self._paired.approve(params["channel"], params["accountId"], params["requestId"], self._clock.now_ms())
        notified = "not-requested"
        if params.get("notify", True):
            target = Target(found.channel, found.account, found.chat_id)
            notified = "sent" if self._outlet.say(target, APPROVED, f"paired-{found.request_id}") else "failed"
        return {
            "requestId": found.request_id,
            "senderId": found.sender_id,
            "notification": notified,
            "commandOwnerBootstrap": "unavailable" if params.get("bootstrapCommandOwner") else "not-requested",
        }

    @rpc("channels.pairing.dismiss")
    def dismiss(self, call: Call) -> Json:
        params = call.params
        found = self._paired.dismiss(params["channel"], params["accountId"], params["requestId"], self._clock.now_ms())
        return {"requestId": found.request_id, "senderId": found.sender_id}

    def _row(self, request: PairRequest) -> dict[str, Json]:
        account = self._outlet.find(request.channel, request.account)
        return {
            "requestId": request.request_id,
            "channel": request.channel,
            "channelLabel": account.capabilities.label if account is not None else request.channel,
            "accountId": request.account,
            "senderId": request.sender_id,
            "senderLabel": request.label or request.sender_id,
            "createdAt": _time(request.created_at_ms),
            "lastSeenAt": _time(request.seen_at_ms),
            "expiresAt": _time(request.created_at_ms + TTL_MS),
            "notifySupported": account is not None,
        }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
