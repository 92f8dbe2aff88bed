"""What sessions need to know of the configuration, as one immutable value.

Holds values only. `session` and `messages` are objects in upstream's own configuration format, so that its documented
keys (reset, resetByType, sendPolicy, dmScope, queue, ...) mean the same here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from gw.ports import Json
from gw.session.keys import KeyRules
from gw.session.queueing import DEFAULT_DEBOUNCE_MS


class SessionConfig(NamedTuple):
    rules: KeyRules = KeyRules()
    session: Mapping[str, Json] = {}
    messages: Mapping[str, Json] = {}
    model_provider: str = "clawgate"
    model: str = "none"
    context_tokens: int = 128_000
    debounce_ms: int = DEFAULT_DEBOUNCE_MS  # where neither request, session nor channel says otherwise
    max_runs: int = 64
    max_pending: int = 2000
