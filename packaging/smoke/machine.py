"""A Debian root folder booted under a real systemd in its own namespaces, by systemd-nspawn.

Needs root, debootstrap and systemd-container. Works also where the host still has the old or hybrid cgroup layout:
nspawn is given a mount namespace that sees only cgroup2. The machine has no network beyond its own loopback.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

BOOT_TIMEOUT_S = 60.0
BOOT = """
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec systemd-nspawn -q -D "$1" --register=no --keep-unit --private-network --console=pipe --boot
"""
PACKAGES = ("systemd", "systemd-sysv", "dbus", "procps", "python3-minimal", "ca-certificates", "adduser")


class MachineError(Exception):
    """A command in the machine failed, or the machine did not start."""


def tools_missing() -> list[str]:
    """What this host lacks for booting machines; empty when nothing."""
    missing = [tool for tool in ("debootstrap", "systemd-nspawn", "nsenter", "unshare") if not shutil.which(tool)]
    if os.geteuid() != 0:
        missing.append("root")
    return missing


def make_root(suite: str, cache: Path, mirror: str | None, deb: Path) -> Path:
    """Return a fresh copy of a debootstrapped root with the dependencies of `deb` already downloaded."""
    base = cache / f"smoke-{suite}"
    if not (base / ".done").exists():
        shutil.rmtree(base, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(base)]
        _quiet(command + ([mirror] if mirror else []))
        shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")
        (base / ".done").touch()
    # /tmp is a tmpfs inside the machine, so what is handed in lives elsewhere.
    handed_in = base / "srv"
    shutil.copy(deb, handed_in / deb.name)
    # Without a network the packages of the last time will do.
    subprocess.run(["chroot", str(base), "apt-get", "update", "-qq"], capture_output=True, check=False)
    _quiet(
        [
            "chroot",
            str(base),
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--download-only",
            "--no-install-recommends",
            f"/srv/{deb.name}",
        ]
    )
    root = Path(tempfile.mkdtemp(prefix=f"machine-{suite}-", dir=cache)) / "root"
    _quiet(["cp", "-a", "--reflink=auto", str(base), str(root)])
    return root


def _quiet(command: list[str]) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
    )
    if done.returncode != 0:
        raise MachineError(
            f"{' '.join(command[:4])} ...: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"
        )


class Machine:
    """Boot on entry, power off and remove on exit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> "Machine":
        self._console = (self.root.parent / "console.log").open("wb")
        self._nspawn = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", BOOT, "sh", str(self.root)],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._nspawn.poll() is not None:
                break
            self._leader = self._find_leader()
            if self._leader:
                state = self.run("systemctl is-system-running", check=False).strip()
                if state in ("running", "degraded"):
                    return self
            time.sleep(0.2)
        tail = (self.root.parent / "console.log").read_text(errors="replace")[-800:]
        self.__exit__()
        raise MachineError(f"the machine did not start: {tail}")

    def __exit__(self, *exc: object) -> None:
        if self._nspawn is not None and self._nspawn.poll() is None:
            if self._leader:
                self.run("systemctl poweroff", check=False)
            try:
                self._nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._console.close()
        shutil.rmtree(self.root.parent, ignore_errors=True)

    def _find_leader(self) -> int:
        """The machine's PID 1 as the host sees it: the child of systemd-nspawn."""
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def run(self, command: str, *, check: bool = True, timeout_s: float = 120) -> str:
        """Run a shell command in the machine; return what it printed. Raises MachineError on a non-zero exit."""
        done = subprocess.run(
            [
                "nsenter",
                "-t",
                str(self._leader),
                "-m",
                "-u",
                "-i",
                "-n",
                "-p",
                "-r",
                "-w",
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive",
                "HOME=/root",
                "sh",
                "-c",
                command,
            ],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise MachineError(f"`{command}`: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if not check else "")

    def in_network(
        self, command: list[str], env: dict[str, str], timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a host program in the machine's network only: a client from outside the unit and its file system."""
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-n", *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=env,
        )

    def start_in_network(self, command: list[str]) -> "subprocess.Popen[str]":
        """Start a host program in the machine's network; its output is read by communicate()."""
        command = ["nsenter", "-t", str(self._leader), "-n", *command]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
