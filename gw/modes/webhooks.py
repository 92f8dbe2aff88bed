"""Webhook entry points: `POST /hooks/wake`, `/hooks/agent` and `/hooks/<name>` by the operator's mappings.

Knows HTTP requests and errands. Invariant: nothing of a body is read before its token is right; a caller chooses a
session only where the operator lets it; what is answered 200 has been judged and is on disk.

Source: openclaw/ROUTING.md section 11.
"""

import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl
from uuid import NAMESPACE_URL, uuid4, uuid5

from gw.access.throttle import LoginThrottle
from gw.access.tokens import matches
from gw.errors import Forbidden, GwError, Held, InvalidRequest, RequestError
from gw.methods.errands import Errand, Errands, session_key
from gw.methods.heartbeats import Heartbeats
from gw.methods.outlet import Target
from gw.methods.session_desk import SessionDesk
from gw.model.action import Provenance
from gw.modes.http_routes import bearer, unauthorized
from gw.net.http import Request, Response, Route, error_response, json_response
from gw.ports import Json
from gw.routing import hook_mappings
from gw.routing.hook_mappings import Hook
from gw.routing.rules import Table
from gw.session import keys
from gw.wire import json

logger = logging.getLogger(__name__)

MOST_BODY_BYTES: Final = 256 * 1024
BAD_TOKENS_PER_MINUTE: Final = 20
MOST_KEY_CHARS: Final = 256
MOST_WAIT_S: Final = 60.0
MOST_TURN_S: Final = 7 * 24 * 3600
RUNNER_FIELDS: Final = ("model", "thinking")


class Webhooks:
    def __init__(
        self,
        settings: Table,
        token: str,
        errands: Errands,
        heartbeats: Heartbeats,
        desk: SessionDesk,
    ) -> None:
        self._settings = settings
        self._token = token
        self._errands = errands
        self._heartbeats = heartbeats
        self._desk = desk
        self._throttle = LoginThrottle(BAD_TOKENS_PER_MINUTE)
        self.path = "/" + str(settings.get("path") or "/hooks").strip("/") + "/"

    def routes(self) -> dict[str, Route]:
        return {self.path: self.answer}

    def answer(self, request: Request) -> Response:
        refused = self._refuse(request)
        if refused is not None:
            return refused
        try:
            payload = json.loads(request.body) if request.body else {}
            payload = json.loads(json.dumps(payload))  # half a character becomes `?`: keys are stored as UTF-8
        except (ValueError, OverflowError):  # infinity and the like are not JSON
            return error_response(400, "invalid_request", "the body is not JSON")
        if not isinstance(payload, dict):
            return error_response(400, "invalid_request", "the body is not a JSON object")
        try:
            return self._act(request, payload)
        except (Forbidden, Held) as error:  # the policy's word
            return json_response(403, {"ok": False, "error": error.message, "details": dict(error.details or {})})
        except InvalidRequest as error:
            return error_response(400, "invalid_request", error.message)
        except RequestError as error:
            seconds = max(1, (error.retry_after_ms or 1000) // 1000)
            return error_response(503, "unavailable", error.message, (("Retry-After", str(seconds)),))
        except GwError as error:
            logger.error("hook.failed", extra={"error": type(error).__name__})
            return error_response(503, "unavailable", "it could not be stored", (("Retry-After", "5"),))

    def _refuse(self, request: Request) -> Response | None:
        if request.method != "POST":
            return error_response(405, "method_not_allowed", "only POST", (("Allow", "POST"),))
        if "token" in dict(parse_qsl(request.query, keep_blank_values=True)):
            return error_response(
                400, "invalid_request", "a token does not belong into an address: send it as a header"
            )
        now = self._desk.clock.monotonic()
        wait_ms = self._throttle.wait_ms(request.remote, now)
        if wait_ms:
            seconds = str(wait_ms // 1000 + 1)
            return error_response(429, "too_many_requests", "too many wrong tokens", (("Retry-After", seconds),))
        if not matches(bearer(request) or request.headers.get("x-openclaw-token"), self._token):
            self._throttle.failed(request.remote, now)
            return unauthorized()
        if len(request.body) > MOST_BODY_BYTES:
            return error_response(413, "too_large", f"more than {MOST_BODY_BYTES} bytes")
        return None

    # --- what is asked ----------------------------------------------------------------------------------------

    def _act(self, request: Request, payload: dict[str, Json]) -> Response:
        name = request.path.removeprefix(self.path).strip("/")
        if name == "wake":
            return self._wake(_text(payload, "text"), payload)
        if name == "agent":
            return self._agent(_text(payload, "message"), payload, request.headers)
        row = hook_mappings.find(self._settings.get("mappings") or (), name, payload)
        if row is None:
            return error_response(404, "not_found", "no such webhook")
        hooks = hook_mappings.apply(row, payload, request.headers, dict(parse_qsl(request.query)))
        answers = [self._mapped(hook, name, request.headers, number) for number, hook in enumerate(hooks)]
        if not answers:
            return Response(204)
        return answers[0] if len(answers) == 1 else json_response(200, {"ok": True, "count": len(answers)})

    def _mapped(self, hook: Hook, name: str, headers: Mapping[str, str], number: int) -> Response:
        params = {"name": name, **hook.params}
        if hook.action == "wake":
            return self._wake(hook.text, {**params, "mode": params.get("wakeMode", "now")}, is_ours=True)
        return self._agent(hook.text, params, headers, is_ours=True, number=number)

    def _wake(self, text: str, params: Mapping[str, Json], *, is_ours: bool = False) -> Response:
        key = self._key(params, is_ours=is_ours, default="main")
        name = str(params.get("name") or "wake")[:100]
        self._errands.check(Errand("hook", name, key, "", text, provenance=Provenance.CHANNEL))
        self._heartbeats.leave(key, text)
        if params.get("mode", "now") == "now" or not self._heartbeats.has_cadence(self._desk.agent_of(key)):
            self._heartbeats.want(key)
        return json_response(200, {"ok": True, "mode": params.get("mode", "now")})

    def _agent(
        self,
        text: str,
        params: Mapping[str, Json],
        headers: Mapping[str, str],
        *,
        is_ours: bool = False,
        number: int = 0,
    ) -> Response:
        given = params.get("idempotencyKey") or headers.get("idempotency-key") or ""
        if not isinstance(given, str) or len(given) > MOST_KEY_CHARS:
            raise InvalidRequest(f"idempotencyKey must be a text of at most {MOST_KEY_CHARS} characters")
        name = str(params.get("name") or "hook")[:100]
        run_id = f"hook:{name}:{given}:{number}" if given else f"hook:{uuid4()}"
        own = uuid5(NAMESPACE_URL, run_id) if given else uuid4()  # a retry means the same session
        default = str(self._settings.get("defaultSessionKey") or f"hook:{own}")
        key = self._key(params, is_ours=is_ours, default=default)
        seconds = _seconds(params.get("timeoutSeconds"))
        runner = {field: params[field] for field in RUNNER_FIELDS if isinstance(params.get(field), str)}
        if seconds is not None:
            runner["timeoutMs"] = int(seconds * 1000)
        errand = Errand(
            *("hook", name, key, run_id, text),
            provenance=Provenance.CHANNEL,
            deliver=self._target(params, key),
            params=runner,
        )
        answer = {"ok": True, **self._errands.start(errand)}
        if params.get("waitForCompletion") is True:
            end = self._errands.wait(run_id, min(seconds or MOST_WAIT_S, MOST_WAIT_S))
            answer |= {"status": "timeout"} if end is None else {"status": end.status, "text": end.text}
        return json_response(200, answer)

    def _key(self, params: Mapping[str, Json], *, is_ours: bool, default: str) -> str:
        """`is_ours`: the operator's mapping chose, not the caller. Raises InvalidRequest."""
        agent = params.get("agentId")
        allowed = self._settings.get("allowedAgentIds") or ["*"]
        if agent is not None and "*" not in allowed and keys.agent_id(str(agent)) not in allowed:
            raise InvalidRequest("agentId is not one that webhooks may use")
        wanted = params.get("sessionKey")
        if wanted is None:
            return session_key(self._desk, default, str(agent) if agent is not None else None)
        if not is_ours and self._settings.get("allowRequestSessionKey") is not True:
            raise InvalidRequest("sessionKey may not be chosen here (hooks.allowRequestSessionKey)")
        prefixes = self._settings.get("allowedSessionKeyPrefixes") or ()
        if prefixes and not any(str(wanted).startswith(str(prefix)) for prefix in prefixes):
            raise InvalidRequest("sessionKey has none of the allowed beginnings (hooks.allowedSessionKeyPrefixes)")
        return session_key(self._desk, str(wanted), str(agent) if agent is not None else None)

    def _target(self, params: Mapping[str, Json], key: str) -> Target | None:
        if params.get("deliver") is False:
            return None
        channel, to = params.get("channel") or "last", params.get("to")
        if channel == "last" or not to:
            return self._errands.last_target(self._desk.main_key(key))
        return Target(
            str(channel), str(params.get("accountId") or "default"), str(to), str(params.get("threadId") or "")
        )


def _text(payload: Mapping[str, Json], name: str) -> str:
    """Raises InvalidRequest."""
    text = payload.get(name)
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest(f"{name} is required")
    return text[: hook_mappings.MOST_TEXT]


def _seconds(given: Json) -> float | None:
    """How long a turn may take; None: as if nothing was said. Raises InvalidRequest."""
    if given is None:
        return None
    if not isinstance(given, int | float) or not 0 <= given <= MOST_TURN_S:
        raise InvalidRequest(f"timeoutSeconds must be a number, at most {MOST_TURN_S}")
    return float(given) or None
