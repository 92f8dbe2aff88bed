"""The observer over real files, and what happens when the baseline or the disk cannot be trusted."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gw.config.settings import Gateway, Integrity, Settings
from gw.defender.integrity.baseline import Baseline, Key
from gw.defender.integrity.keys import generate, signer
from gw.defender.integrity.watcher import Watch
from gw.errors import Overloaded, StoreError
from gw.model.decision import PolicyRef
from gw.modes import host_integrity
from gw.modes.host_integrity import HostIntegrity, Observer, baseline_file, key_file, load_baseline, open_changes
from gw.policy.compiled import CompiledPolicy


class Clock:
    def now_ms(self) -> int:
        return 1000

    def monotonic(self) -> float:
        return 0.0


class Inline:
    def run(self, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return job(*args, **kwargs)


class Full:
    def run(self, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        raise Overloaded("files")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "protected").mkdir()
    (tmp_path / "protected/program").write_text("as installed")
    private, public = generate()
    (tmp_path / "integrity.key").write_bytes(private)
    (tmp_path / "integrity.pub").write_bytes(public)
    return Settings()._replace(
        gateway=Gateway(state=tmp_path / "state"), integrity=Integrity(key_file=tmp_path / "integrity.key")
    )


def watch_of(tmp_path: Path) -> Watch:
    return Watch("host.test", (f"{tmp_path}/protected/**",), points=55)


def policy_of(tmp_path: Path) -> CompiledPolicy:
    watched = {"id": "host.test", "paths": (f"{tmp_path}/protected/**",), "on_change": {"points": 55}}
    return CompiledPolicy(PolicyRef("t", 1, "0"), host=({"watch": (watched,)},))


def make(settings: Settings, tmp_path: Path, files: Any = None) -> HostIntegrity:
    return HostIntegrity(settings, lambda: policy_of(tmp_path), Clock(), files or Inline(), Inline())


def sign(settings: Settings, tmp_path: Path) -> Baseline:
    baseline = Baseline(500, Observer().look([watch_of(tmp_path)], {}))
    path = baseline_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(baseline.dump(signer(key_file(settings).read_bytes())))
    return baseline


def test_the_observer_sees_files_links_and_folders_to_watch(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "protected/link").symlink_to("program")
    os.mkfifo(tmp_path / "protected/pipe")
    observer = Observer()
    observed = observer.look([watch_of(tmp_path)], {})
    assert {path.rsplit("/", 1)[1] for _, path in observed} == {"program", "link"}
    assert observed["host.test", f"{tmp_path}/protected/link"].digest.startswith("link:")
    assert f"{tmp_path}/protected" in observer.folders


def test_what_is_gone_is_missing_and_what_is_hidden_is_not(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = Observer()
    before = observer.look([watch_of(tmp_path)], {})
    (tmp_path / "protected/program").unlink()
    assert observer.look([watch_of(tmp_path)], before) == {}
    monkeypatch.setattr(host_integrity, "_is_hidden", lambda path, error: error == errno.ENOENT)
    assert observer.look([watch_of(tmp_path)], before) == before
    assert observer.unseen == 1


def test_hidden_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_integrity, "homes", lambda: ("/home/nobody-lives-here",))
    assert host_integrity._is_hidden("/home/nobody-lives-here/.openclaw/x", errno.ENOENT)
    assert host_integrity._is_hidden("/etc/shadow", errno.EACCES)
    assert not host_integrity._is_hidden("/etc/gone", errno.ENOENT)


def test_homes_are_those_of_people() -> None:
    assert all(home.startswith("/") for home in host_integrity.homes())


def test_nothing_is_claimed_without_a_baseline(tmp_path: Path, settings: Settings) -> None:
    integrity = make(settings, tmp_path)
    assert integrity.sweep() == []
    assert integrity.status() == {"active": False, "open": 0, "unseen": 0, "problem": ""}
    assert load_baseline(settings) is None


def test_a_change_is_open_on_disk_and_after_a_restart(tmp_path: Path, settings: Settings) -> None:
    sign(settings, tmp_path)
    (tmp_path / "protected/program").write_text("tampered with")
    [change] = make(settings, tmp_path).sweep()
    assert change.kind == "content"
    assert list(open_changes(settings)) == [change.key]
    (tmp_path / "protected/program").write_text("as installed")
    again = make(settings, tmp_path)
    again.sweep()
    assert list(again.watcher.open) == [change.key]


def forge(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"500", b"501"))


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda settings: forge(baseline_file(settings)), "not signed by this host"),
        (lambda settings: baseline_file(settings).write_bytes(b"{}\nzz"), "no signature"),
        (lambda settings: key_file(settings).with_suffix(".pub").unlink(), "public key cannot be read"),
    ],
)
def test_what_cannot_be_trusted_is_a_problem(
    tmp_path: Path, settings: Settings, damage: Callable[[Settings], object], words: str
) -> None:
    sign(settings, tmp_path)
    damage(settings)
    integrity = make(settings, tmp_path)
    assert integrity.sweep() == []
    assert words in integrity.watcher.problem
    with pytest.raises(StoreError, match=words):
        load_baseline(settings)


def test_a_full_pool_is_a_problem_until_the_next_look(tmp_path: Path, settings: Settings) -> None:
    sign(settings, tmp_path)
    integrity = make(settings, tmp_path, Full())
    integrity.sweep()
    assert integrity.watcher.problem == "the last look at the host failed"
    integrity._files = Inline()
    integrity.sweep()
    assert integrity.watcher.problem == ""


def test_much_heard_is_one_look(tmp_path: Path, settings: Settings) -> None:
    integrity = make(settings, tmp_path)
    for _ in range(5):
        integrity._hear("/x")
    assert len(integrity._heard) == 1


def test_no_list_of_open_changes_is_an_empty_one(settings: Settings) -> None:
    nothing: dict[Key, object] = {}
    assert open_changes(settings) == nothing


def test_where_the_key_is(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unset = settings._replace(integrity=Integrity())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert key_file(unset) == host_integrity.SYSTEM_KEY
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host_integrity, "SYSTEM_KEY", tmp_path / "absent/integrity.key")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/cfg")
    assert key_file(unset) == Path("/cfg/clawgate/integrity.key")
