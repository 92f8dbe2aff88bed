"""From an accepted request frame to exactly one handler, and from its outcome to a `res` frame.

Knows nothing of sockets or of what handlers do. Invariant: every request is answered (once, or twice where a handler
says so), whatever the handler raises; a guarded method never reaches its handler before the guard allowed it.
"""

import logging
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from gw.errors import Blocked, Forbidden, GwError, Held, InvalidRequest, RequestError, Unavailable
from gw.model.decision import Decision, Verdict
from gw.model.identity import ConnInfo, Role
from gw.ports import Json
from gw.wire import frames, json
from gw.wire.methods import ADMIN, DYNAMIC, NODE, MethodSpec, MethodTable, required_scopes
from gw.wire.params import Shape, problem

if TYPE_CHECKING:
    from gw.methods.client import Client

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

# What a handler returns when it has answered, or will answer, by call.respond.
ANSWERED: Final = object()
# The one method that every connection may call, whatever its scopes and role.
OPEN_METHODS: Final = frozenset({"health"})


class Mark(NamedTuple):
    name: str
    inline: bool


def rpc(name: str, *, inline: bool = False) -> Callable[[F], F]:
    """Mark a method of a family class as the handler of `name`; may be stacked for several names.

    `inline=True` promises not to switch greenlets and to take microseconds: the handler then runs on the hub.
    """

    def mark(function: F) -> F:
        marks: tuple[Mark, ...] = getattr(function, "rpc_marks", ())
        function.rpc_marks = (*marks, Mark(name, inline))  # type: ignore[attr-defined]
        return function

    return mark


class Call:
    """One request being served. `decision` is set for guarded methods."""

    __slots__ = ("_params", "client", "decision", "id", "info", "method", "raw", "spec")

    def __init__(
        self,
        client: "Client",
        info: ConnInfo,
        request_id: str,
        spec: MethodSpec,
        params: dict[str, Json] | None,
        raw: bytes = b"{}",
    ) -> None:
        """`params` None: they are read from `raw` when somebody asks."""
        self.client = client
        self.info = info
        self.id = request_id
        self.method = spec.name
        self.spec = spec
        self._params = params
        self.raw = raw  # the bytes `params` are read from
        self.decision: Decision | None = None

    @property
    def params(self) -> dict[str, Json]:
        """A dict of this call's own."""
        if self._params is None:
            self._params = json.loads(self.raw)
        return self._params

    def respond(self, payload: Json) -> None:
        """Send an `ok` answer now; the handler's returned payload, unless ANSWERED, is a second one with this id."""
        self.client.send(frames.answer(self.id, payload))


Handler = Callable[[Call], Json]
Guard = Callable[[Call], Decision]
ShapeSource = Callable[[Container[str]], Mapping[str, Shape]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One served method; read for every request."""

    spec: MethodSpec
    run: Handler
    inline: bool
    open: bool
    guarded: bool
    scope: str | None  # None: dynamic
    shape: Shape | None


class Router:
    """The table of what is served, and the one way through it.

    `spawn(function, *args)` starts a greenlet; `guard` judges a Call (it may block); `announce` publishes a decision;
    `shapes(names)` finds the parameter shapes of the methods that are served.
    """

    def __init__(
        self,
        methods: MethodTable,
        *,
        spawn: Callable[..., object],
        guard: Guard | None = None,
        announce: Callable[[Decision, Call], None] | None = None,
        shapes: ShapeSource = lambda _: {},
    ) -> None:
        self.methods = methods
        self._spawn = spawn
        self._guard = guard
        self._announce = announce
        self._shapes = shapes
        self._served: dict[str, Entry] = {}

    def attach(self, *families: object) -> None:
        """Serve every marked handler of these objects.

        Raises ValueError for a name without a row, or one that is served already.
        """
        marked = [
            (mark, getattr(family, attribute))
            for family in families
            for attribute in dir(type(family))
            for mark in getattr(getattr(type(family), attribute), "rpc_marks", ())
        ]
        shapes = self._shapes({mark.name for mark, _ in marked})
        for mark, run in marked:
            self._attach(mark, run, shapes.get(mark.name))

    def _attach(self, mark: Mark, run: Handler, shape: Shape | None) -> None:
        spec = self.methods.get(mark.name)
        if spec is None:
            raise ValueError(f"handler for {mark.name}: no such method in data/methods.json")
        if mark.name in self._served:
            raise ValueError(f"{mark.name} has two handlers")
        guarded = spec.guarded and self._guard is not None
        scope = None if spec.scope == DYNAMIC else spec.scope
        inline = mark.inline and not guarded
        self._served[mark.name] = Entry(spec, run, inline, mark.name in OPEN_METHODS, guarded, scope, shape)

    def served(self, protocol: int = 4) -> tuple[str, ...]:
        """Names for `features.methods`: those with a handler that upstream advertises too, in table order."""
        return tuple(
            spec.name
            for spec in self.methods
            if spec.name in self._served and spec.advertised and (protocol >= 4 or spec.v3)
        )

    def dispatch(
        self, client: "Client", request_id: str, method: str, params: dict[str, Json] | None, raw: bytes
    ) -> None:
        """Answer one request, now or from a greenlet. Never raises. `params` None: as in Call."""
        info = client.info
        entry = self._served.get(method)
        if entry is None:
            unserved = self._unserved(info, method, json.loads(raw) if params is None else params)
            client.send(frames.failure(request_id, unserved.shape()))
            return
        call = Call(client, info, request_id, entry.spec, params, raw)
        if not (entry.scope in info.scopes or entry.open):
            refused = refusal(entry.spec, info, call.params)
            if refused is not None:
                client.send(frames.failure(request_id, refused.shape()))
                return
        if entry.shape is not None:
            wrong = problem(entry.shape, call.params)
            if wrong is not None:
                error = InvalidRequest(f"invalid {method} params: {wrong}")
                client.send(frames.failure(request_id, error.shape()))
                return
        if entry.inline:
            client.send(self._outcome(entry, call))
        else:
            client.begin()
            self._spawn(self._serve, entry, call)

    def _serve(self, entry: Entry, call: Call) -> None:
        try:
            answer = self._outcome(entry, call)
        finally:
            call.client.finish()
        if answer:
            call.client.send(answer)

    def _outcome(self, entry: Entry, call: Call) -> bytes:
        """Run guard and handler; the encoded answer, or b"" when there is nothing (more) to say."""
        try:
            if entry.guarded:
                self._judge(call)
            payload = entry.run(call)
            return b"" if payload is ANSWERED else frames.answer(call.id, payload)
        except RequestError as error:
            return frames.failure(call.id, error.shape())
        except GwError as error:
            logger.warning("request.failed", extra={"method": call.method, "error": type(error).__name__})
            return frames.failure(call.id, Unavailable(f"{call.method} failed: {error}").shape())
        except Exception:  # the boundary: one broken handler must not take its connection or the hub down
            logger.exception("request.crashed", extra={"method": call.method})
            return frames.failure(call.id, Unavailable(f"{call.method} failed inside the gateway").shape())

    def _judge(self, call: Call) -> None:
        """Raises Blocked or Held unless the decision that is enforced is ALLOW."""
        assert self._guard is not None
        decision = self._guard(call)
        call.decision = decision
        if self._announce is not None:
            self._announce(decision, call)
        if decision.enforced is not Verdict.ALLOW:
            raise verdict_error(decision)

    def _unserved(self, info: ConnInfo, method: str, params: Mapping[str, Json]) -> RequestError:
        spec = self.methods.get(method)
        if method == "connect" and ADMIN in info.scopes:
            return InvalidRequest("connect is only valid as the first request")
        error = refusal(spec or MethodSpec(method, "unknown", ADMIN, ""), info, params)
        if error is not None:
            return error
        if spec is None:
            return InvalidRequest(f"unknown method: {method}")
        return Unavailable(
            f"method {method} is part of the protocol but not served by this gateway",
            details={"code": "METHOD_NOT_SERVED", "method": method, "family": spec.family},
            retryable=False,
        )


def refusal(spec: MethodSpec, info: ConnInfo, params: Mapping[str, Json]) -> RequestError | None:
    """Why this connection may not call this method, in upstream's words; None when it may."""
    if (spec.scope == NODE) != (info.role is Role.NODE):
        return InvalidRequest(f"unauthorized role: {info.role.value}")
    if info.role is Role.NODE:
        return None
    required = required_scopes(spec, params)
    missing = next((scope for scope in required if scope not in info.scopes), None)
    if missing is None or (ADMIN not in required and spec.session_scope in info.scopes):
        return None
    return Forbidden(
        f"missing scope: {missing}",
        details={"code": "MISSING_SCOPE", "missingScope": missing, "requiredScopes": list(required)},
    )


def verdict_error(decision: Decision) -> RequestError:
    """What a caller is told whose action the defender did not allow: why, by which rules, and what to do instead."""
    reasons = decision.reasons
    worst = reasons[0] if reasons else None
    say = worst.say if worst and worst.say else "this action is not allowed by the policy"
    instead = worst.instead if worst and worst.instead else ""
    blocked = decision.enforced is Verdict.BLOCK
    details = {
        "code": "GUARD_BLOCKED" if blocked else "GUARD_REVIEW",
        "decisionId": decision.id,
        "rules": list(dict.fromkeys(finding.rule for finding in reasons)),
        "say": say,
        "instead": instead,
    }
    message = f"{'blocked' if blocked else 'held for review'} by clawgate: {say}"
    if blocked:
        return Blocked(message, details=details)
    return Held(message, details=details, retryable=False)
