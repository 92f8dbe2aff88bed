"""Public registries, and the settings that name other places."""

import pytest

from gw.defender.shell import registries


@pytest.mark.parametrize(
    ("word", "elsewhere"),
    [
        ("https://x.example/p.tgz", True),
        ("http://pypi.org/simple", True),  # without a certificate it could be anybody's
        ("git+https://x.example/p", True),
        ("sparse+https://x.example/", True),
        ("git+https://github.com/o/r", False),
        ("https://registry.npmjs.org/x", False),
        ("http://localhost:4873", False),
        ("requests", False),
    ],
)
def test_an_address_on_no_list_is_elsewhere(word: str, elsewhere: bool) -> None:
    assert registries.is_elsewhere(word) is elsewhere


@pytest.mark.parametrize(
    ("words", "sets"),
    [
        ("config set registry https://x.example", True),
        ("sources https://x.example", True),
        ("env GOPROXY=off,https://x.example", True),
        ("config set registry https://registry.npmjs.org", False),
        ("config set editor https://x.example", False),
        ("install registry https://x.example", False),
        ("", False),
    ],
)
def test_settings_that_name_a_registry(words: str, sets: bool) -> None:
    assert registries.sets_registry(words.split()) is sets


@pytest.mark.parametrize(
    ("path", "text", "foreign"),
    [
        ("~/.npmrc", "registry=https://x.example/", True),
        ("~/.npmrc", "registry=https://registry.npmjs.org/", False),
        ("/srv/app/.cargo/config.toml", 'registry = "https://x.example"', True),
        ("notes.md", "https://x.example", False),
        ("~/.npmrc", "save-exact=true", False),
    ],
)
def test_settings_files_that_name_one(path: str, text: str, foreign: bool) -> None:
    assert registries.is_foreign_settings(path, text) is foreign
