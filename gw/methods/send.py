"""Methods send and poll: a message to a chat on somebody's behalf, outside any turn.

Knows targets, not providers; what is said was judged before this is called. Invariant: one effect per idempotency key,
and the same key with another content is a conflict.

Source: openclaw/ROUTING.md sections 6 and 9.
"""

from typing import Final
from uuid import uuid4

from gw.channels.base import Media, Outbound, Poll, Receipt
from gw.errors import GwError, InvalidRequest, Unavailable
from gw.methods.claimed import Claimed
from gw.methods.outlet import Outlet
from gw.methods.router import Call, rpc
from gw.methods.turn_request import sender_of
from gw.ports import Json, Tasks
from gw.session import idempotency
from gw.wire.text import clean_message

WAIT_S: Final = 30.0
INTERNAL: Final = "webchat"
# Prefixes that say what kind of target an id is; drivers need the id alone.
KINDS: Final = ("channel:", "chat:", "group:", "user:", "thread:")


class Send:
    def __init__(self, outlet: Outlet, claimed: Claimed, tasks: Tasks) -> None:
        self._outlet = outlet
        self._claimed = claimed
        self._tasks = tasks

    @rpc("send")
    def send(self, call: Call) -> Json:
        params = call.params
        channel, chat_id = self._target(params)
        account = self._outlet.need(channel, params.get("accountId") or "default")
        text = clean_message(params.get("message") or "")
        urls = [*(params.get("mediaUrls") or ()), *([params["mediaUrl"]] if params.get("mediaUrl") else [])]
        if params.get("buffer"):
            raise InvalidRequest("send.buffer is not served: give mediaUrl")
        if not text.strip() and not urls:
            raise InvalidRequest("message or media required")
        if urls and not account.capabilities.media:
            raise InvalidRequest(f"channel {channel} sends no media")
        out = Outbound(
            chat_id,
            text,
            thread_id=params.get("threadId") or "",
            reply_to=params.get("replyToId") or "",
            media=tuple(Media("document" if params.get("forceDocument") else _kind(url), url=url) for url in urls),
        )
        return self._once(call, channel, out)

    @rpc("poll")
    def poll(self, call: Call) -> Json:
        params = call.params
        channel, chat_id = self._target(params)
        most = self._outlet.need(channel, params.get("accountId") or "default").capabilities.poll_options
        if not most:
            raise InvalidRequest(f"unsupported poll channel: {channel}")
        question, options = clean_message(params["question"]), tuple(map(clean_message, params["options"]))
        if not all(one.strip() for one in (question, *options)):
            raise InvalidRequest("question and options must say something")
        if len(options) > most:
            raise InvalidRequest(f"a poll on {channel} has at most {most} options")
        chosen = params.get("maxSelections") or 1
        if chosen > len(options):
            raise InvalidRequest("maxSelections cannot exceed the number of options")
        seconds, hours = params.get("durationSeconds") or 0, params.get("durationHours") or 0
        if seconds and hours:
            raise InvalidRequest("give durationSeconds or durationHours, not both")
        out = Outbound(
            chat_id,
            question,
            thread_id=params.get("threadId") or "",
            action="poll",
            poll=Poll(
                options, chosen > 1, seconds or hours * 3600, params.get("isAnonymous"), params.get("silent") is True
            ),
        )
        return self._once(call, channel, out)

    def _once(self, call: Call, channel: str, out: Outbound) -> Json:
        """Send it, or tell again what became of it under the same key."""
        key = call.params["idempotencyKey"]
        name = idempotency.claim_id(call.method, sender_of(call.info).caller, key)
        known = self._claimed.claim(name, idempotency.digest_of(call.params), key)
        if known is not None:
            return known
        try:
            # A key of its own each time: the claim says what is a repeat, and one that was refused may be tried again.
            out = out._replace(key=f"{call.method}-{uuid4().hex}")
            receipt = self._sent(channel, call.params.get("accountId") or "default", out)
        except GwError:
            self._claimed.release(name)
            raise
        answer: dict[str, Json] = {"runId": key, "channel": channel, "chatId": out.chat_id}
        if receipt is not None and receipt.error:
            self._claimed.release(name)
            raise Unavailable(f"the provider did not take it: {receipt.error}", retryable=False)
        if receipt is not None and receipt.message_ids:
            answer["messageId"] = receipt.message_ids[-1]
        self._claimed.settle(name, answer)
        return answer

    def _sent(self, channel: str, account: str, out: Outbound) -> Receipt | None:
        """What the provider said; None when it has not answered yet, and the message waits its turn."""
        done = self._tasks.latch()
        told: list[Receipt] = []

        def hear(receipt: Receipt) -> None:
            told.append(receipt)
            done.set()

        self._outlet.need(channel, account).send(out, hear)
        done.wait(WAIT_S)
        return told[0] if told else None

    def _target(self, params: dict[str, Json]) -> tuple[str, str]:
        """(channel, chat id). `telegram:123` chooses the channel where none is chosen, and may not contradict one."""
        running = list(dict.fromkeys(one.config.channel for one in self._outlet.accounts()))
        chosen, to = (params.get("channel") or "").strip().lower(), params["to"].strip()
        prefix, colon, rest = to.partition(":")
        if colon and prefix.lower() in {*running, INTERNAL, chosen} and prefix:
            if chosen not in ("", prefix.lower()):
                raise InvalidRequest(f'"{to[:80]}" is a target of {prefix}, not of {chosen}')
            chosen, to = prefix.lower(), rest.strip()
        if not chosen and len(running) == 1:
            chosen = running[0]
        if not chosen:
            raise InvalidRequest("several channels run: name one with `channel`" if running else "no channel runs here")
        if chosen == INTERNAL:
            raise InvalidRequest("webchat is the gateway's own chat and no delivery channel. Use `chat.send`")
        for kind in KINDS:
            to = to.removeprefix(kind)
        if not to:
            raise InvalidRequest("`to` names no target")
        return chosen, to


def _kind(url: str) -> str:
    """By the path's suffix, which only chooses how it is shown."""
    suffix = url.partition("?")[0].rpartition(".")[2].lower()
    if suffix in ("jpg", "jpeg", "png", "gif", "webp"):
        return "image"
    return {"mp4": "video", "mp3": "audio", "ogg": "audio", "m4a": "audio"}.get(suffix, "document")
