"""Soak the guard proxy: `python -m tests.soak.guard [--minutes 30] [--clients 64] [--seed N]`.

Clients come and go at random, a gateway behind ends connections at random, requests are passed, judged, blocked, held,
approved, denied and aborted; afterwards every connection's two ends are compared. Exit status 1 when a frame was lost,
came twice, came changed or out of order, or passed although it must not.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from gw import hub
from gw.config.settings import Address
from gw.errors import Expired
from tests.soak.client import BLOCKED, JUDGED, PASS, REFUSED, Life, code_of, tally
from tests.soak.gateway import Seen, SoakGateway

GONE_S = 60.0  # until both ends of a connection know that it ended


class Report(NamedTuple):
    problems: list[str]
    counts: Counter[str]
    rss_mib: tuple[float, float]  # of the guard, after a tenth of the time and at the end


def soak(seconds: float, clients: int, seed: int, hold_every_s: float = 2.0) -> Report:
    """Run it all; what went wrong, in words."""
    chance = random.Random(seed)
    gateway = SoakGateway(seed)
    problems: list[str] = []
    counts: Counter[str] = Counter()
    rss: list[float] = []
    with guard(f"ws://127.0.0.1:{gateway.port}") as started:
        until = time.monotonic() + seconds
        budget = Budget(hold_every_s)
        endings = cycle(("leave", "settle", "vanish", "settle"))  # in turn, so that a short soak has them all
        helpers = [
            hub.spawn(gateway.trouble, max(0.1, 20.0 / clients)),
            hub.spawn(answer_reviews, started, random.Random(chance.random())),
        ]

        def live(own: random.Random) -> None:
            hub.sleep(own.random())
            while time.monotonic() < until:
                try:
                    life = Life(started.port, own, budget.take, endings)
                except AssertionError as error:
                    counts[f"could not connect: {str(error)[:60]}"] += 1
                    hub.sleep(0.2)
                    continue
                except OSError:
                    counts["could not connect"] += 1
                    hub.sleep(0.2)
                    continue
                except Expired as error:
                    problems.append(f"connecting: {error}")
                    continue
                life.run()
                problems.extend(check(life, gone(gateway, life)))
                counts.update(tally([life]))

        running = [hub.spawn(live, random.Random(chance.random())) for _ in range(clients)]
        hub.sleep(seconds / 10)
        rss.append(started.rss_mib())
        for each in running:
            each.join(seconds + 120)
            if not each.dead:
                problems.append("a client hangs")
                each.kill()
        rss.append(started.rss_mib())
        for helper in helpers:
            helper.kill()
    gateway.server.stop(0.2)
    return Report(problems, counts, (rss[0], rss[1]))


class Budget:
    """How often a request that will be held may be made: a desk keeps at most a thousand."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = 0.0

    def take(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._every_s
        return True


def gone(gateway: SoakGateway, life: Life) -> Seen:
    seen = gateway.seen[life.name]
    until = time.monotonic() + GONE_S
    while seen.ended is None and time.monotonic() < until:
        hub.sleep(0.01)
    del gateway.seen[life.name]
    return seen


# --- what must hold ---------------------------------------------------------------------------------------------------


def check(life: Life, seen: Seen) -> Iterator[str]:
    """Everything wrong with one connection."""
    who = f"{life.name[:8]} ({life.ending}, closed {life.closed}, gateway {seen.ended})"
    yield from (f"{who}: {what}" for what in life.strange)
    if seen.ended is None:
        yield f"{who}: the gateway's side never ended"
    ids = [json.loads(raw)["id"] for raw in seen.frames]
    for request_id, raw in zip(ids, seen.frames, strict=True):
        sent = life.sent.get(request_id)
        if sent is None:
            yield f"{who}: {request_id} was never sent"
        elif sent.raw != raw:
            yield f"{who}: {request_id} came changed"
        elif sent.kind == BLOCKED:
            yield f"{who}: {request_id} passed although blocked"
    yield from (f"{who}: {name} came {count} times" for name, count in Counter(ids).items() if count > 1)
    yield from (f"{who}: {what}" for what in check_order(life, ids))
    yield from (f"{who}: {what}" for what in check_answers(life, set(ids)))
    if life.ending in ("settle", "leave") and not seen.ended_by_us:
        wanted = {name for name, sent in life.sent.items() if sent.kind in (PASS, JUDGED)}
        aborts = {name for name, sent in life.sent.items() if b'"chat.abort"' in sent.raw}
        yield from (f"{who}: {name} was lost on its way in" for name in wanted - aborts - set(ids))
    numbers = [number for number, _ in life.events]
    if numbers != list(range(1, len(numbers) + 1)) or any(number != seq for number, seq in life.events):
        yield f"{who}: events are not 1, 2, 3: {life.events[:20]}"
    if life.closed == (1012, "service restart") and len(numbers) != seen.events:
        yield f"{who}: {seen.events - len(numbers)} events were lost before the gateway's goodbye"


def check_order(life: Life, ids: list[str]) -> Iterator[str]:
    place = {name: index for index, name in enumerate(life.sent)}
    last: dict[str, int] = {}
    for name in ids:
        sent = life.sent.get(name)
        if sent is not None and sent.kind == JUDGED:
            if place[name] < last.get(sent.session, -1):
                yield f"{name} came out of order within its session"
            last[sent.session] = place[name]


def check_answers(life: Life, passed: set[str]) -> Iterator[str]:
    for name, answers in life.answers.items():
        if name == "c":
            continue
        if len(answers) > 1:
            yield f"{name} was answered {len(answers)} times"
        code = code_of(answers[0])
        if answers[0]["ok"] and name not in passed:
            yield f"{name} was answered by nobody"
        if code in REFUSED and name in passed:
            yield f"{name} passed and was refused with {code}"
        if not answers[0]["ok"] and life.sent[name].kind in (PASS, JUDGED) and code != "UPSTREAM_LOST":
            yield f"{name} ({life.sent[name].kind}) was refused with {code}"
    if life.ending == "settle":
        yield from (f"{name} was never answered" for name in life.sent.keys() - life.answers.keys())


# --- the guard --------------------------------------------------------------------------------------------------------


class Guard:
    def __init__(self, process: "subprocess.Popen[str]", said: dict[str, Any]) -> None:
        self.process = process
        self.port = int(said["url"].rpartition(":")[2])
        host, _, port = said["control"].rpartition(":")
        self.control = Address(host, int(port))
        self.token = Path(said["tokenFile"]).read_text().strip()

    def rss_mib(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096 / (1 << 20)


@contextmanager
def guard(upstream: str) -> Iterator[Guard]:
    with tempfile.TemporaryDirectory(prefix="clawgate-soak-") as folder, Path(folder, "log").open("w") as log:
        command = [sys.executable, "-m", "gw", "guard", "--upstream", upstream, "--listen", "127.0.0.1:0"]
        command += ["--control", "127.0.0.1:0", "--state", f"{folder}/state", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, Path(folder, "log").read_text()
            yield Guard(process, json.loads(line))
            assert process.poll() is None, Path(folder, "log").read_text()[-2000:]
            crashed = [line for line in Path(folder, "log").read_text().splitlines() if "level=error" in line]
            assert crashed == []
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError("the guard did not stop:\n" + Path(folder, "log").read_text()[-2000:]) from None
            finally:
                process.stdout.close()


def answer_reviews(started: Guard, chance: random.Random) -> None:
    """For ever: approve or deny what waits."""
    program = [sys.executable, "-c", ANSWERER, str(started.control), started.token, str(chance.random())]
    process = subprocess.Popen(program)
    try:
        while process.poll() is None:
            hub.sleep(0.5)
    finally:
        process.terminate()
        process.wait(10)


# A process of its own: the command's client blocks. It comes back after a wait that was too long for it.
ANSWERER = """
import random, sys, time
from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.websocket import UnreachableError
from gw.config.settings import Address
host, _, port = sys.argv[1].rpartition(":")
chance = random.Random(sys.argv[3])
def answer(client):
    while True:
        for row in client.call("security.review.list", {})["held"]:
            if chance.random() < 0.6:
                verb = "approve" if chance.random() < 0.7 else "deny"
                try:
                    client.call(f"security.review.{verb}", {"id": row["id"]})
                except RefusedError:
                    pass
        time.sleep(0.3)
while True:
    try:
        with GatewayClient(
            Address(host, int(port)), sys.argv[2], scopes=("operator.read", "operator.approvals"), timeout_s=60
        ) as client:
            answer(client)
    except UnreachableError:
        time.sleep(1)
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.guard", description="Soak the guard proxy.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    report = soak(arguments.minutes * 60, arguments.clients, arguments.seed)
    for name, count in sorted(report.counts.items()):
        print(f"{name:<32} {count}")
    print(f"guard's memory, early and late: {report.rss_mib[0]:.0f} MiB, {report.rss_mib[1]:.0f} MiB")
    for problem in report.problems[:50]:
        print(f"PROBLEM {problem}")
    print(f"{len(report.problems)} problems")
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
