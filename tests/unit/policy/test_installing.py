from pathlib import Path

import pytest

from gw.policy import installing
from gw.policy.installing import install, latest, stage


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*.yaml")}


def test_a_set_replaces_the_one_in_force_which_is_kept(tmp_path: Path) -> None:
    live, history = tmp_path / "live", tmp_path / "history"
    assert install(write(tmp_path / "one", a="1"), live, history, "x") is None
    kept = install(write(tmp_path / "two", b="2"), live, history, "y")
    assert content(live) == {"b.yaml": "2"}
    assert kept is not None and kept.name == "000001-y" and content(kept) == {"a.yaml": "1"}
    assert latest(history) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "live", "one", "two"]


def test_old_sets_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "MAX_HISTORY", 2)
    for number in range(5):
        install(write(tmp_path / f"s{number}", a=str(number)), tmp_path / "live", tmp_path / "h", "n")
    assert [path.name for path in sorted((tmp_path / "h").iterdir())] == ["000003-n", "000004-n"]


def test_a_folder_is_staged_whole_and_a_file_is_added_to_what_is_live(tmp_path: Path) -> None:
    live = write(tmp_path / "live", a="old", b="kept")
    source = write(tmp_path / "new", a="new")
    (source / "notes.txt").write_text("not a policy")
    (source / ".hidden.yaml").write_text("no")
    (tmp_path / "t1").mkdir()
    assert content(stage(source, live, tmp_path / "t1")) == {"a.yaml": "new"}
    (tmp_path / "t2").mkdir()
    assert content(stage(source / "a.yaml", live, tmp_path / "t2")) == {"a.yaml": "new", "b.yaml": "kept"}
    (tmp_path / "t3").mkdir()
    assert content(stage(source / "a.yaml", tmp_path / "none", tmp_path / "t3")) == {"a.yaml": "new"}


def test_a_failed_exchange_leaves_what_is_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = write(tmp_path / "live", a="old")

    def refuse(one: Path, other: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(installing, "_exchange", refuse)
    with pytest.raises(OSError, match="cross-device"):
        install(write(tmp_path / "new", a="new"), live, tmp_path / "h", "n")
    assert content(live) == {"a.yaml": "old"}


def test_exchanging_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        installing._exchange(tmp_path / "a", tmp_path / "b")


def test_no_history_yet(tmp_path: Path) -> None:
    assert latest(tmp_path / "none") is None
