"""Answers of turns that clients began (`chat.send`, `agent` with `deliver`), sent to the chat they belong to.

Knows targets and the outlet. Invariant: without `deliver: true` nothing leaves; where an answer goes is said by the
caller or stands in the session, never in what the model says.

Source: openclaw/ROUTING.md section 9.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gw.errors import InvalidRequest
from gw.methods.run_end import RunEnd
from gw.ports import Json

if TYPE_CHECKING:
    from gw.methods.outlet import Outlet, Target

INTERNAL: Final = ("webchat", "last", "")
# Parameters that name a part of the target, the one that counts first.
CHANNEL: Final = ("replyChannel", "channel", "originatingChannel")
TO: Final = ("to", "originatingTo")
ACCOUNT: Final = ("replyAccountId", "accountId", "originatingAccountId")
THREAD: Final = ("threadId", "originatingThreadId")

Reply = Callable[[RunEnd], object]
ReplyFor = Callable[[Mapping[str, Json], str, str, str], Reply | None]  # params, session key, run id, agent


def nowhere(params: Mapping[str, Json], key: str, run_id: str, agent: str) -> None:
    """Where no channel runs, `deliver` leads nowhere."""


class ReplyBack:
    """`last_target(key)` is where a session last talked to somebody outside."""

    def __init__(self, outlet: "Outlet", last_target: "Callable[[str], Target | None]") -> None:
        self._outlet = outlet
        self._last_target = last_target

    def __call__(self, params: Mapping[str, Json], key: str, run_id: str, agent: str) -> Reply | None:
        """What to do with the answer. Raises InvalidRequest for a target that this gateway does not reach."""
        if params.get("deliver") is not True:
            return None
        target = self._target(params, key)
        if target is None:
            if params.get("bestEffortDeliver") is True:
                return None
            raise InvalidRequest("deliver: this session has no chat to answer to; name channel and to")
        self._outlet.need(target.channel, target.account)

        def reply(end: RunEnd) -> None:
            if end.status == "ok" and end.text:
                self._outlet.answer(target, end.text, f"reply-{run_id}", key, agent, joined=end.joined)

        return reply

    def _target(self, params: Mapping[str, Json], key: str) -> "Target | None":
        from gw.methods.outlet import Target

        channel, to = _first(params, CHANNEL).lower(), _first(params, TO)
        if channel in INTERNAL or not to:
            return self._last_target(key)
        return Target(channel, _first(params, ACCOUNT) or "default", to, _first(params, THREAD))


def _first(params: Mapping[str, Json], names: tuple[str, ...]) -> str:
    return next((str(params[name]).strip() for name in names if params.get(name)), "")
