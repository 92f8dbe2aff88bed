"""Server processes under measurement: started on free loopback ports, read from /proc, ended by their own id."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


class NotStartedError(Exception):
    """The server did not say where it listens; the message carries the end of what it did say."""


class Server:
    """A process that serves WebSockets; `token` is set when a client must log in."""

    def __init__(self, name: str, pid: int, port: int, token: str | None = None) -> None:
        self.name = name
        self.pid = pid
        self.port = port
        self.token = token

    def cpu_ns(self) -> int:
        """CPU time of all its threads so far."""
        total = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            total += int(path.read_text().split()[0])
        return total

    def rss_bytes(self) -> int:
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def age_s(self) -> float:
        """Seconds since the process was started."""
        ticks = int(Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class Child(Server):
    """A server that we started, and end by its own id."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
        super().__init__(name, process.pid, port)
        self.process = process

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(name: str, command: Sequence[str | Path], **environment: str) -> tuple[Child, str]:
    """Run *command* until it prints its first line; that line is a port, or JSON for the caller to read."""
    log = Path(tempfile.gettempdir()) / f"clawgate-bench-{name}-{os.getpid()}.log"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("CLAWGATE_")}  # no settings
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**bare, **environment},
        )
    assert process.stdout is not None
    line = b""
    until = time.monotonic() + START_TIMEOUT_S
    while not line.endswith(b"\n") and time.monotonic() < until and process.poll() is None:
        if select.select([process.stdout], [], [], 0.1)[0]:
            line += process.stdout.readline()
    if not line.endswith(b"\n"):
        process.kill()
        process.wait()
        raise NotStartedError(f"{name}: {log.read_text(errors='replace')[-400:].strip() or 'no output'}")
    log.unlink()
    text = line.decode().strip()
    return Child(name, process, int(text) if text.isdigit() else 0), text


@contextmanager
def running(servers: list[Child]) -> Iterator[list[Child]]:
    try:
        yield servers
    finally:
        for server in servers:
            server.stop()


def take_facts(server: Child, line: str) -> Child:
    """Read what `clawgate serve --json` prints."""
    facts = json.loads(line)
    server.port = int(facts["url"].rstrip("/").rpartition(":")[2])
    server.token = Path(facts["tokenFile"]).read_text().strip()
    return server


def clawgate(state: Path, *flags: str) -> Child:
    """The product: `clawgate serve` with default policies and a fresh state folder.

    With its modules compiled ahead, as an installed package has them, even where the tree may not be written to.
    """
    command = [sys.executable, "-m", "gw", "serve", "--listen", "127.0.0.1:0", "--state", state, "--json", *flags]
    compiled = str(Path(tempfile.gettempdir()) / "clawgate-bench-pycache")
    return take_facts(*start("clawgate", command, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=compiled))
