from pathlib import Path

import pytest

from gw.errors import PolicyError
from gw.policy import loader
from gw.policy.loader import default_paths, load, read_files, shipped

HEAD = "version: 1\nkind: policy\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    return path


def ids(*paths: Path) -> list[str]:
    found = read_files(list(paths))
    assert not found.problems
    return [str(root.get("id").value) for root in found.roots]  # type: ignore[union-attr]


def codes(*paths: Path) -> list[str]:
    return [problem.code for problem in read_files(list(paths)).problems]


def test_included_files_come_first_by_id_or_by_path(tmp_path: Path) -> None:
    top = write(tmp_path, "top.yaml", "id: top\ninclude: [pack/a, 'more/*.yaml']\n")
    write(tmp_path, "x/a.yaml", "id: pack/a # the first\ninclude: [pack/b]\n")
    write(tmp_path, "x/b.yaml", "id: 'pack/b'\n")
    write(tmp_path, "more/c.yaml", "id: pack/c\n")
    write(tmp_path, "more/c_test.yaml", "id: never\n")
    assert ids(top) == ["pack/b", "pack/a", "pack/c", "top"]


def test_a_folder_means_its_own_files_in_order_with_overlays_last(tmp_path: Path) -> None:
    for name in ("b", "a", "a.local", "z"):
        write(tmp_path, f"{name}.yaml", f"id: {name}\n")
    write(tmp_path, "sub/s.yaml", "id: sub\n")
    write(tmp_path, "b_test.yaml", "id: test\n")
    assert ids(tmp_path) == ["a", "b", "z", "a.local"]


def test_a_file_is_read_once_however_often_it_is_included(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "id: a\ninclude: [c]\n")
    write(tmp_path, "b.yaml", "id: b\ninclude: [c]\n")
    write(tmp_path, "c.yaml", "id: c\n")
    assert ids(tmp_path) == ["c", "a", "b"]


def test_the_digest_covers_every_byte_and_the_order(tmp_path: Path) -> None:
    a, b = write(tmp_path, "a.yaml", "id: a\n"), write(tmp_path, "b.yaml", "id: b\n")
    digest = read_files([a, b]).digest
    assert digest == read_files([a, b]).digest
    assert digest != read_files([b, a]).digest
    write(tmp_path, "b.yaml", "id: b\n# comment\n")
    assert digest != read_files([a, b]).digest


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("include: [nope]\n", "include.unknown"),
        ("include: [gone.yaml]\n", "include.unknown"),
        ("include: [../x.yaml]\n", "include.path"),
        ("include: [/etc/x.yaml]\n", "include.path"),
        ("include: [self]\n", "include.cycle"),
        ("a: [\n", "source.syntax"),
    ],
)
def test_what_is_reported(tmp_path: Path, text: str, code: str) -> None:
    assert code in codes(write(tmp_path, "p.yaml", "id: self\n" + text))


def test_an_unknown_include_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "id: pack/shell\n")
    (problem,) = read_files([write(tmp_path, "p.yaml", "id: p\ninclude: [pack/shel]\n")]).problems
    assert (problem.hint, problem.line, problem.column) == ("did you mean pack/shell?", 4, 11)


def test_a_wildcard_may_find_nothing(tmp_path: Path) -> None:
    assert ids(write(tmp_path, "p.yaml", "id: p\ninclude: ['rules/*.yaml']\n")) == ["p"]


def test_missing_and_empty_places(tmp_path: Path) -> None:
    assert codes(tmp_path / "none.yaml") == ["file.missing"]
    assert codes(tmp_path) == ["file.none"]
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    assert codes(tmp_path / "bad.yaml") == ["file.unreadable"]
    (tmp_path / "bad.yaml").write_bytes(b"#" * 10_000_000)
    (problem,) = read_files([tmp_path / "bad.yaml"]).problems
    assert "10000000 bytes" in problem.message


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_FILES", 2)
    for name in "abc":
        write(tmp_path, f"{name}.yaml", f"id: {name}\n")
    assert codes(tmp_path) == ["include.many"]


def test_load_raises_with_every_problem_of_every_file_in_order(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "id: a\nrisk: {review_at: 900}\n")
    write(tmp_path, "b.yaml", "id: b\ninclude: [zzz]\nmode: off\n")
    with pytest.raises(PolicyError) as caught:
        load([tmp_path])
    assert [(Path(p.file).name, p.code) for p in caught.value.problems] == [
        ("a.yaml", "value.range"),
        ("b.yaml", "include.unknown"),
        ("b.yaml", "value.choice"),
    ]


def test_the_shipped_policies_load_without_a_warning() -> None:
    policy, problems = load()
    assert problems == []
    assert policy.ref.name == "clawgate.default"


def test_the_operators_folder_is_used_once_it_holds_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "LOCAL", tmp_path)
    assert default_paths() == [shipped() / "default"]
    write(tmp_path, "mine.yaml", "id: mine\ninclude: [clawgate.default]\nmode: audit\n")
    assert default_paths() == [tmp_path]
    policy, _ = load()
    assert (policy.ref.name, policy.settings.mode) == ("mine", "audit")
    assert policy.settings.bonus["tool"]["exec"] == 20


def test_packs_alone_are_judged_with_the_default_policy(tmp_path: Path) -> None:
    pack = write(tmp_path, "p.yaml", "id: pack/mine\n")
    pack.write_text(pack.read_text().replace("kind: policy", "kind: pack # only rules"))
    found = ids(pack)
    assert found[-1] == "pack/mine" and "clawgate.default" in found
    assert ids(write(tmp_path, "q.yaml", "id: q\ninclude: [pack/mine]\n")) == ["pack/mine", "q"]
