import pytest

from gw import hub
from gw.config.load import load
from gw.errors import ConfigError, Overloaded, StoreError
from gw.modes.build import SENT_EVENTS, Gateway, read_shapes
from gw.observe.history import History
from gw.ports import UpgradeFacts
from gw.session.store import CLAIMS, Put
from tests.support.peers import FakeLink

POLICY = "version: 1\nkind: policy\nid: test.build\ntitle: Nothing is judged here\nmode: enforce\n"


def make(tmp_path, **flags):
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    given = {"gateway.state": str(tmp_path / "state"), "policy.path": str(file), **flags}
    config = tmp_path / "clawgate.yaml"
    config.write_text("")
    return Gateway(load(config, {}, given), History(10))


@pytest.fixture
def gateway(tmp_path):
    gateway = make(tmp_path)
    gateway.attach("127.0.0.1", 18789)
    yield gateway
    gateway.close()


def test_every_published_family_that_is_served_has_a_handler(gateway):
    served = set(gateway.router.served())
    assert {"health", "status", "chat.send", "sessions.list", "device.pair.list", "node.list", "config.get"} <= served
    assert {"security.evaluate", "security.policy", "system-presence"} <= served


def test_what_is_advertised_has_a_row_and_what_is_served_passes_its_shape(gateway):
    names = {spec.name for spec in gateway.bus.events}
    assert names >= SENT_EVENTS
    shapes = read_shapes(set(gateway.router.served()))
    assert "chat.send" in shapes


def test_a_connection_gets_its_protocol_object(gateway):
    link = FakeLink()
    client = gateway.peer(link, UpgradeFacts("127.0.0.1", "/", {}, False))
    client.opened()
    assert link.sent[0]["event"] == "connect.challenge"


def test_a_beat_is_heard_by_everybody_and_counts_the_health_version(gateway):
    gateway.beat()
    assert gateway.bus.state_version() == {"presence": 0, "health": 1}


def test_the_posture_tells_what_judges(gateway):
    posture = gateway.posture()
    assert posture["policy"]["name"] == "test.build"
    assert (posture["auditOnly"], posture["connections"], posture["pairedDevices"]) == (False, 0, 0)


def test_an_open_door_to_others_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="loopback"):
        make(tmp_path, **{"auth.mode": "none", "gateway.listen": "0.0.0.0:0"})


def test_a_control_ui_folder_without_a_page_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"index\.html"):
        make(tmp_path, **{"gateway.control_ui": str(tmp_path)})


def test_past_the_hard_limit_new_turns_are_refused(tmp_path):
    gateway = make(tmp_path, **{"memory.soft_mb": "1", "memory.hard_mb": "2"})
    try:
        gateway.attach("127.0.0.1", 18789)
        gateway.talk.turns.admit()
        gateway.memory.sample()
        with pytest.raises(Overloaded, match="memory is full"):
            gateway.talk.turns.admit()
        assert gateway.memory.sheds == 1
    finally:
        gateway.close()


def test_a_store_that_cannot_be_written_is_not_ready_until_it_can(gateway, monkeypatch):
    class Done(Exception):
        pass

    def look():
        with pytest.raises(Done):
            gateway.watch_health()

    def once(seconds):
        raise Done

    def refuse(changes):
        raise StoreError("no space left")

    monkeypatch.setattr(hub, "sleep", once)
    monkeypatch.setattr(gateway.memory, "sample", lambda: None)  # of this test process, whatever else ran in it
    gateway.health.started()
    change = Put(CLAIMS, "owed", b"1")
    with monkeypatch.context() as disk:
        disk.setattr(gateway.talk.book._store, "commit", refuse)
        with pytest.raises(StoreError):
            gateway.talk.book.write([change])
        look()
        assert gateway.health.failing == ["store"]
    written = []
    monkeypatch.setattr(gateway.talk.book._store, "commit", written.extend)
    look()
    assert gateway.health.is_ready
    assert written == [change], "what was owed is written though nobody asked"


def test_a_channels_file_is_read_before_anything_is_built(tmp_path):
    file = tmp_path / "channels.yaml"
    file.write_text("channels: {generic: {dmPolicy: maybe}, moon: {}}")
    with pytest.raises(ConfigError, match="one of pairing"):
        make(tmp_path, **{"channels.file": str(file)})
    file.write_text("channels: {generic: {}, moon: {}}\nhooks: {enabled: true}")
    with pytest.raises(ConfigError) as caught:
        make(tmp_path, **{"channels.file": str(file)})
    assert {problem.path for problem in caught.value.problems} >= {
        "channels.moon",
        "channels.generic.secretFiles.secret",
    }


@pytest.mark.parametrize("name", ["devices.json", "nodes.json", "paired-senders.json", "cron.json"])
@pytest.mark.parametrize("records", ['{"version": 99}', "{}", "[]"])
def test_records_that_this_version_cannot_read_are_a_clear_error(tmp_path, name, records):
    file = tmp_path / "channels.yaml"
    file.write_text("agents: {entries: {main: {}}}")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).write_text(records)
    with pytest.raises(ConfigError, match="restore a backup") as caught:
        make(tmp_path, **{"channels.file": str(file)})
    assert caught.value.problems[0].file.endswith(name)


def test_agents_of_the_channels_file_have_sessions(tmp_path):
    file = tmp_path / "channels.yaml"
    file.write_text("agents: {entries: {main: {}, ops: {default: true}}}\nsession: {dmScope: per-peer}")
    gateway = make(tmp_path, **{"channels.file": str(file)})
    try:
        gateway.attach("127.0.0.1", 18789)
        assert gateway.talk.desk.config.rules.agents == ("main", "ops")
        assert gateway.talk.desk.config.session["dmScope"] == "per-peer"
        assert gateway._system.health_snapshot()["defaultAgentId"] == "ops"
        assert {"cron.add", "wake", "send", "channels.pairing.list"} <= set(gateway.router.served())
    finally:
        gateway.close()
