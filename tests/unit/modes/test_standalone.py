"""A whole gateway in this process: listening, beating, reloading, stopping."""

import contextlib
import json
import os
import socket

import pytest

from gw import hub, limits
from gw.config.load import load
from gw.errors import ConfigError
from gw.modes.host_integrity import HostIntegrity
from gw.modes.standalone import Standalone
from gw.observe.log import setup
from tests.support.certificates import client_context, write_pair
from tests.support.waiting import until
from tests.support.wsclient import WsClient

POLICY = "version: 1\nkind: policy\nid: test.{name}\ntitle: Nothing is judged here\nmode: enforce\n"


class House:
    """A folder with everything a gateway reads, and the gateway."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.policy = folder / "policy.yaml"
        self.policy.write_text(POLICY.format(name="first"))
        self.config = folder / "clawgate.yaml"
        self.config.write_text("")
        self.flags = {"gateway.listen": "127.0.0.1:0", "gateway.state": str(folder / "state")}
        self.flags["policy.path"] = str(self.policy)
        self.log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
        self.logs = setup("error", descriptor=self.log)
        self.service = None

    def close(self):
        if self.service is not None:
            self.service.stop()
        self.logs.close()
        os.close(self.log)

    def load(self):
        return load(self.config, {}, self.flags)

    def start(self, **flags):
        self.flags |= {key.replace("__", "."): value for key, value in flags.items()}
        self.service = Standalone(self.load(), self.logs, self.load)
        self.address = self.service.start()
        self.port = int(self.address.url.rpartition(":")[2])
        return self.service

    def enter(self, *scopes, **options):
        client = WsClient(self.port, **options)
        client.text()
        token = (self.folder / "state" / "token").read_text().strip()
        params = {"minProtocol": 4, "maxProtocol": 4, "scopes": list(scopes), "auth": {"token": token}}
        params["client"] = {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}
        self.ask(client, "connect", params)
        return client

    def ask(self, client, method, params=None):
        client.send(json.dumps({"type": "req", "id": method, "method": method, "params": params or {}}).encode())
        return self.next(client, lambda frame: frame.get("id") == method)

    def next(self, client, wanted):
        while True:
            frame = json.loads(client.text())
            if wanted(frame):
                return frame


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


def test_it_serves_what_it_says(house):
    house.start()
    assert house.address.http == f"http://127.0.0.1:{house.port}"
    client = house.enter("operator.read")
    assert house.ask(client, "status")["payload"]["clawgate"]["policy"]["name"] == "test.first"
    client.close()


def test_nobody_can_connect_before_the_first_look_at_the_host(house, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()

    def sweep(integrity):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    monkeypatch.setattr(HostIntegrity, "sweep", sweep)
    house.start(gateway__listen=f"127.0.0.1:{address[1]}")
    house.enter().close()


def test_everybody_hears_that_it_lives(house, monkeypatch):
    monkeypatch.setattr(limits, "TICK_INTERVAL_MS", 50)
    house.start()
    client = house.enter()
    tick = house.next(client, lambda frame: frame.get("event") == "tick")
    health = house.next(client, lambda frame: frame.get("event") == "health")
    assert health["seq"] == tick["seq"] + 1
    assert health["stateVersion"]["health"] >= 1
    client.close()


def test_stopping_tells_why_and_closes_1012(house):
    service = house.start()
    client = house.enter("operator.read")
    stopping = hub.spawn(service.stop)
    house.service = None
    shutdown = house.next(client, lambda frame: frame.get("event") == "shutdown")
    assert shutdown["payload"]["reason"] == "service stopping"
    assert client.closing()[0] == 1012
    client.close()
    stopping.join(30)
    assert stopping.dead
    with pytest.raises(OSError):
        WsClient(house.port)


def test_reloading_takes_policy_secret_and_settings(house):
    service = house.start()
    gateway = service.gateway
    house.policy.write_text(POLICY.format(name="second"))
    (house.folder / "state" / "token").write_text("another-token\n")
    house.config.write_text(
        "policy:\n  audit_only: true\ngateway:\n  allowed_origins: [https://ops.example]\n  max_connections: 7\n"
    )
    read_by_a_mode: list[str] = []
    gateway.reloads["its token"] = lambda: read_by_a_mode.append("token")
    service.reload()
    assert read_by_a_mode == ["token"]
    assert gateway.judging.policy.current.ref.name == "test.second"
    assert gateway.judging.policy.generation == 2
    assert gateway.secret.current().secret == "another-token"
    assert gateway.judging.pipeline.audit_only
    settings = gateway.loaded.settings.gateway
    assert settings.allowed_origins == ("https://ops.example",)
    assert settings.max_connections == limits.MAX_CONNECTIONS  # needs a restart
    client = house.enter("operator.read")
    shown = house.ask(client, "config.get")["payload"]["config"]["clawgate"]
    assert shown["gateway"]["allowed_origins"] == ["https://ops.example"], "what is in force is what is shown"
    client.close()


def test_what_is_broken_keeps_its_last_good_value(house):
    service = house.start()
    gateway = service.gateway
    house.policy.write_text("version: 1\nkind: policy\nid: test.broken\nmode: sometimes\n")
    house.config.write_text("gateway:\n  banana: 1\n")
    (house.folder / "state" / "token").chmod(0o644)
    before = gateway.secret.current()
    service.reload()
    assert gateway.judging.policy.current.ref.name == "test.first"
    assert gateway.judging.policy.failure
    assert gateway.metrics.value("clawgate_policy_reload_failures_total") == 1
    assert gateway.secret.current() == before


def test_an_address_that_is_taken_is_a_configuration_problem(house, tmp_path):
    house.start()
    (tmp_path / "other").mkdir()
    second = House(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"cannot listen on .* with --listen"):
        second.start(gateway__listen=f"127.0.0.1:{house.port}")
    second.close()


def test_tls(house, tmp_path):
    cert, key = write_pair(tmp_path)
    key.chmod(0o600)
    house.start(gateway__tls_cert=str(cert), gateway__tls_key=str(key))
    assert house.address.url.startswith("wss://")
    client = house.enter("operator.read", tls=client_context(cert))
    assert house.ask(client, "health")["ok"]
    client.close()


def test_the_service_manager_is_told(house, tmp_path, monkeypatch):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "40000")
        manager.setblocking(False)
        said = []

        def heard(word):
            with contextlib.suppress(BlockingIOError):
                while True:
                    said.append(manager.recv(1000).decode().partition("\n")[0])
            return word in said

        service = house.start()
        until(lambda: heard("WATCHDOG=1"), "a sign of life")
        service.reload()
        service.stop()
        house.service = None
        assert heard("STOPPING=1")
    assert said[0] == "READY=1"
    assert "WATCHDOG=1" in said
    assert said.index("RELOADING=1") < len(said) - 1 - said[::-1].index("READY=1")
    assert said[-1] == "STOPPING=1"
