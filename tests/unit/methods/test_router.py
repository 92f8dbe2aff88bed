import logging

import pytest

from gw.errors import ApprovalNotFound, StoreError
from gw.methods.router import ANSWERED, Call, rpc, verdict_error
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from tests.support.peers import Stage

READ, WRITE, ADMIN = "operator.read", "operator.write", "operator.admin"
FINDINGS = (
    Finding("deny.rm", points=90, floor=Verdict.BLOCK, say="deletes everything", instead="name the files"),
    Finding("score.tool", points=20),
    Finding("shadow.rule", points=99, live=False),
)


def decision(enforced, *, verdict=None, findings=FINDINGS):
    verdict = enforced if verdict is None else verdict
    ref = PolicyRef("p", 1, "d")
    return Decision("dec_1", "act_1", "chat.send", "00", verdict, verdict, enforced, 90, findings, ref, "enforce", 5, 1)


class Family:
    def __init__(self):
        self.calls = []
        self.later = None

    @rpc("health", inline=True)
    def health(self, call: Call):
        return {"ok": True}

    @rpc("sessions.list")
    @rpc("status")
    def echo(self, call: Call):
        self.calls.append(call)
        return {"method": call.method, "params": call.params}

    @rpc("chat.send", inline=True)
    def send(self, call: Call):
        self.calls.append(call)
        return {"verdict": call.decision.verdict.word if call.decision else None}

    @rpc("agent")
    def twice(self, call: Call):
        call.respond({"status": "accepted"})
        return {"status": "ok"}

    @rpc("chat.abort")
    def answered_later(self, call: Call):
        self.later = call
        return ANSWERED

    @rpc("models.list")
    def refuse(self, call: Call):
        raise ApprovalNotFound("no such thing", details={"x": 1})

    @rpc("logs.tail")
    def broken_disk(self, call: Call):
        raise StoreError("disk full")

    @rpc("cron.list", inline=True)
    def bug(self, call: Call):
        raise ZeroDivisionError

    @rpc("node.event")
    def node_only(self, call: Call):
        return {}

    @rpc("sessions.patch")
    def patch(self, call: Call):
        return {}


def ask(method, params=None, scopes=(READ,), **options):
    stage = Stage(Family(), **options)
    visitor = stage.enter(*scopes)
    visitor.ask(method, params)
    return visitor.last


def test_a_handler_answers():
    assert ask("health") == {"type": "res", "id": "1", "ok": True, "payload": {"ok": True}}
    assert ask("status", {"a": 1})["payload"] == {"method": "status", "params": {"a": 1}}
    assert ask("sessions.list", {"limit": 5})["payload"]["params"] == {"limit": 5}


def test_health_answers_without_any_scope_and_nothing_else_does():
    assert ask("health", scopes=())["ok"]
    assert ask("status", scopes=())["error"]["details"] == {
        "code": "MISSING_SCOPE",
        "missingScope": READ,
        "requiredScopes": [READ],
    }


@pytest.mark.parametrize(
    ("method", "scopes", "code", "message"),
    [
        ("chat.send", (READ,), "FORBIDDEN", "missing scope: operator.write"),
        ("no.such.method", (READ,), "FORBIDDEN", "missing scope: operator.admin"),
        ("no.such.method", (ADMIN,), "INVALID_REQUEST", "unknown method: no.such.method"),
        ("connect", (READ,), "FORBIDDEN", "missing scope: operator.admin"),
        ("connect", (ADMIN,), "INVALID_REQUEST", "connect is only valid as the first request"),
        ("node.event", (ADMIN,), "INVALID_REQUEST", "unauthorized role: operator"),
        ("config.set", (READ,), "FORBIDDEN", "missing scope: operator.admin"),
        (
            "sessions.patch",
            (WRITE,),
            "INVALID_REQUEST",
            "invalid sessions.patch params: must have required property 'key'",
        ),
        (
            "sessions.list",
            (READ,),
            "INVALID_REQUEST",
            "invalid sessions.list params: at root: unexpected property 'x'",
        ),
    ],
)
def test_refusals(method, scopes, code, message):
    params = {"x": 1} if method == "sessions.list" else {}
    error = ask(method, params, scopes)["error"]
    assert (error["code"], error["message"]) == (code, message)


def test_a_known_method_without_a_handler_names_itself():
    error = ask("tts.status", scopes=(READ,))["error"]
    assert error == {
        "code": "UNAVAILABLE",
        "message": "method tts.status is part of the protocol but not served by this gateway",
        "details": {"code": "METHOD_NOT_SERVED", "method": "tts.status", "family": "tts"},
        "retryable": False,
    }


def test_scopes_of_a_dynamic_method_depend_on_the_params():
    assert ask("sessions.patch", {"key": "k", "label": "l"}, (WRITE,))["ok"]
    assert ask("sessions.patch", {"key": "k", "execHost": "x"}, (WRITE,))["error"]["message"].endswith(ADMIN)
    assert ask("sessions.patch", {"key": "k", "execHost": "x"}, (ADMIN,))["ok"]


def test_narrow_session_scopes_admit_but_never_where_admin_is_needed():
    assert ask("sessions.list", {}, ("operator.sessions.read",))["ok"]
    assert ask("sessions.patch", {"key": "k", "label": "l"}, ("operator.sessions.write",))["ok"]
    assert not ask("sessions.patch", {"key": "k", "execHost": "x"}, ("operator.sessions.write",))["ok"]
    assert not ask("status", {}, ("operator.sessions.read",))["ok"]


def test_two_answers_to_one_request():
    visitor = Stage(Family()).enter(WRITE)
    visitor.ask("agent", {"message": "x"})
    assert [(frame["id"], frame["payload"]["status"]) for frame in visitor.link.answers] == [
        ("1", "accepted"),
        ("1", "ok"),
    ]


def test_an_answer_that_comes_later():
    family = Family()
    visitor = Stage(family).enter(WRITE)
    visitor.ask("chat.abort", {})
    assert visitor.link.answers == []
    family.later.respond({"aborted": True})
    assert visitor.last["payload"] == {"aborted": True}


def test_what_a_handler_raises_becomes_the_answer(caplog):
    caplog.set_level(logging.CRITICAL, "gw")
    assert ask("models.list")["error"] == {
        "code": "APPROVAL_NOT_FOUND",
        "message": "no such thing",
        "details": {"x": 1},
    }
    assert ask("logs.tail")["error"]["message"] == "logs.tail failed: disk full"
    broken = ask("cron.list")["error"]
    assert (broken["code"], broken["message"]) == ("UNAVAILABLE", "cron.list failed inside the gateway")
    assert "ZeroDivision" not in str(broken)


# --- judging ----------------------------------------------------------------------------------------------------------

SEND = {"sessionKey": "main", "message": "x", "idempotencyKey": "k"}


def test_an_allowed_action_reaches_its_handler_with_the_decision():
    stage = Stage(Family(), guard=lambda call: decision(Verdict.ALLOW))
    visitor = stage.enter(WRITE)
    visitor.ask("chat.send", SEND)
    assert visitor.last["payload"] == {"verdict": "allow"}
    assert [method for _, method in stage.announced] == ["chat.send"]


def test_a_blocked_action_does_not():
    family = Family()
    visitor = Stage(family, guard=lambda call: decision(Verdict.BLOCK)).enter(WRITE)
    visitor.ask("chat.send", SEND)
    assert family.calls == []
    assert visitor.last["error"] == {
        "code": "FORBIDDEN",
        "message": "blocked by clawgate: deletes everything",
        "details": {
            "code": "GUARD_BLOCKED",
            "decisionId": "dec_1",
            "rules": ["deny.rm", "score.tool"],
            "say": "deletes everything",
            "instead": "name the files",
        },
    }


def test_a_held_action_says_so():
    visitor = Stage(Family(), guard=lambda call: decision(Verdict.REVIEW)).enter(WRITE)
    visitor.ask("chat.send", SEND)
    error = visitor.last["error"]
    assert (error["code"], error["details"]["code"], error["retryable"]) == ("UNAVAILABLE", "GUARD_REVIEW", False)


def test_in_audit_mode_the_call_goes_on():
    visitor = Stage(Family(), guard=lambda call: decision(Verdict.ALLOW, verdict=Verdict.BLOCK)).enter(WRITE)
    visitor.ask("chat.send", SEND)
    assert visitor.last["payload"] == {"verdict": "block"}


def test_what_may_not_be_called_is_not_judged():
    judged = []
    visitor = Stage(Family(), guard=judged.append).enter(READ)
    visitor.ask("chat.send", SEND)
    visitor.ask("status", {})
    assert judged == []


def test_a_broken_guard_lets_nothing_through(caplog):
    caplog.set_level(logging.CRITICAL, "gw")
    family = Family()

    def broken(call):
        raise RuntimeError

    visitor = Stage(family, guard=broken).enter(WRITE)
    visitor.ask("chat.send", SEND)
    assert family.calls == []
    assert visitor.last["error"]["code"] == "UNAVAILABLE"


def test_the_guard_sees_the_bytes_that_were_sent():
    seen = []
    visitor = Stage(Family(), guard=lambda call: seen.append(call.raw) or decision(Verdict.ALLOW)).enter(WRITE)
    visitor.say(
        b'{"type":"req","id":"1","method":"chat.send","params":{"sessionKey":"m" , "message":"x","idempotencyKey":"k"}}'
    )
    assert seen == [b'{"sessionKey":"m" , "message":"x","idempotencyKey":"k"}']


def test_a_decision_without_wording_still_says_something():
    error = verdict_error(decision(Verdict.REVIEW, findings=(Finding("engine.timeout", floor=Verdict.REVIEW),)))
    assert error.message == "held for review by clawgate: this action is not allowed by the policy"


def test_a_shadow_rule_gives_no_reason():
    findings = (
        Finding("t.shadow", points=90, say="Not this.", live=False),
        Finding("t.live", points=70, say="This.", instead="That."),
    )
    error = verdict_error(decision(Verdict.BLOCK, findings=findings))
    assert error.message == "blocked by clawgate: This."
    assert error.details["rules"] == ["t.live"] and error.details["instead"] == "That."


# --- the table --------------------------------------------------------------------------------------------------------


def test_served_names_only_what_has_a_handler_and_is_advertised():
    served = Stage(Family()).router.served()
    assert "chat.send" in served
    assert "tts.status" not in served
    assert set(served) == {
        *("health", "sessions.list", "status", "chat.send", "agent", "chat.abort", "models.list", "logs.tail"),
        *("cron.list", "node.event", "sessions.patch"),
    }


def test_protocol_3_is_told_only_what_it_knows():
    class New:
        @rpc("sessions.patchMany")
        def patch_many(self, call: Call):
            return {}

    router = Stage(New()).router
    assert router.served(4) == ("sessions.patchMany",)
    assert router.served(3) == ()


def test_handlers_need_a_row_and_are_alone():
    class Unknown:
        @rpc("no.such.method")
        def handle(self, call: Call):
            return {}

    with pytest.raises(ValueError, match="no such method"):
        Stage(Unknown())
    with pytest.raises(ValueError, match="two handlers"):
        Stage(Family(), Family())


@pytest.mark.parametrize(
    ("points", "said"),
    [(45, "It asks for secrets."), (5, "It resembles attacks.")],
    ids=["a rule that weighs about as much goes first", "a remark does not"],
)
def test_what_a_text_holds_is_told_before_what_it_resembles(points: int, said: str) -> None:
    model = Finding("prompt.model.user", points=50, say="It resembles attacks.", tags=("model",))
    error = verdict_error(
        decision(Verdict.BLOCK, findings=(model, Finding("p.rule", points=points, say="It asks for secrets.")))
    )
    assert error.details["say"] == said
    assert set(error.details["rules"]) == {"prompt.model.user", "p.rule"}
