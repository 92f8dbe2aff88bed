"""What judging must not lose: kill -9 during blocks, a full disk, reloads under load, holds over a restart."""

import base64
import json
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.websocket import UnreachableError
from gw.ledger.decisions import read_latest
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.receipts import PUBLIC_FILE, verify
from tests.support.serving import Serving, serving
from tests.support.waiting import until

POLICY = """version: 1
kind: policy
id: test.faults
deny:
  - {id: test.block, target: prompt, pattern: 'block me', say: Blocked., hit: [block me], miss: [hello]}
score:
  - {id: test.hold, target: prompt, pattern: 'hold me', severity: high, say: Held., hit: [hold me], miss: [hello]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "p.yaml").write_text(POLICY)
    return folder


def say(client: GatewayClient, text: str, key: str) -> dict[str, Any]:
    """`details` of the refusal, or {} when the message passed."""
    try:
        client.call("chat.send", {"sessionKey": "main", "message": text, "idempotencyKey": key})
    except RefusedError as refused:
        return dict(refused.shape["details"])
    return {}


def test_every_answered_block_survives_kill_9(tmp_path: Path, policy: Path) -> None:
    answered: list[str] = []
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway:

        def flood(worker: int) -> None:
            with pytest.raises((UnreachableError, OSError)), gateway.client() as client:
                answered.extend(
                    say(client, f"block me {number}", f"{worker}-{number}")["decisionId"] for number in range(100_000)
                )

        threads = [threading.Thread(target=flood, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(answered) > 60)
        gateway.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join(20)
    state = gateway.state
    logged = {row["id"] for row in read_latest(state / "decisions", 1_000_000)}
    kept = Quarantine(state / "quarantine", Direct())
    assert [one for one in answered if one not in logged] == []
    assert [one for one in answered if kept.get(one) is None] == []
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        say(client, "block me again", "k")
        gateway.stop()
    report = verify(state / "decisions", base64.b64decode((state / "decisions" / PUBLIC_FILE).read_bytes()))
    assert report.problems == [] and report.confirmed == report.last


@contextmanager
def full_disk(gateway: Serving) -> Iterator[None]:
    """No file of the process may grow any more, as on a full disk."""
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, infinite)


def test_on_a_full_disk_blocks_still_block_and_are_written_down_later(tmp_path: Path, policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        before = say(client, "block me before", "a")["decisionId"]
        with full_disk(gateway):
            during = say(client, "block me during", "b")
            assert during["code"] == "GUARD_BLOCKED"
            held = say(client, "hold me during", "c")
            assert held["code"] == "GUARD_REVIEW"
            logged = {row["id"] for row in read_latest(gateway.state / "decisions", 100)}
            assert before in logged and during["decisionId"] not in logged
        after = say(client, "block me after", "d")["decisionId"]
        wanted = {before, during["decisionId"], held["decisionId"], after}
        until(lambda: wanted <= {row["id"] for row in read_latest(gateway.state / "decisions", 100)})
        kept = Quarantine(gateway.state / "quarantine", Direct())
        assert wanted == {entry["id"] for entry in until(lambda: len(kept.list()) == 4 and kept.list())}
        assert [row["id"] for row in client.call("security.review.list")["held"]] == [held["decisionId"]]
        gateway.stop()
    with serving(tmp_path / "gw", "--policy", str(policy)) as again, again.client() as client:
        assert [row["id"] for row in client.call("security.review.list")["held"]] == [held["decisionId"]]
    folder = gateway.state / "decisions"
    assert verify(folder, base64.b64decode((folder / PUBLIC_FILE).read_bytes())).problems == []


def test_held_actions_and_leave_survive_kill_9(tmp_path: Path, policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        one = say(client, "hold me one", "a")["decisionId"]
        two = say(client, "hold me two", "b")["decisionId"]
        client.call("security.review.approve", {"id": one})
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait(10)
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        listed = client.call("security.review.list")
        assert [row["id"] for row in listed["held"]] == [two]
        assert [row["id"] for row in listed["grants"]] == [one]
        assert say(client, "hold me one", "c") == {}
        assert say(client, "hold me one", "d")["code"] == "GUARD_REVIEW"
        entry = client.call("security.review.get", {"id": two})["entry"]
        assert entry["parts"][0]["text"] == "hold me two"


def test_a_held_action_and_its_answer_are_announced(tmp_path: Path, policy: Path) -> None:
    running = serving(tmp_path / "gw", "--policy", str(policy))
    with running as gateway, gateway.client() as watcher, gateway.client() as client:
        held = say(client, "hold me", "a")["decisionId"]
        requested = watcher.wait_for("security.review.requested")
        assert (requested["id"], requested["rules"]) == (held, ["test.hold"])
        client.call("security.review.deny", {"id": held, "note": "no"})
        resolved = watcher.wait_for("security.review.resolved")
        assert (resolved["state"], resolved["note"]) == ("denied", "no")


def test_policies_change_under_load_without_a_failed_request(tmp_path: Path, policy: Path) -> None:
    wrong: list[object] = []
    done = threading.Event()
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway:

        def work(worker: int) -> None:
            try:
                with gateway.client() as client:
                    for number in range(100_000):
                        if done.is_set():
                            return
                        if say(client, "block me", f"{worker}-{number}").get("code") != "GUARD_BLOCKED":
                            wrong.append(number)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        with gateway.client() as client:
            for generation in range(2, 5):
                rules = "".join(
                    f"  - {{id: load.g{generation}.r{n}, target: command, prefix: [p{n}, g{generation}]}}\n"
                    for n in range(300)
                )
                (policy / "p.yaml").write_text(POLICY + rules)
                assert client.call("security.policy.reload")["generation"] == generation
        done.set()
        for thread in threads:
            thread.join(20)
        assert wrong == []


def test_a_changed_file_is_noticed_without_being_told(tmp_path: Path, policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        (policy / "p.yaml").write_text(POLICY.replace("block me", "stop me"))
        until(lambda: client.call("security.policy")["generation"] == 2)
        assert say(client, "stop me", "a")["code"] == "GUARD_BLOCKED"
        (policy / "p.yaml").write_text("a: [")
        until(lambda: client.call("security.policy")["failure"])
        assert say(client, "stop me", "b")["code"] == "GUARD_BLOCKED"
        assert "policy.refused" in gateway.log.read_text()


def test_the_record_of_a_block_has_no_text_of_the_prompt(tmp_path: Path, policy: Path) -> None:
    with serving(tmp_path / "gw", "--policy", str(policy)) as gateway, gateway.client() as client:
        say(client, "block me my-private-words", "a")
        gateway.stop()
    written = b"".join(path.read_bytes() for path in (gateway.state / "decisions").glob("*.jsonl"))
    assert b"private" not in written and b"private" not in gateway.log.read_bytes()
    (row,) = [json.loads(line) for line in written.splitlines() if b"test.block" in line]
    assert row["parts"][0]["chars"] == 25
