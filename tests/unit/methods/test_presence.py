from gw.methods.presence import BEACON_MS, BEACONS, GATHER_S, Presence
from tests.support.openclaw import problems
from tests.support.peers import Stage

READ = "operator.read"
APP = {"client": {"id": "openclaw-ios", "mode": "ui", "displayName": "Phone"}}


class Timers:
    def __init__(self):
        self.waiting = []

    def later(self, seconds, function):
        self.waiting.append((seconds, function))

    def fire(self):
        for _, function in self.waiting:
            function()
        self.waiting.clear()


def make():
    stage, timers = Stage(), Timers()
    presence = Presence(stage.bus, stage.clock, "1.2.3", "boot-1", timers.later)
    stage.router.attach(presence)
    return stage, presence, timers


def test_the_gateway_itself_comes_first():
    _, presence, _ = make()
    (own,) = presence.entries()
    assert (own["mode"], own["reason"], own["version"], own["instanceId"]) == ("gateway", "self", "1.2.3", "boot-1")


def test_people_and_devices_are_listed_and_passing_programs_are_not():
    stage, presence, _ = make()
    stage.enter(READ)
    phone = stage.enter(READ, **APP)
    assert [entry["mode"] for entry in presence.entries()] == ["gateway", "ui"]
    entry = presence.entries()[1]
    assert (entry["host"], entry["roles"], entry["scopes"]) == ("Phone", ["operator"], [])
    assert "deviceId" not in entry
    phone.client.closed(1000, "")
    assert len(presence.entries()) == 1


def test_entries_are_of_the_published_shape():
    stage, presence, _ = make()
    stage.enter(READ, **APP)
    for entry in presence.entries():
        assert problems("PresenceEntry", entry) == []


def test_the_method_answers_the_list():
    stage, presence, _ = make()
    visitor = stage.enter(READ)
    visitor.ask("system-presence")
    assert visitor.last["payload"] == presence.entries()


def test_an_answer_is_given_again_until_somebody_comes_or_the_second_is_over():
    stage, presence, _ = make()
    visitor = stage.enter(READ)

    def told():
        visitor.ask("system-presence")
        return [(entry["mode"], entry["ts"]) for entry in visitor.last["payload"]]

    first = told()
    stage.clock.ms += 1
    assert told() == first
    phone = stage.enter(READ, **APP)
    presence.changed(phone.client)
    assert [mode for mode, _ in told()] == ["gateway", "ui"]
    stage.clock.ms += 1000
    assert told()[0] == ("gateway", stage.clock.now_ms())


def test_many_changes_are_one_broadcast():
    stage, presence, timers = make()
    watcher = stage.enter(READ)
    for _ in range(5):
        presence.changed(stage.enter(READ, **APP).client)
    assert [seconds for seconds, _ in timers.waiting] == [GATHER_S]
    timers.fire()
    (event,) = watcher.link.events("presence")
    assert event["stateVersion"]["presence"] == 5
    assert len(event["payload"]["presence"]) == 6
    presence.changed(watcher.client)
    assert timers.waiting == []


def test_a_client_is_told_of_itself():
    stage, presence, _ = make()
    phone = stage.enter(READ, **APP)
    stage.bus.remove(phone.client)
    assert len(presence.entries(joining=phone.client)) == 2


def test_a_beacon_is_listed_until_it_has_been_silent():
    stage, presence, timers = make()
    admin = stage.enter("operator.admin", READ)
    told = {"text": "Node: attic", "deviceId": "D1", "host": "attic", "tags": ["x"], "lastInputSeconds": 5, "roles": []}
    admin.ask("system-event", told)
    assert admin.last["payload"] == {"ok": True}
    admin.ask("system-event", {**told, "host": "cellar"})
    (_, row) = presence.entries()
    assert (row["host"], row["deviceId"], row["tags"], row["lastInputSeconds"]) == ("cellar", "D1", ["x"], 5)
    assert problems("PresenceEntry", row) == []
    assert timers.waiting
    stage.clock.ms += BEACON_MS
    assert len(presence.entries()) == 1


def test_beacons_are_bounded():
    stage, presence, _ = make()
    admin = stage.enter("operator.admin", READ)
    for number in range(BEACONS + 5):
        admin.ask("system-event", {"text": f"beacon {number}"})
    assert len(presence.entries()) == 1 + BEACONS
    assert presence.entries()[1]["text"] == "beacon 5"


def test_what_is_no_beacon():
    stage, presence, _ = make()
    admin = stage.enter("operator.admin", READ)
    for wrong in (
        {},
        {"text": " "},
        {"text": 5},
        {"text": "x", "host": 1},
        {"text": "x", "tags": "x"},
        {"text": "x", "tags": [1]},
    ):
        admin.ask("system-event", wrong)
        assert admin.last["error"]["code"] == "INVALID_REQUEST"
    assert len(presence.entries()) == 1
