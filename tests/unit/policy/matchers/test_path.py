import pytest

from gw.model.action import PartKind
from gw.policy.matchers.path import expand, normalise
from tests.support.matchers import matcher, problems_of
from tests.support.shell import node, part_subject, subject


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("$HOME/.ssh", "~/.ssh"),
        ("${HOME}", "~"),
        ("/root/.ssh/id", "~/.ssh/id"),
        ("/home/sam", "~"),
        ("/home/sam/x", "~/x"),
        ("/home", "/home"),
        ("~/a/../.ssh//id", "~/.ssh/id"),
        ("/etc/./passwd", "/etc/passwd"),
        ("//etc/passwd", "/etc/passwd"),
        ("/rootfs", "/rootfs"),
        ("$HOMEX", "$HOMEX"),
        ("", ""),
    ],
)
def test_normalise(path: str, result: str) -> None:
    assert normalise(path) == result


def test_braces_expand_also_nested() -> None:
    assert sorted(expand("~/{a,b}/{c,d}.md")) == ["~/a/c.md", "~/a/d.md", "~/b/c.md", "~/b/d.md"]


@pytest.mark.parametrize(
    ("rule", "path", "hit"),
    [
        ("path: {under: ['~/.openclaw']}", "~/.openclaw/openclaw.json", True),
        ("path: {under: ['~/.openclaw']}", "/home/x/.openclaw", True),
        ("path: {under: ['~/.openclaw']}", "~/.openclaw2", False),
        ("path: {under: [/]}", "/etc/x", True),
        ("path: {under: [/etc]}", "/tmp/../etc/shadow", True),
        ("path: ['/etc/*.conf']", "/etc/a.conf", True),
        ("path: '~/{SOUL,AGENTS}.md'", "/root/AGENTS.md", True),
        ("path: {name: .env}", "/srv/app/.env", True),
        ("path: {name: .env}", "/srv/app/.envrc", False),
    ],
)
def test_a_path_part(rule: str, path: str, hit: bool) -> None:
    assert (matcher(rule).match(part_subject(PartKind.PATH, path)) is not None) is hit


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ("path: {under: [/etc]}", True),
        ("path: {under: [/etc], access: reads}", False),
        ("path: {under: [/etc], access: [reads, writes]}", True),
        ("path: {under: [/var]}", False),
    ],
)
def test_what_a_command_touches(rule: str, hit: bool) -> None:
    line = subject("tee /etc/x", node("tee /etc/x", writes=("/etc/x",), reads=("/tmp/y",)))
    assert (matcher(rule).match(line) is not None) is hit


def test_a_prompt_has_no_paths() -> None:
    assert matcher("path: /etc").match(part_subject(PartKind.PROMPT, "/etc")) is None


@pytest.mark.parametrize("text", ["path: {}", "path: {undr: [a]}", "path: {under: [a], access: runs}", "path: ~"])
def test_bad_paths(text: str) -> None:
    assert problems_of(text)
