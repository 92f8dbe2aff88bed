"""A real `clawgate serve` process on a free loopback port, for end-to-end tests."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gw.cli.rpc import GatewayClient
from gw.config.settings import Address

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15


@dataclass
class Serving:
    url: str  # ws://...
    http: str
    token: str
    state: Path
    log: Path
    process: "subprocess.Popen[str]"
    control: str = ""  # HOST:PORT of a guard's own methods

    @property
    def address(self) -> Address:
        host, _, port = self.http.partition("://")[2].rpartition(":")
        return Address(host.strip("[]"), int(port))

    def client(self, *scopes: str) -> GatewayClient:
        return GatewayClient(self.address, self.token, scopes=scopes or ("operator.admin",))

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower-case names) and body of one HTTP request."""
        request = urllib.request.Request(self.http + path, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, {k.lower(): v for k, v in answer.headers.items()}, answer.read()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """The exit status; a process that does not end in time is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def serving(
    folder: Path,
    *flags: str,
    config: str = "",
    environ: dict[str, str] | None = None,
    module: str = "gw",
    mode: str = "serve",
) -> Iterator[Serving]:
    """Start it with `config` as its only configuration file; everything it writes goes below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file, log, state = folder / "clawgate.yaml", folder / "log", folder / "state"
    file.write_text(config)
    command = [sys.executable, "-m", module, mode, "--config", str(file), "--listen", "127.0.0.1:0"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--state", str(state), "--json", *flags],
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("CLAWGATE_")}
            | (environ or {}),
        )
    assert process.stdout is not None
    try:
        said = read_ready(process, log)
        token = Path(said["tokenFile"]).read_text().strip() if said.get("tokenFile") else ""
        yield Serving(said["url"], said["http"], token, state, log, process, said.get("control", ""))
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()


def read_ready(process: "subprocess.Popen[str]", log: Path) -> dict[str, Any]:
    """The one object that `serve --json` prints when it is ready."""
    assert process.stdout is not None
    previous = signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(START_TIMEOUT_S)
    try:
        line = process.stdout.readline()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    if not line:
        raise AssertionError(f"serve ended with {process.wait()}:\n{log.read_text()}")
    said: dict[str, Any] = json.loads(line)
    return said


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError("serve did not become ready")
