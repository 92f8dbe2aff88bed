"""Sources in order, origins kept, and every mistake reported at its place, all in one run."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.config import load as module
from gw.config.load import load
from gw.config.settings import BY_PATH, SETTINGS, Address, Settings, example
from gw.errors import ConfigError


@pytest.fixture
def main(tmp_path: Path) -> Path:
    file = tmp_path / "clawgate.yaml"
    (tmp_path / "conf.d").mkdir()
    file.write_text("log: {level: warning}\n")
    return file


def test_each_source_overrides_the_one_before(main: Path) -> None:
    steps = [
        (main, "debug"),
        (main.parent / "conf.d" / "10-a.yaml", "info"),
        (main.parent / "conf.d" / "20-b.yaml", "warning"),
        (main.parent / "clawgate.local.yaml", "error"),
        (main.parent / "conf.d" / "10-a.local.yaml", "debug"),
    ]
    for file, level in steps:
        file.write_text(f"\nlog:\n  level: {level}\n")
        loaded = load(main)
        assert (loaded.settings.log.level, loaded.origins["log.level"]) == (level, f"{file}:3")
    environ = {"CLAWGATE_LOG_LEVEL": "info", "PATH": "/bin", "CLAWGATE_CONFIG": str(main)}
    loaded = load(main, environ)
    assert (loaded.settings.log.level, loaded.origins["log.level"]) == ("info", "environment CLAWGATE_LOG_LEVEL")
    loaded = load(main, environ, {"log.level": "error"})
    assert (loaded.settings.log.level, loaded.origins["log.level"]) == ("error", "flag --log-level")
    assert loaded.files == (main, steps[1][0], steps[2][0], steps[3][0], steps[4][0])
    assert loaded.origins["log.format"] == "default"


def test_without_a_file_everything_is_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_FILE", tmp_path / "absent.yaml")
    loaded = load(environ={"XDG_STATE_HOME": "/x"})
    assert loaded.files == ()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.settings.log == Settings().log


def test_state_falls_back_to_the_users_own_folder(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)
    assert load(main, {"XDG_STATE_HOME": "/home/u/.state"}).settings.gateway.state == Path("/home/u/.state/clawgate")
    monkeypatch.setattr(module.os, "access", lambda path, mode: True)
    assert load(main, {}).settings.gateway.state == BY_PATH["gateway.state"].default


def test_the_example_loads_to_the_defaults(main: Path) -> None:
    main.write_text(example())
    loaded = load(main)
    assert loaded.settings == Settings()
    assert all(origin.startswith(f"{main}:") for origin in loaded.origins.values())


WRONG = [
    ("gatway: {}\n", 1, 1, "config.unknown", "did you mean gateway?"),
    ("log:\n  lvel: info\n", 2, 3, "config.unknown", "did you mean log.level?"),
    ("log:\n  level: loud\n", 2, 10, "config.value", ""),
    ("log:\n  level: info\n  level: debug\n", 3, 3, "config.repeated", "first on line 2"),
    ("log: info\n", 1, 6, "config.kind", ""),
    ("[log]\n", 1, 1, "config.kind", ""),
    ("? [a]\n: b\n", 1, 3, "config.kind", ""),
    ("log: {level: [info]}\n", 1, 14, "config.value", ""),
    ("gateway: {allowed_origins: [[a]]}\n", 1, 28, "config.value", ""),
    ("log: {level: info\n", 2, 1, "config.yaml", ""),
    ("log: *x\n", 1, 6, "config.yaml", ""),
    ("log: \x07\n", 0, 0, "config.yaml", ""),
    ("a: " + "[" * 5000, 0, 0, "config.yaml", ""),
    ("- " * 5000 + "x", 0, 0, "config.yaml", ""),
    ("log: {level: [" + "{a: 1}, " * 500 + "1]}", 1, 14, "config.value", ""),
    ("auth: {mode: none}\ngateway: {listen: '0.0.0.0:1'}\n", 1, 1, "config.together", "use token, or listen on 127.0.0.1"),  # noqa: E501  (one row, one line)
    ("gateway: {tls_cert: /c}\n", 1, 1, "config.together", "give tls_cert and tls_key"),
]  # fmt: skip


@pytest.mark.parametrize("text, line, column, code, hint", WRONG)
def test_mistakes_are_reported_at_their_place(
    main: Path, text: str, line: int, column: int, code: str, hint: str
) -> None:
    main.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(main)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.column, problem.code) == (str(main), line, column, code)
    assert problem.hint == hint or not hint


def test_all_problems_of_all_sources_come_at_once(main: Path) -> None:
    main.write_text("log: {level: loud}\nnope: 1\n")
    (main.parent / "conf.d" / "a.yaml").write_bytes(b"# fine\nlog: \xff\n")
    environ = {"CLAWGATE_LOG_LEVLE": "info", "CLAWGATE_AUTH_MODE": "x"}
    with pytest.raises(ConfigError) as caught:
        load(main, environ, {"metrics.enabled": "perhaps"})
    found = {(Path(p.file).name, p.line, p.code) for p in caught.value.problems}
    assert found == {
        ("clawgate.yaml", 1, "config.value"),
        ("clawgate.yaml", 2, "config.unknown"),
        ("a.yaml", 2, "config.encoding"),
        ("environment CLAWGATE_LOG_LEVLE", 0, "config.unknown"),
        ("environment CLAWGATE_AUTH_MODE", 0, "config.value"),
        ("flag metrics.enabled", 0, "config.value"),
    }


def test_files_that_cannot_be_used(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(main.with_name("absent.yaml"))
    (main.parent / "conf.d" / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        load(main)
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3)
    (main.parent / "conf.d" / "folder.yaml").rmdir()
    with pytest.raises(ConfigError, match="larger than 3"):
        load(main)


def test_empty_files_and_sections_change_nothing(main: Path) -> None:
    main.write_text("# nothing yet\n")
    (main.parent / "conf.d" / "a.yaml").write_text("log:\n  # level: debug\n")
    assert set(load(main).origins.values()) == {"default"}


def test_lists_are_read_from_yaml_and_from_text(main: Path) -> None:
    main.write_text("gateway:\n  allowed_origins: [https://a, https://b]\n  listen: '[::1]:0'\n")
    settings = load(main).settings
    assert settings.gateway.allowed_origins == ("https://a", "https://b")
    assert settings.gateway.listen == Address("::1", 0)
    assert load(main, {"CLAWGATE_GATEWAY_ALLOWED_ORIGINS": "x,y"}).settings.gateway.allowed_origins == ("x", "y")


@given(
    st.text(max_size=200) | st.sampled_from([s.path for s in SETTINGS]).map(lambda p: p.replace(".", ": {") + ": 1}")
)
def test_any_text_loads_or_is_refused_with_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        load(file)
    except ConfigError as error:
        assert error.problems
