"""Headless Chromium driven over its DevTools socket, with our own WebSocket client; nothing is installed."""

import base64
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gw.cli.websocket import WebSocket
from gw.config.settings import Address

START_TIMEOUT_S = 40
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-address=127.0.0.1",
    "--remote-debugging-port=0",
    "--window-size=1280,900",
)

# Finds an element in the page and in every shadow root below it.
FIND = """
function deep(selector, root = document) {
  for (const element of root.querySelectorAll('*')) {
    if (element.matches(selector) && element.offsetParent !== null) return element;
    const inner = element.shadowRoot && deep(selector, element.shadowRoot);
    if (inner) return inner;
  }
}
"""


def find_chromium() -> str:
    """Skip the test, saying why, when there is none."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no chromium on PATH")
    return found


class Page:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._next = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **params: Any) -> Any:
        self._next += 1
        self._socket.send(json.dumps({"id": self._next, "method": method, "params": params}).encode())
        while True:
            said = json.loads(self._socket.receive())
            if said.get("id") == self._next:
                assert "error" not in said, said
                return said["result"]
            self.events.append(said)

    def open(self, url: str) -> None:
        self.command("Page.navigate", url=url)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; `deep(selector)` looks through shadow roots."""
        source = f"(() => {{ {FIND}; return {expression} }})()"
        result = self.command("Runtime.evaluate", expression=source, returnByValue=True)
        return result["result"].get("value")

    @property
    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    def wait(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = condition()
            if value:
                return value
            time.sleep(0.2)
        raise AssertionError(f"{what} did not happen; the page says:\n{self.text}\n{self.complaints()}")

    def type_line(self, text: str) -> None:
        """Into the focused field, then Enter."""
        self.command("Input.insertText", text=text)
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "nativeVirtualKeyCode": 13}
        self.command("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        self.command("Input.dispatchKeyEvent", type="keyUp", **key)

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))

    def complaints(self) -> list[str]:
        """Uncaught exceptions, refused loads and console errors so far."""
        self.run("0")  # takes in what has been sent meanwhile
        found = []
        for said in self.events:
            params = said.get("params", {})
            if said.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:500])
            elif said.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            elif said.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
                found.append(json.dumps([arg.get("value", arg.get("description")) for arg in params["args"]])[:500])
        return found


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """One page of a fresh browser whose profile lives below `folder`."""
    profile = folder / "profile"
    command = [find_chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    environ = {**os.environ, "HOME": str(folder)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ)
    assert process.stderr is not None
    try:
        port = _debugging_port(process)
        socket = WebSocket(Address("127.0.0.1", port), path=_page_path(port), timeout_s=60)
        yield Page(socket)
        socket.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()
        shutil.rmtree(profile, ignore_errors=True)


def _debugging_port(process: "subprocess.Popen[str]") -> int:
    assert process.stderr is not None
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        line = process.stderr.readline()
        match = re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)", line)
        if match:
            return int(match.group(1))
        if not line and process.poll() is not None:
            break
    raise AssertionError("chromium did not start")


def _page_path(port: int) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        with opener.open(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
            for target in json.load(answer):
                if target["type"] == "page":
                    return str(target["webSocketDebuggerUrl"]).partition(f":{port}")[2]
        time.sleep(0.2)
    raise AssertionError("chromium has no page")
