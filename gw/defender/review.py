"""Held actions: what waits for a person, what a person has given leave for, and the use of that leave.

Knows no wire and no clock but the port's. Invariant: leave is bound to exactly the judged content (or boxed by session,
tool and rules), is used at most as often as it says, and is on disk before it has an effect; a hold that the disk
refused is kept in memory and written with the next change.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from gw._native.filehash import sha256
from gw.errors import ApprovalNotFound, GwError
from gw.model.action import Action
from gw.model.decision import Decision, Finding, Verdict
from gw.ports import Clock

HOLD_TTL_MS: Final = 24 * 3_600_000
GRANT_TTL_MS: Final = 3_600_000  # of leave for one action that was not used
MAX_HELD: Final = 1000
MAX_GRANTS: Final = 1000
MAX_LIKE_USES: Final = 100
LIKE_USES: Final = 20
MAX_LIKE_MS: Final = 8 * 3_600_000

PENDING, APPROVED, DENIED, EXPIRED = "pending", "approved", "denied", "expired"
SETTLED: Final = "settled"  # event: answered elsewhere


class ReviewStore(Protocol):
    """Where changes are kept, in order."""

    def append(self, event: Mapping[str, Any]) -> None:
        """Return once *event* is on disk. Raises OSError, GwError."""


class Held(NamedTuple):
    """An action that waits; its id is that of the decision that held it, which names its text in quarantine."""

    id: str
    binding: str  # digest of what was judged
    method: str
    rules: tuple[str, ...]
    score: int
    at_ms: int
    expires_ms: int
    tool: str | None = None
    channel: str | None = None
    session_key: str | None = None
    agent_id: str | None = None
    state: str = PENDING
    by: str = ""  # who answered
    note: str = ""
    asked: int = 1  # times the same action came again while it waited


class Grant(NamedTuple):
    """Leave: for one content (`binding`), or for the like of it (same session, agent, tool, method; no new rule)."""

    id: str  # of the held action it came from
    binding: str | None
    until_ms: int
    uses: int  # left
    by: str = ""
    method: str = ""
    rules: tuple[str, ...] = ()
    tool: str | None = None
    session_key: str | None = None
    agent_id: str | None = None

    def covers(self, decision: Decision, action: Action, binding: str, now_ms: int) -> bool:
        if self.uses < 1 or now_ms >= self.until_ms:
            return False
        if self.binding is not None:
            return self.binding == binding
        same = (self.method, self.tool, self.session_key, self.agent_id) == (
            action.method, action.tool, action.session_key, action.agent_id,
        )  # fmt: skip
        return same and set(reasons(decision)) <= set(self.rules)


Listener = Callable[[Held], None]


class Reviews:
    """`listener` hears of every held action and every answer. Methods that change something may wait for the disk."""

    def __init__(
        self,
        store: ReviewStore,
        clock: Clock,
        *,
        listener: Listener = lambda held: None,
        hold_ttl_ms: int = HOLD_TTL_MS,
    ) -> None:
        self.listener = listener
        self._store = store
        self._clock = clock
        self._hold_ttl_ms = hold_ttl_ms
        self._held: dict[str, Held] = {}
        self._by_binding: dict[str, str] = {}  # of those that are pending or denied
        self._grants: dict[str, Grant] = {}
        self._unwritten: list[dict[str, Any]] = []  # holds that the disk refused, at most MAX_HELD

    # --- what the pipeline asks -----------------------------------------------------------------------------

    def grant(self, decision: Decision, action: Action) -> Decision:
        """The decision as leave given before makes it; unchanged when there is none."""
        binding, now_ms = bind(action), self._clock.now_ms()
        for grant in self._grants.values():
            if not grant.covers(decision, action, binding, now_ms):
                continue
            # Taken before the wait for the disk: a second request meets what is left.
            self._grants[grant.id] = grant._replace(uses=grant.uses - 1)
            try:
                self._store.append({"event": "used", "id": grant.id, "decision": decision.id, "at": now_ms})
            except (OSError, GwError):
                return _noted(decision, "review.unavailable", "the use of leave could not be written down")
            finding = Finding("review.granted", detail=f"leave given for {grant.id} by {grant.by or 'a person'}")
            return decision._replace(enforced=Verdict.ALLOW, findings=(*decision.findings, finding))
        known = self._held.get(self._by_binding.get(binding, ""))
        if known is not None and known.expires_ms > now_ms:
            rule = "review.denied" if known.state == DENIED else "review.pending"
            return _noted(decision, rule, f"as {known.id}")
        return decision

    def hold(self, decision: Decision, action: Action) -> Held | None:
        """Keep the action for a person; None when it could not be kept (too many) or was denied before."""
        binding, now_ms = bind(action), self._clock.now_ms()
        known = self._held.get(self._by_binding.get(binding, ""))
        if known is not None and known.expires_ms > now_ms:
            if known.state == PENDING:
                self._held[known.id] = known = known._replace(asked=known.asked + 1)
                return known
            return None
        self._forget_old(now_ms)
        if len(self._held) >= MAX_HELD:
            return None
        held = Held(
            id=decision.id,
            binding=binding,
            method=action.method,
            rules=reasons(decision),
            score=decision.score,
            at_ms=now_ms,
            expires_ms=now_ms + self._hold_ttl_ms,
            tool=action.tool,
            channel=action.channel,
            session_key=action.session_key,
            agent_id=action.agent_id,
        )
        self._keep(held)
        self._unwritten.append({"event": "held", **held._asdict()})
        self.flush()
        self.listener(held)
        return held

    def waiting(self, action: Action) -> Held | None:
        """The hold this very action stands under, pending or denied; None when nothing holds it (any more)."""
        known = self._held.get(self._by_binding.get(bind(action), ""))
        return known if known is not None and known.expires_ms > self._clock.now_ms() else None

    def flush(self) -> bool:
        """Write holds that the disk refused before; False when it still does."""
        try:
            while self._unwritten:
                event = self._unwritten[0]
                self._store.append(event)
                if self._unwritten and self._unwritten[0] is event:  # another greenlet may have been here meanwhile
                    del self._unwritten[0]
        except (OSError, GwError):
            del self._unwritten[MAX_HELD:]
            return False
        return True

    # --- what people do -------------------------------------------------------------------------------------

    def pending(self) -> list[Held]:
        """What waits, oldest first."""
        now_ms = self._clock.now_ms()
        return [held for held in self._held.values() if held.state == PENDING and held.expires_ms > now_ms]

    def all(self) -> list[Held]:
        """Everything remembered, with expired ones named so."""
        now_ms = self._clock.now_ms()
        return [_as_of(held, now_ms) for held in self._held.values()]

    def get(self, held_id: str) -> Held:
        """Raises ApprovalNotFound."""
        held = self._held.get(held_id)
        if held is None:
            raise ApprovalNotFound(f"no held action {held_id[:80]}")
        return _as_of(held, self._clock.now_ms())

    def approve(
        self, held_id: str, by: str, *, note: str = "", like_ms: int | None = None, uses: int = LIKE_USES
    ) -> Grant:
        """Give leave for this action once, or with *like_ms* for the like of it. Raises ApprovalNotFound, OSError."""
        held = self._answerable(held_id)
        now_ms = self._clock.now_ms()
        if len(self._grants) >= MAX_GRANTS:
            self._forget_old(now_ms)
        alike = like_ms is not None
        grant = Grant(
            id=held.id,
            binding=None if alike else held.binding,
            until_ms=now_ms + (min(like_ms, MAX_LIKE_MS) if like_ms is not None else GRANT_TTL_MS),
            uses=max(1, min(uses, MAX_LIKE_USES)) if alike else 1,
            by=by,
            method=held.method,
            rules=held.rules,
            tool=held.tool,
            session_key=held.session_key,
            agent_id=held.agent_id,
        )
        answered = held._replace(state=APPROVED, by=by, note=note)
        self.flush()
        self._store.append({"event": APPROVED, "by": by, "note": note, "at": now_ms, **grant._asdict()})
        self._grants[grant.id] = grant
        self._held[held.id] = answered
        self._by_binding.pop(held.binding, None)
        self.listener(answered)
        return grant

    def deny(self, held_id: str, by: str, *, note: str = "") -> Held:
        """Refuse; the same action is refused until the hold would have ended. Raises ApprovalNotFound, OSError."""
        held = self._answerable(held_id)._replace(state=DENIED, by=by, note=note)
        self.flush()
        self._store.append({"event": DENIED, "id": held.id, "by": by, "note": note, "at": self._clock.now_ms()})
        self._held[held.id] = held
        self.listener(held)
        return held

    def settle(self, held_id: str, by: str, *, allowed: bool) -> Held:
        """A person answered elsewhere, where the action itself waits: this closes the hold and gives no leave.

        Raises ApprovalNotFound, OSError.
        """
        held = self._answerable(held_id)._replace(state=APPROVED if allowed else DENIED, by=by)
        self.flush()
        now_ms = self._clock.now_ms()
        self._store.append({"event": SETTLED, "id": held.id, "state": held.state, "by": by, "at": now_ms})
        self._held[held.id] = held
        if allowed:
            self._by_binding.pop(held.binding, None)
        self.listener(held)
        return held

    def grants(self) -> list[Grant]:
        """Leave that can still be used."""
        now_ms = self._clock.now_ms()
        return [grant for grant in self._grants.values() if grant.uses and grant.until_ms > now_ms]

    def revoke(self, grant_id: str, by: str) -> None:
        """Take leave back. Raises ApprovalNotFound, OSError."""
        if grant_id not in self._grants:
            raise ApprovalNotFound(f"no leave {grant_id[:80]}")
        del self._grants[grant_id]  # before the wait: nothing may use it meanwhile
        self._store.append({"event": "revoked", "id": grant_id, "by": by, "at": self._clock.now_ms()})

    # --- the past -------------------------------------------------------------------------------------------

    def restore(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take up what the store remembers; an event that makes no sense any more is passed over."""
        for event in events:
            match event.get("event"):
                case "held":
                    self._keep(_from(Held, event))
                case "approved":
                    grant = _from(Grant, event)
                    self._grants[grant.id] = grant
                    self._answer(grant.id, APPROVED, event)
                case "denied":
                    self._answer(str(event.get("id")), DENIED, event)
                case "settled":
                    self._answer(str(event.get("id")), str(event.get("state")), event)
                case "used" if (known := self._grants.get(str(event.get("id")))) is not None:
                    self._grants[known.id] = known._replace(uses=known.uses - 1)
                case "revoked":
                    self._grants.pop(str(event.get("id")), None)
        self._forget_old(self._clock.now_ms())

    def snapshot(self) -> list[dict[str, Any]]:
        """Events that restore the present state: for a shorter store."""
        events: list[dict[str, Any]] = []
        for held in self._held.values():
            events.append({"event": "held", **held._asdict(), "state": PENDING})
            if held.state == DENIED:
                events.append({"event": DENIED, "id": held.id, "by": held.by, "note": held.note})
            elif held.state == APPROVED:  # whether or not leave is left
                events.append({"event": SETTLED, "id": held.id, "state": APPROVED, "by": held.by})
        events += [{"event": APPROVED, **grant._asdict()} for grant in self.grants()]
        return events

    def _answer(self, held_id: str, state: str, event: Mapping[str, Any]) -> None:
        held = self._held.get(held_id)
        if held is not None:
            self._held[held_id] = held._replace(state=state, by=event.get("by", ""), note=event.get("note", ""))
            if state == APPROVED:
                self._by_binding.pop(held.binding, None)

    def _answerable(self, held_id: str) -> Held:
        held = self.get(held_id)
        if held.state != PENDING:
            raise ApprovalNotFound(f"held action {held.id} is {held.state}")
        return held

    def _keep(self, held: Held) -> None:
        self._held[held.id] = held
        self._by_binding[held.binding] = held.id

    def _drop(self, held_id: str) -> None:
        held = self._held.pop(held_id)
        if self._by_binding.get(held.binding) == held_id:
            del self._by_binding[held.binding]

    def _forget_old(self, now_ms: int) -> None:
        for held in [held for held in self._held.values() if held.expires_ms <= now_ms]:
            self._drop(held.id)
        for grant in [grant for grant in self._grants.values() if not grant.uses or grant.until_ms <= now_ms]:
            del self._grants[grant.id]


def bind(action: Action) -> str:
    """Digest of everything the verdict was about: leave for one content never fits another."""
    digest = sha256()
    names = (action.method, action.tool, action.channel, action.chat_type, action.session_key, action.agent_id)
    for text in (*names, action.sender, action.provenance.value):
        _feed(digest, text or "")
    for part in action.parts:
        for text in (part.kind.value, part.where, part.value):
            _feed(digest, text)
    return digest.hexdigest()


def _feed(digest: sha256, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    digest.update(len(data).to_bytes(8, "big"))
    digest.update(data)


def reasons(decision: Decision) -> tuple[str, ...]:
    """The rules a person is asked about: live ones that add points or demand a verdict; bonuses are no reasons."""
    return tuple(
        dict.fromkeys(
            finding.rule
            for finding in decision.findings
            if finding.live and (finding.points or finding.floor) and not finding.rule.startswith("bonus.")
        )
    )


def _noted(decision: Decision, rule: str, detail: str) -> Decision:
    return decision._replace(findings=(*decision.findings, Finding(rule, detail=detail)))


def _as_of(held: Held, now_ms: int) -> Held:
    return held._replace(state=EXPIRED) if held.state == PENDING and held.expires_ms <= now_ms else held


def _from(kind: type[Any], event: Mapping[str, Any]) -> Any:
    """A `Held` or `Grant` from an event; unknown keys of a newer version are passed over."""
    fields = {name: event[name] for name in kind._fields if name in event}
    if "rules" in fields:
        fields["rules"] = tuple(fields["rules"])
    return kind(**fields)
