"""Beside a real gateway as one of its operators: answers its approvals, watches its sessions, ends runs, proves gates.

Knows no sockets: `connect` opens the connection. Invariant: after every connect what is pending is read before anything
else; an answer that comes too late is counted and forgotten; what cannot be judged or answered is left to people.
"""

import logging
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from gw.defender.review import APPROVED, DENIED, Held, Reviews
from gw.errors import ApprovalNotFound, Expired, GwError, Overloaded, UpstreamError
from gw.hub import BoundedQueue, Greenlets, sleep
from gw.model.action import Action
from gw.model.decision import Decision, Verdict
from gw.modes.beside import canary, rules
from gw.modes.beside.coverage import Coverage, Execution
from gw.modes.beside.operator import Login, Operator, RefusedError
from gw.modes.beside.rules import Approval, ToolEvent
from gw.observe.metrics import Metrics
from gw.policy.compiled import Risk
from gw.ports import Clock, Json, Link

logger = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.25
MOST_PAUSE_S: Final = 3.0  # so that a gateway that is back is found within five seconds
EVENT_QUEUE: Final = 4096
POLL_S: Final = 0.5
MOST_OPEN: Final = 1000  # approvals being answered or waiting for people
MOST_SEEN: Final = 4096  # tool events remembered, because they come by two ways
MOST_SESSIONS: Final = 2000
SESSIONS_PAGE: Final = 500
METRIC: Final = "clawgate_approvals_total"

Connect = Callable[[Callable[[Link], Operator]], object]


@dataclass(slots=True)
class Ports:
    """What the sidecar uses of its process."""

    judge: Callable[[Action], Decision]
    risk: Callable[[Action], Risk]
    tell: Callable[[Decision], None]
    reviews: Reviews
    coverage: Coverage
    metrics: Metrics
    clock: Clock
    held_of: Callable[[str], str | None]  # tool call id -> held action of our own plugin, when it asks this process
    has_plugin: Callable[[], bool]  # whether our plugin inside the gateway asks this process now
    tasks: Greenlets = field(default_factory=Greenlets)


class Sidecar:
    def __init__(self, connect: Connect, login: Login, ports: Ports, canary_s: float = 3600.0) -> None:
        self._connect = connect
        self._login = login
        self._ports = ports
        self._canary_s = canary_s
        self._operator: Operator | None = None
        self._events: BoundedQueue[tuple[str, Json]] = BoundedQueue(EVENT_QUEUE, "upstream-events")
        self._open: OrderedDict[str, Approval] = OrderedDict()
        self._for_people: dict[str, list[Approval]] = {}  # held action -> the questions that wait with it
        self._seen: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._sessions: set[str] = set()
        self._asks_always = False
        self._is_proving = False
        self._has_missed = False  # events were dropped: there may be approvals among them
        self._server = ""
        self._why = "not connected yet"
        self._since_ms = 0
        self._aborted = 0
        self._answers: Counter[str] = Counter()
        self._canaries = canary.Record(ports.metrics, ports.clock)

    # --- the connection -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Stay connected for ever; run it under a Supervisor."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self.serve_once()
                pause_s = FIRST_PAUSE_S
            except UpstreamError as error:
                self._why = str(error)
                logger.warning("upstream.away", extra={"problem": self._why, "retry_s": round(pause_s, 1)})
            sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  (jitter, no secret)
            pause_s = min(pause_s * 2, MOST_PAUSE_S)

    def use_token(self, token: str) -> None:
        """From the next connect on."""
        self._login = self._login._replace(token=token)

    def serve_once(self) -> None:
        """From one connect to the end of that connection. Raises UpstreamError when it cannot be made."""
        self._events = BoundedQueue(EVENT_QUEUE, "upstream-events")  # nothing of an earlier connection
        operator = self._dial(rules.WANTED)
        try:
            self._serve(operator, operator.login(self._login))
        finally:
            self._operator = None
            self._why = self._why or "the connection ended"
            operator.close()

    def _serve(self, operator: Operator, hello: dict[str, Json]) -> None:
        self._server = rules.text_of(hello.get("server"), "version")
        self._since_ms = self._ports.clock.now_ms()
        self._open.clear()
        self._for_people.clear()
        self._sessions.clear()
        self._operator = operator
        self._why = ""
        logger.info("upstream.connected", extra={"version": self._server})
        self._read_pending(operator)  # before anything else
        self._read(operator, "sessions.subscribe")
        self._follow(operator, self._read(operator, "sessions.list", limit=SESSIONS_PAGE))
        self._read_config(operator)
        self._work(operator)

    def _dial(self, wanted: Container[str]) -> Operator:
        made: list[Operator] = []

        def make_peer(link: Link) -> Operator:
            made.append(Operator(link, self._ports.tasks.latch, self._take, wanted))
            return made[0]

        self._connect(make_peer)
        return made[0]

    def _take(self, event: str, payload: Json) -> None:
        try:
            self._events.put((event, payload))
        except Overloaded:
            self._has_missed = True
            self._ports.metrics.add("clawgate_overload_total", "upstream-events")

    def _read_pending(self, operator: Operator) -> None:
        self._has_missed = False
        for event, desk in rules.DESKS.items():
            for row in self._read(operator, desk.list) or ():
                self._asked(operator, event, row)

    def _read_config(self, operator: Operator) -> None:
        self._asks_always = rules.asks_always(self._read(operator, "config.get"))

    def _read(self, operator: Operator, method: str, **params: Json) -> Json:
        """None where the gateway does not know the method, or does not let us: the rest goes on."""
        try:
            return operator.call(method, params)
        except RefusedError as refused:
            logger.warning("upstream.refused", extra={"method": method, "reason": refused.reason})
            return None

    def _work(self, operator: Operator) -> None:
        self._canaries.clear()
        next_canary_s = 0.0
        while not operator.gone.wait(0):
            now_s = self._ports.clock.monotonic()
            is_due = now_s >= next_canary_s or not self._canaries.has(self.gates())
            if self._canary_s and is_due and not self._is_proving:
                next_canary_s = now_s + self._canary_s
                self._is_proving = True
                self._ports.tasks.spawn(self._prove)
            try:
                event, payload = self._events.get(POLL_S)
            except Expired:
                if self._has_missed:
                    self._read_pending(operator)
                continue
            try:
                self._handle(operator, event, payload)
            except RefusedError as refused:
                logger.warning("upstream.refused", extra={"method": event, "reason": refused.reason})

    def _handle(self, operator: Operator, event: str, payload: Json) -> None:
        if event in rules.DESKS:
            self._asked(operator, event, payload)
        elif event in rules.RESOLVED:
            self._resolved(payload)
        elif event == "sessions.changed":
            self._follow(operator, payload)
        elif event == "config.changed":
            self._read_config(operator)
        elif event == "session.message":
            self._heard(operator, payload)
        elif (call := rules.read_tool_event(payload)) is not None:
            self._saw(operator, call)

    def _follow(self, operator: Operator, payload: Json) -> None:
        for key in rules.session_keys(payload):
            if key not in self._sessions and len(self._sessions) < MOST_SESSIONS:
                self._sessions.add(key)
                self._read(operator, "sessions.messages.subscribe", key=key)

    # --- approvals ------------------------------------------------------------------------------------------

    def _asked(self, operator: Operator, event: str, payload: Json) -> None:
        approval = rules.read_approval(event, payload)
        if approval is None or approval.id in self._open:
            return
        if len(self._open) >= MOST_OPEN:
            self._open.popitem(last=False)
        self._open[approval.id] = approval
        self._ports.tasks.spawn(self._answer, operator, approval)

    def _answer(self, operator: Operator, approval: Approval) -> None:
        if approval.is_ours:  # our plugin asks for a call that was judged before
            held_id = self._ports.held_of(approval.call_id)
            self._leave(approval, held_id)
            return
        action = rules.approval_action(approval)
        decision = self._judge(action)
        self._ports.coverage.decided(approval.run_id, approval.call_id, decision)
        said = rules.answer(decision, approval, self._ports.risk(action))
        if said is None:
            held = self._ports.reviews.waiting(action)
            self._leave(approval, held.id if held is not None else None)
        else:
            self._say(operator, approval, said)

    def _leave(self, approval: Approval, held_id: str | None) -> None:
        if held_id is not None:
            self._for_people.setdefault(held_id, []).append(approval)
        self._count("left")

    def _say(self, operator: Operator, approval: Approval, said: str) -> bool:
        """Answer; False when somebody else was first, or nobody could be told."""
        desk = rules.DESKS[approval.event]
        try:
            operator.call(desk.resolve, {"id": approval.id, "decision": said})
        except RefusedError as refused:
            lost = refused.reason in rules.LOST
            self._count("lost" if lost else "failed")
            if not lost:
                logger.warning("approval.not_answered", extra={"kind": desk.kind, "reason": refused.reason})
            return False
        except UpstreamError:  # it will be asked about again after the next connect
            self._count("failed")
            return False
        self._count(said)
        self._ports.coverage.answered(approval.run_id, approval.call_id, allowed=said == rules.ALLOW_ONCE)
        return True

    def reviewed(self, held: Held) -> None:
        """A person answered here (`clawgate review`) what the gateway waits with."""
        if held.state in (APPROVED, DENIED) and (waiting := self._for_people.pop(held.id, None)):
            self._ports.tasks.spawn(self._pass_on, waiting, held)

    def _pass_on(self, waiting: list[Approval], held: Held) -> None:
        """Leave is for one of them; the others are asked about anew."""
        operator = self._operator
        if operator is None:  # the leave that was given is used when the gateway asks again
            return
        if held.state == DENIED:
            for approval in waiting:
                self._say(operator, approval, rules.DENY)
            return
        self._say(operator, waiting[0], rules.ALLOW_ONCE)
        self._use_up(held)
        for approval in waiting[1:]:
            self._answer(operator, approval)

    def _use_up(self, held: Held) -> None:
        """Leave for one action has served; leave for the like of it goes on."""
        reviews = self._ports.reviews
        if any(grant.id == held.id and grant.binding is not None for grant in reviews.grants()):
            try:
                reviews.revoke(held.id, rules.MODE)
            except (OSError, GwError) as error:  # gone from memory; it comes back with a restart, until it ends
                logger.error("leave.not_written", extra={"held": held.id, "error": type(error).__name__})

    def _resolved(self, payload: Json) -> None:
        """Somebody answered an approval, we or others."""
        approval = self._open.pop(rules.text_of(payload, "id"), None)
        if approval is None:
            return
        allowed = rules.text_of(payload, "decision").startswith("allow")
        by = rules.text_of(payload, "resolvedBy")
        self._ports.coverage.answered(approval.run_id, approval.call_id, allowed=allowed)
        held_id = next((name for name, waiting in self._for_people.items() if approval in waiting), None)
        if held_id is None:
            return
        self._for_people[held_id].remove(approval)
        if self._for_people[held_id]:
            return  # others wait with it
        del self._for_people[held_id]
        if by:  # nobody: its time was over
            try:
                self._ports.reviews.settle(held_id, by, allowed=allowed)
            except ApprovalNotFound:
                logger.info("approval.settled_before", extra={"held": held_id})
            except (OSError, GwError) as error:  # it is asked about here until its time is over
                logger.error("approval.not_settled", extra={"held": held_id, "error": type(error).__name__})

    # --- what happens in sessions ---------------------------------------------------------------------------

    def _heard(self, operator: Operator, payload: Json) -> None:
        prompt = rules.read_prompt(payload)
        if prompt is not None and not self._ports.has_plugin():
            self._watch(operator, rules.prompt_action(prompt), prompt.session_key, prompt.run_id)

    def _saw(self, operator: Operator, call: ToolEvent) -> None:
        event = (call.run_id, call.call_id, call.phase)
        if event in self._seen:
            return
        self._seen[event] = None
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
        if call.phase == "start" and not self._is_gated(call):
            self._watch(operator, rules.call_action(call), call.session_key, call.run_id)
        if call.phase == "result":
            self._ended(operator, call)

    def _ended(self, operator: Operator, call: ToolEvent) -> None:
        if rules.was_refused(call, self._ports.coverage.is_refused(call.run_id, call.call_id)):
            return  # what it shows are a gate's own words
        execution = Execution(rules.MODE, call.tool, call.run_id, call.call_id, call.session_key)
        self._ports.coverage.executed(execution)
        returned = None if self._ports.has_plugin() else rules.result_action(call)
        if returned is not None:
            self._watch(operator, returned, call.session_key, call.run_id)

    def _is_gated(self, call: ToolEvent) -> bool:
        """Whether some gate is asked about this call, so that watching it would judge it twice."""
        asked = self._asks_always and call.tool == "exec"
        return asked or self._ports.has_plugin() or self._ports.coverage.is_decided(call.run_id, call.call_id)

    def _watch(self, operator: Operator, action: Action, session_key: str, run_id: str) -> None:
        """Judge what already happens; all that can be done about it is to end the run."""
        decision = self._judge(action)
        if not rules.must_abort(decision, self._ports.risk(action)):
            return
        try:
            operator.call("chat.abort", {"sessionKey": session_key} | ({"runId": run_id} if run_id else {}))
        except UpstreamError as error:
            logger.warning("run.not_aborted", extra={"decision": decision.id, "problem": str(error)})
            return
        self._aborted += 1
        logger.info("run.aborted", extra={"decision": decision.id})

    def _judge(self, action: Action) -> Decision:
        decision = self._ports.judge(action)
        if decision.verdict is not Verdict.ALLOW:
            self._ports.tell(decision)
        return decision

    # --- proof and state ------------------------------------------------------------------------------------

    def gates(self) -> list[str]:
        """The gates that are configured, which a probe must find biting."""
        return [
            gate for gate, is_on in (("approvals", self._asks_always), ("plugin", self._ports.has_plugin())) if is_on
        ]

    def _prove(self) -> None:
        """Probe every gate, as another client: a gateway does not show the asker's own questions to the asker."""
        try:
            for gate in self.gates():
                self._canaries.note(gate, self._probe(gate))
        finally:
            self._is_proving = False

    def _probe(self, gate: str) -> canary.Outcome:
        try:
            asker = self._dial(())
        except UpstreamError:
            return canary.Outcome.UNREACHABLE
        try:
            asker.login(self._login._replace(scopes=rules.ASKER_SCOPES, caps=()))
            return canary.run(gate, asker.call)
        except UpstreamError:
            return canary.Outcome.UNREACHABLE
        finally:
            asker.close()

    def status(self) -> Mapping[str, Json]:
        """For `status`."""
        return {
            "connected": self._operator is not None,
            "problem": self._why,
            "sinceMs": self._since_ms,
            "version": self._server,
            "execAsksAlways": self._asks_always,
            "gates": self.gates(),
            "canaries": self._canaries.status(),
            "sessions": len(self._sessions),
            "waiting": sum(map(len, self._for_people.values())),
            "answers": dict(self._answers),
            "aborted": self._aborted,
        }

    def _count(self, outcome: str) -> None:
        self._answers[outcome] += 1
        self._ports.metrics.add(METRIC, outcome)
