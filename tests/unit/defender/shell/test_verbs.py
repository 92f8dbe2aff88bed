"""Verbs of tools for hosted things, wherever tools put them."""

import pytest

from gw.defender.shell import verbs
from tests.support.commands import facts_of


@pytest.mark.parametrize(
    ("word", "destroys"),
    [
        ("delete", True),
        ("delete-user", True),
        ("delete_vhost", True),
        ("deleteProject", True),
        ("apps:destroy", True),
        ("schedule-key-deletion", True),
        ("deleted", False),
        ("undelete", False),
        ("describe-deletions", False),
        ("start-instances", False),
    ],
)
def test_verbs_that_destroy(word: str, destroys: bool) -> None:
    assert bool(verbs.destroys(word)) is destroys


@pytest.mark.parametrize(
    ("words", "grants"),
    [
        ("adm policy add-scc-to-user privileged", True),
        ("cluster add-member-role x", True),
        ("access:add x", True),
        ("teams invite x", True),
        ("acl token create", True),
        ("policy set public x", True),
        ("keyvault set-policy", True),
        ("members list", False),
        ("domains:add x", False),
        ("policy list public", False),
    ],
)
def test_verbs_that_give_rights(words: str, grants: bool) -> None:
    assert verbs.grants(words.split()) is grants


@pytest.mark.parametrize(
    "command",
    [
        "acmectl server delete x",
        "acmectl delete x --yes",
        "acmectl delete-user x",
        "acmectl delete all",
        "acmectl cluster remove x -y",
        "acmectl destroy -v",
        "acmectl delete prod",
        "acmectl undeploy production",
        "acmectl rm x --yes",
    ],
)
def test_a_stranger_that_deletes(command: str) -> None:
    assert "service-destroys" in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "todo delete 3",
        "task 12 delete",
        "acmectl server delete x --dry-run",
        "acmectl plugin remove x",
        "acmectl server list",
        "make delete-images",
        "echo server delete x",
    ],
)
def test_a_stranger_that_does_its_work(command: str) -> None:
    assert "service-destroys" not in facts_of(command)


def test_a_stranger_that_gives_rights() -> None:
    assert "service-grants" in facts_of("acmectl owner add guest")
    assert "service-grants" in facts_of("acmectl users add guest --roles=editor")
    assert "service-grants" not in facts_of("acmectl users list --roles=editor")


def test_a_stranger_that_is_extended_from_an_address() -> None:
    assert "installs-remote" in facts_of("acmectl plugin add x https://x.example/x.git")
    assert "installs-remote" in facts_of("acmectl prepare yarn@https://x.example/y.tgz")
    assert "installs-remote" not in facts_of("acmectl plugin add x https://github.com/o/x.git")
    assert "installs-remote" not in facts_of("acmectl feed add https://x.example/feed")
