"""The real OpenClaw gateway with a scripted model on loopback, started by the reference folder's lab for one test file.

Started and stopped under a name of our own only; a test that needs it is skipped, with the reason, where the lab or
OpenClaw's packages are absent.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from gw.cli.rpc import GatewayClient
from gw.config.settings import Address
from tests.support import openclaw
from tests.support.shared import shared_path
from tests.support.waiting import until

START_TIMEOUT_S = 180
TURN_TIMEOUT_S = 60.0
SESSION = "agent:main:main"


@dataclass
class Lab:
    name: str
    script: Path
    url: str
    port: int
    token: str
    run: Path  # its folder: state, home, workspace
    config: Path
    model: str  # base URL of the scripted model

    def client(self, *scopes: str) -> GatewayClient:
        chosen = scopes or ("operator.admin",)
        return GatewayClient(Address("127.0.0.1", self.port), self.token, scopes=chosen, timeout_s=TURN_TIMEOUT_S)

    def send(self, message: str, session: str = SESSION) -> str:
        """Begin a turn; its run id."""
        with self.client() as client:
            answer = client.call(
                "chat.send", {"sessionKey": session, "message": message, "idempotencyKey": str(uuid4())}
            )
        return str(answer["runId"])

    def turn(self, message: str, session: str = SESSION) -> str:
        """Begin a turn and wait until the model has seen what its tool call came to; that text."""
        before = len(self.tool_results())
        self.send(message, session)
        return self.wait_for_result(before)

    def wait_for_result(self, before: int) -> str:
        """The newest of what the model was shown of tool calls, once there are more than *before*."""
        shown: list[str] = until(lambda: self.tool_results()[before:])
        return shown[-1]

    def tool_results(self) -> list[str]:
        """What the model was shown of tool calls: one text for each request that followed one."""
        shown = []
        for request in self.requests():
            for role, text in reversed(request["turns"]):  # upstream puts context of its own behind the result
                if role == "tool":
                    shown.append(text)
                if role in ("tool", "assistant"):
                    break
        return shown

    def requests(self) -> list[dict[str, Any]]:
        base = self.model.removesuffix("/v1")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{base}/__mock/log", timeout=10) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def program(self, folder: Path) -> Path:
        """A program that is this gateway's own `openclaw`, as its owner would call it."""
        path = folder / "openclaw"
        path.write_text(f'#!/bin/sh\nexec "{self.script}" cli {self.name} "$@"\n')
        path.chmod(0o755)
        return path

    def gateway_pid(self) -> int:
        return int((self.run / "gateway.pid").read_text())


@contextmanager
def lab(name: str, *, ask: bool = False, config: dict[str, Any] | None = None) -> Iterator[Lab]:
    """A fresh gateway called `side-<name>-<our pid>`."""
    openclaw.modules()
    script = shared_path("openclaw/lab/openclaw-lab")
    full = f"side-{name}-{os.getpid()}"
    environ = {**os.environ, "OPENCLAW_LAB_EXEC_ASK": "always" if ask else "off"}
    environ["OPENCLAW_LAB_CONFIG"] = json.dumps(config or {})
    try:
        started = subprocess.run(
            [script, "start", full], capture_output=True, text=True, timeout=START_TIMEOUT_S, env=environ, check=False
        )
        assert started.returncode == 0, started.stderr[-2000:]
        facts = json.loads(started.stdout)
        folder = Path(facts["run"])
        yield Lab(
            full, script, facts["url"], facts["port"], facts["token"], folder, Path(facts["config"]), facts["mockModel"]
        )
    finally:
        subprocess.run([script, "stop", full], capture_output=True, timeout=60, check=False)


def plugin_config(folder: Path, socket: Path, **config: Any) -> dict[str, Any]:
    """What `clawgate openclaw setup` writes."""
    entry = {"enabled": True, "hooks": {"allowConversationAccess": True}, "config": {"socket": str(socket), **config}}
    return {"plugins": {"load": {"paths": [str(folder)]}, "entries": {"clawgate": entry}}}
