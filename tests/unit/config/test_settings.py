"""The settings table: every row usable, documented and reachable; parsers accept and refuse what they say."""

from pathlib import Path

import pytest
import yaml

from gw.config.settings import BY_PATH, SETTINGS, Address, Setting, Settings, build, example, show


def test_rows_are_unique_by_path_environment_and_flag() -> None:
    for names in (
        [s.path for s in SETTINGS],
        [s.env for s in SETTINGS],
        [s.flag for s in SETTINGS if s.flag],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.path)
def test_row_explains_itself_and_its_default_is_a_legal_value(setting: Setting) -> None:
    assert setting.doc.endswith(".") and len(setting.doc) > 15
    assert setting.flag is None or setting.flag.startswith("--")
    text = show(setting.default)
    if setting.kind is tuple:
        text = text.strip("[]")
    assert setting.parse(text) == setting.default
    assert Settings().value(setting.path) == setting.default
    if setting.secret:
        assert setting.kind is Path, "a secret itself must not be a setting"


ADDRESSES = [
    ("127.0.0.1:18789", Address("127.0.0.1", 18789)),
    ("[::1]:0", Address("::1", 0)),
    ("gw.example:65535", Address("gw.example", 65535)),
]


@pytest.mark.parametrize("text, value", ADDRESSES)
def test_addresses_round_trip(text: str, value: Address) -> None:
    assert BY_PATH["gateway.listen"].parse(text) == value
    assert str(value) == text


@pytest.mark.parametrize(
    "host, loopback", [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_addresses_are_told_apart(host: str, loopback: bool) -> None:
    assert Address(host, 1).is_loopback is loopback


REFUSED = [
    ("gateway.listen", "hunter2hunter2", "ADDRESS:PORT"),
    ("gateway.listen", "127.0.0.1:65536", "ADDRESS:PORT"),
    ("gateway.listen", ":80", "ADDRESS:PORT"),
    ("gateway.listen", "h:\u0661", "ADDRESS:PORT"),
    ("gateway.state", "", "path"),
    ("gateway.max_connections", "0", "between 1 and"),
    ("gateway.max_connections", "many", "whole number"),
    ("auth.mode", "open", "one of token, password, none"),
    ("auth.mode", "", "not be empty"),
    ("policy.audit_only", "perhaps", "true or false"),
]


@pytest.mark.parametrize("path, text, words", REFUSED)
def test_refused_values_say_what_would_be_right_and_echo_nothing(path: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        BY_PATH[path].parse(text)
    assert not text or text not in str(caught.value).split()


ACCEPTED = [
    ("policy.audit_only", "YES", True),
    ("policy.audit_only", "off", False),
    ("gateway.control_ui", "null", None),
    ("gateway.control_ui", "/srv/ui", Path("/srv/ui")),
    ("gateway.allowed_origins", "https://a.example, https://b.example,", ("https://a.example", "https://b.example")),
    ("defender.timeout_ms", " 250 ", 250),
]


@pytest.mark.parametrize("path, text, value", ACCEPTED)
def test_accepted_values(path: str, text: str, value: object) -> None:
    assert BY_PATH[path].parse(text) == value


def test_build_fills_in_defaults() -> None:
    settings = build({"log.level": "debug"})
    assert settings.log.level == "debug"
    assert settings.gateway == Settings().gateway


def test_example_is_yaml_that_holds_exactly_the_table() -> None:
    document = yaml.safe_load(example())
    assert {f"{section}.{key}" for section, keys in document.items() for key in keys} == set(BY_PATH)
