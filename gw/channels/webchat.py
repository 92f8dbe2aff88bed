"""The gateway's own chat: what `chat.*` does for people who are connected to it.

Knows no provider: messages come in by chat.send and answers go out as chat events, so there is nothing to receive and
nothing to call. Invariant: it is no destination for `send` (upstream's rule); who may use it is the gateway's to say.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NoReturn

from gw.channels.base import AccountConfig, Answer, Call, Capabilities, Outbound, SendRefused


class Webchat:
    capabilities: ClassVar = Capabilities(
        channel="webchat",
        label="Web chat",
        chat_types=("direct",),
        transports=("internal",),
        media=True,
        streaming=True,
        pairing=False,
        detects_mentions=False,
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {"internal": ()}

    def __init__(self, config: AccountConfig) -> None:
        self.config = config

    def hello(self) -> None:
        return None

    def met(self, answer: Answer) -> None:
        return None

    def send(self, part: Outbound, now_ms: int) -> NoReturn:
        raise SendRefused("webchat answers are events of the gateway")

    def sent(self, part: Outbound, answer: Answer) -> str:
        return ""

    def pause_s(self, answer: Answer) -> float:
        return 0.0

    def typing(self, chat_id: str, thread_id: str) -> Call | None:
        return None
