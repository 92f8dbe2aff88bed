"""What is proved on a machine, one function a step; its docstring is the line people read.

A step returns a word on what it saw and fails by assertion. They run in order and share one machine.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from machine import Machine, MachineError

CLIENT: Final = str(Path(__file__).with_name("client.py"))
LAB: Final = Path(os.environ.get("OPENCLAW_LAB_CACHE", Path.home() / ".cache/openclaw-lab"))
REFERENCE_CLIENT: Final = Path(__file__).parents[2] / "tests/e2e/reference_client.mjs"
# A chat message that runs a shell line: guarded before anything else sees it.
DESTRUCTIVE: Final = {
    "sessionKey": "agent:main:main",
    "message": "/bash rm -rf /",
    "idempotencyKey": "smoke-destructive",
}


# Warnings that the steps before ask for, and one that systemd 247 has of control groups inside a container.
EXPECTED: Final = "killed|signal|[Rr]eload|Failed to kill control group"
# Where run.py puts a signed repository with this package.
REPOSITORY: Final = "/srv/repository"
# The units of the package: the first is started, the others wait for whoever wants them.
UNITS: Final = ("clawgate", "clawgate-guard", "clawgate-sidecar")


class Site:
    """The machine and what the steps need to know of it."""

    def __init__(self, machine: Machine, deb: str, previous: str, unpacked: Path) -> None:
        self.machine = machine
        self.client = [str(unpacked / "usr/lib/clawgate/python/bin/python3.13"), "-IB", CLIENT]
        self.deb = deb
        self.previous = previous

    @property
    def token(self) -> str:
        return self.machine.run("cat /etc/clawgate/token").strip()

    def ask(self, *arguments: str) -> Any:
        """Run client.py in the machine's network and read what it prints."""
        done = self.machine.in_network([*self.client, self.token, *arguments], dict(os.environ))
        if done.returncode != 0:
            raise MachineError(f"client {arguments[0]}: {done.stderr.strip()[-400:]}")
        return json.loads(done.stdout)

    def start_load(self, seconds: float) -> "subprocess.Popen[str]":
        return self.machine.start_in_network([*self.client, self.token, "load", str(seconds)])

    def wait_healthy(self, within_s: float) -> float:
        """Seconds until /health answers."""
        begun = time.monotonic()
        while time.monotonic() - begun < within_s:
            probe = [
                sys.executable,
                "-c",
                "import urllib.request as u; u.urlopen('http://127.0.0.1:18789/health', timeout=1)",
            ]
            if self.machine.in_network(probe, dict(os.environ)).returncode == 0:
                return time.monotonic() - begun
            time.sleep(0.02)
        raise AssertionError(f"not healthy within {within_s:g} s")

    def units(self) -> list[str]:
        packed = self.machine.run("dpkg -L clawgate")
        return [unit for unit in UNITS if f"/systemd/system/{unit}.service" in packed]

    def show(self, prop: str) -> str:
        return self.machine.run(f"systemctl show clawgate -p {prop} --value").strip()


def installs(site: Site) -> str:
    """`apt install ./clawgate.deb` without a network"""
    site.machine.run(f"apt-get install -y -qq --no-install-recommends {site.deb}")
    return site.machine.run("dpkg-query -W -f '${Version} ${Installed-Size} KiB' clawgate")


def is_active_and_enabled(site: Site) -> str:
    """the service is active and enabled"""
    assert site.machine.run("systemctl is-active clawgate").strip() == "active"
    assert site.machine.run("systemctl is-enabled clawgate").strip() == "enabled"
    return site.machine.run("systemctl --version | head -n 1").strip()


def is_private(site: Site) -> str:
    """token, state and configuration have the modes and owners they should"""
    listing = site.machine.run("stat -c '%a %U:%G %n' /etc/clawgate/token /var/lib/clawgate")
    assert listing.splitlines() == [
        "640 root:clawgate /etc/clawgate/token",
        "700 clawgate:clawgate /var/lib/clawgate",
    ], listing
    return "0640 root:clawgate, 0700 clawgate:clawgate"


def is_healthy_soon(site: Site) -> str:
    """healthy within 2 s of a start, the best of three"""
    taken = []
    for _ in range(3):
        site.machine.run("systemctl stop clawgate")
        begun = time.monotonic()
        site.machine.run("systemctl start clawgate")
        site.wait_healthy(10)
        taken.append(time.monotonic() - begun)
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    if min(taken) > 2 and busy > 1.2:  # a second and a quarter of CPU takes longer where others want it, too
        return f"{min(taken):.2f} s, not judged: {busy:.1f} programs wait for each CPU of this host"
    assert min(taken) <= 2, taken
    return f"{min(taken):.2f} s"


def is_hardened(site: Site) -> str:
    """`systemd-analyze security` at most 1.7 for each unit"""
    levels = {}
    for unit in site.units():
        said = site.machine.run(f"systemd-analyze security {unit} --no-pager 2>/dev/null | tail -n 1")
        levels[unit] = float(re.findall(r": ([0-9.]+) ", said)[0])
        assert levels[unit] <= 1.7, said
    return ", ".join(f"{unit} {level}" for unit, level in levels.items())


def leaves_the_others_alone(site: Site) -> str:
    """the other units are installed, valid, and neither enabled nor started"""
    others = site.units()[1:]
    for unit in others:
        assert site.machine.run(f"systemctl is-enabled {unit}", check=False).strip() == "disabled"
        assert site.machine.run(f"systemctl is-active {unit}", check=False).strip() == "inactive"
        said = site.machine.run(f"systemd-analyze verify --man=no {unit}.service 2>&1 | grep -F {unit} || true")
        assert not said, said
    return ", ".join(others) or "there are none"


def has_its_papers(site: Site) -> str:
    """manual pages and completions for every command"""
    listing = site.machine.run("clawgate --help | sed -n '/^Commands/,/^$/p'")
    commands = [line.split()[0] for line in listing.splitlines()[1:] if line.strip() and not line.startswith("   ")]
    packed = set(site.machine.run("dpkg -L clawgate").split())
    for command in commands:
        assert f"/usr/share/man/man1/clawgate-{command}.1.gz" in packed, command
    asked = "COMP_WORDS=(clawgate po) COMP_CWORD=1; _clawgate_completion clawgate po; echo ${COMPREPLY[@]}"
    bash = f". /usr/share/bash-completion/completions/clawgate; {asked}"
    assert site.machine.run(f"bash -c '{bash}'").strip() == "policy"
    for file in ("/usr/share/zsh/vendor-completions/_clawgate", "/usr/share/fish/vendor_completions.d/clawgate.fish"):
        assert file in packed, file
    return f"{len(commands)} commands"


def idles_small(site: Site) -> str:
    """idle memory of the installed service"""
    pid = site.show("MainPID")
    rss = int(site.machine.run(f"awk '/^VmRSS/ {{print $2}}' /proc/{pid}/status"))
    assert rss < 60 * 1024, f"{rss} KiB"
    return f"{rss / 1024:.1f} MiB"


def serves_openclaw(site: Site) -> str:
    """the stock OpenClaw CLI and reference client connect from outside the unit"""
    modules = next(iter(LAB.glob("openclaw-*/node_modules")), None)
    node = next(iter(LAB.glob("openclaw-*/node_modules/node-linux-*/bin/node")), None)
    if modules is None or node is None:
        return "skipped: the openclaw packages are not installed here"
    url = "ws://127.0.0.1:18789"
    with tempfile.TemporaryDirectory(prefix="clawgate-smoke-") as home:
        environment = {
            "PATH": f"{node.parent}:/usr/bin:/bin",
            "HOME": home,
            "OPENCLAW_STATE_DIR": home,
            "OPENCLAW_LAB_MODULES": str(modules.parent),
            "NO_COLOR": "1",
        }

        def run(script: Path, *arguments: str) -> str:
            done = site.machine.in_network([str(node), str(script), *arguments], environment)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        openclaw = modules / "openclaw/openclaw.mjs"
        assert '"ok": true' in run(openclaw, "gateway", "call", "health", "--url", url, "--token", site.token)
        said = json.loads(run(REFERENCE_CLIENT, url, site.token, DESTRUCTIVE["message"]))
    assert said["blocked"]["details"]["code"] == "GUARD_BLOCKED", said
    assert said["history"] and said["gaps"] == 0, said
    return "gateway call health: ok; reference client: chat.send answered, a blocked one says why"


def blocks_and_quarantines(site: Site) -> str:
    """a destructive command is blocked and quarantined under /var/lib/clawgate"""
    refused = site.ask("call", "chat.send", json.dumps(DESTRUCTIVE))["refused"]
    assert refused["details"]["code"] == "GUARD_BLOCKED", refused
    listing = site.machine.run("find /var/lib/clawgate/quarantine -type f -printf '%m %u\\n'").split("\n")
    assert "600 clawgate" in listing, listing
    return f"{refused['details']['code']}, {sum(1 for row in listing if row)} file"


def survives_sigkill(site: Site) -> str:
    """SIGKILL: restarted by systemd, nothing acknowledged is lost"""
    load = site.start_load(4)
    time.sleep(1.5)
    before = site.show("MainPID")
    site.machine.run(f"kill -9 {before}")
    acknowledged = set(json.loads(load.communicate(timeout=60)[0]))
    site.wait_healthy(5)
    assert site.show("MainPID") != before
    lost = acknowledged - set(site.ask("stored"))
    assert acknowledged and not lost, f"{len(lost)} of {len(acknowledged)} lost"
    return f"{len(acknowledged)} acknowledged, 0 lost"


def refuses_a_broken_policy(site: Site) -> str:
    """a broken policy is refused at reload while service goes on"""
    site.machine.run("printf 'version: 1\\nkind: polcy\\n' > /etc/clawgate/policies.d/99-broken.yaml")
    said = site.machine.run("systemctl reload clawgate", check=False)
    assert said, "the reload was accepted"
    assert site.ask("call", "health")["ok"] is True
    assert "refused" in site.ask("call", "chat.send", json.dumps(DESTRUCTIVE))
    site.machine.run("rm /etc/clawgate/policies.d/99-broken.yaml && systemctl reload clawgate")
    return "reload failed, health ok, still blocking"


def keeps_a_clean_journal(site: Site) -> str:
    """the journal holds no warning and no secret"""
    token = site.token
    journal = site.machine.run("journalctl -u clawgate -o cat --no-pager")
    assert token not in journal
    bad = site.machine.run(f"journalctl -u clawgate -p warning -o cat --no-pager -q | grep -vE '{EXPECTED}' || true")
    assert not bad.strip(), bad
    return f"{len(journal.splitlines())} lines"


def upgrades_under_load(site: Site) -> str:
    """an upgrade under load drops no acknowledged work"""
    site.machine.run(f"dpkg -i {site.previous}", check=False)
    site.machine.run("echo '# edited here' >> /etc/clawgate/clawgate.yaml")
    site.machine.run("systemctl restart clawgate")
    site.wait_healthy(5)
    load = site.start_load(12)
    time.sleep(1)
    site.machine.run(f"dpkg -i {site.deb}")
    acknowledged = set(json.loads(load.communicate(timeout=60)[0]))
    site.wait_healthy(5)
    lost = acknowledged - set(site.ask("stored"))
    assert acknowledged and not lost, f"{len(lost)} of {len(acknowledged)} lost"
    assert "# edited here" in site.machine.run("cat /etc/clawgate/clawgate.yaml"), "a local edit was lost"
    return f"{len(acknowledged)} acknowledged, 0 lost; local edit kept"


def refuses_to_go_backward(site: Site) -> str:
    """state of a later format: no older package over it, no start on it, a message that says what to do"""
    header = 's/^\\(.\\{0,40\\}"version":\\)[0-9]*/\\1'
    format_now = site.machine.run("head -n 1 /var/lib/clawgate/sessions.json | grep -o 'version.:[0-9]*' | cut -d: -f2")
    site.machine.run(f"systemctl stop clawgate && sed -i '1{header}99/' /var/lib/clawgate/sessions.json")
    said = site.machine.run(f"dpkg -i {site.previous}", check=False)
    assert "was written by a newer version (format 99" in said, said
    assert "previous" not in site.machine.run("dpkg-query -W -f '${Version}' clawgate")
    site.machine.run("systemctl start clawgate", check=False)
    said = site.machine.run("journalctl -u clawgate -n 40 -o cat --no-pager")
    assert "newer version of clawgate (format 99" in said, said
    site.machine.run("systemctl stop clawgate && systemctl reset-failed clawgate || true")
    site.machine.run(f"sed -i '1{header}{format_now.strip()}/' /var/lib/clawgate/sessions.json")
    site.machine.run("systemctl start clawgate")
    site.wait_healthy(5)
    assert site.ask("stored"), "the sessions are gone"
    return "dpkg and the service refuse; put back, it goes on"


def removes(site: Site) -> str:
    """remove keeps configuration and state"""
    site.machine.run("apt-get remove -y -qq clawgate")
    site.machine.run(
        "test -e /etc/clawgate/clawgate.yaml && test -e /etc/clawgate/token && test -d /var/lib/clawgate/quarantine"
    )
    site.machine.run("! test -e /usr/bin/clawgate")
    return "kept"


def purges(site: Site) -> str:
    """purge removes all, the user too"""
    site.machine.run("touch /etc/clawgate/policies.d/20-own.yaml /etc/clawgate/integrity.key")
    site.machine.run("apt-get purge -y -qq clawgate")
    left = site.machine.run(
        "ls -d /etc/clawgate /var/lib/clawgate* /usr/lib/clawgate /usr/share/clawgate 2>/dev/null || true"
    ).split()
    assert not left, left
    assert site.machine.run("getent passwd clawgate || true") == ""
    assert site.machine.run("getent group clawgate || true") == ""
    return "nothing left"


def installs_from_a_repository(site: Site) -> str:
    """`apt install clawgate` from a signed repository; an altered one is refused"""
    if site.machine.run(f"test -e {REPOSITORY} || echo none").strip():
        return "skipped: apt-utils, dpkg-dev or gnupg is not installed here"
    listed = "/etc/apt/sources.list.d/clawgate.list"
    key = "/usr/share/keyrings/clawgate.asc"
    site.machine.run(f"mkdir -p {Path(key).parent} && cp {REPOSITORY}/clawgate.asc {key}")
    site.machine.run(f"echo 'deb [signed-by={key}] file:{REPOSITORY} stable main' > {listed}")
    # Only ours is looked up: the machine has no network, and keeps what it knows of Debian's.
    update = f"apt-get update -o Dir::Etc::sourcelist={listed} -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0"
    said = site.machine.run(f"{update} 2>&1")
    assert not re.search("(?m)^[WE]:", said), said
    site.machine.run("apt-get install -y -qq --no-install-recommends clawgate")
    site.wait_healthy(5)
    origin = site.machine.run("apt-cache policy clawgate")
    assert f"file:{REPOSITORY} stable/main" in origin, origin
    site.machine.run(f"sed -i 's/^Suite: .*/Suite: altered/' {REPOSITORY}/dists/stable/InRelease")
    said = site.machine.run(f"{update} 2>&1", check=False)
    assert re.search("(?m)^[WE]:.*(BADSIG|[Ii]nvalid|not signed|[Vv]erif)", said), said
    site.machine.run("apt-get purge -y -qq clawgate")
    return "installed and active; the altered one refused"


STEPS: Final[tuple[Callable[[Site], str], ...]] = (
    installs,
    is_active_and_enabled,
    is_private,
    is_healthy_soon,
    is_hardened,
    leaves_the_others_alone,
    has_its_papers,
    idles_small,
    serves_openclaw,
    blocks_and_quarantines,
    survives_sigkill,
    refuses_a_broken_policy,
    keeps_a_clean_journal,
    upgrades_under_load,
    refuses_to_go_backward,
    removes,
    purges,
    installs_from_a_repository,
)
