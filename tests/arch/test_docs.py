"""What the pages name is there: the files and headings they link, the commands and flags they show, the metrics."""

import re
from pathlib import Path

import click
import pytest

from gw.cli.main import group
from gw.observe.metrics import ROWS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s:]+)\)")
COMMAND = re.compile(r"(?:`|\$ |# |^ +(?:\.venv/bin/)?)clawgate (?!listens )([^`\n|\\]*)", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def resolve(words: list[str]) -> list[click.Command]:
    """The commands that these words run through; raises KeyError for one that does not exist."""
    found: list[click.Command] = [group]
    for word in words:
        last = found[-1]
        if not isinstance(last, click.Group) or word.startswith(("-", "...")):
            break
        known = last.get_command(click.Context(last), word)
        if known is None:
            if last is group or not last.invoke_without_command:
                raise KeyError(word)
            break
        found.append(known)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_and_flag_exists(page: Path) -> None:
    for line in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = re.sub(r"'[^']*'?", "QUOTED", line).split()
        given = {word.split("=")[0].strip("[],") for word in words if word.startswith(("--", "[--"))}
        params = [param for command in resolve(words) for param in command.params]
        options = {option for param in params for option in (*param.opts, *param.secondary_opts)}
        assert given <= options | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_metric_exists(page: Path) -> None:
    named = set(re.findall(r"\bclawgate_[a-z_]+_(?:total|seconds|bytes)", page.read_text(encoding="utf-8")))
    assert named <= ROWS.keys()
