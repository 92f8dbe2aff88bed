"""What the pages name is there: files, headings, commands, flags, metrics; and their examples print what is shown."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
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


def shown(page: str, start: str) -> str:
    """The lines of a page's first code block that begins with *start*."""
    found = re.search(rf"^({re.escape(start)}.*?)^(?:```|#)", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None, start
    return found.group(1)


def readme_example(folder: Path) -> list[Path]:
    policy, scenarios = folder / "shop.yaml", folder / "shop_test.yaml"
    policy.write_text(shown("README.md", "version: 1\nkind: policy\nid: shop"))
    scenarios.write_text(shown("README.md", "version: 1\ntests:"))
    return [policy, scenarios]


def installed_example(folder: Path) -> list[Path]:
    shutil.copytree(ROOT / "packaging/conf/policies.d", folder, dirs_exist_ok=True)
    (folder / "20-mine.yaml").write_text(shown("docs/install.md", "version: 1\nkind: policy\nid: mine"))
    return [folder]


def authors_example(folder: Path) -> list[Path]:
    run_cli("policy", "new", folder, "--id", "acme.shop")
    rule = shown("docs/policies/author.md", "  - id: acme.shop.npm-deploy").replace("prefx", "prefix")
    with (folder / "acme.shop.yaml").open("a") as policy:
        policy.write(rule)
    return [folder]


def run_cli(*words: object) -> str:
    command = [sys.executable, "-m", "gw", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    "page, example",
    [
        ("README.md", readme_example),
        ("docs/install.md", installed_example),
        ("docs/policies/author.md", authors_example),
    ],
)
def test_the_counts_shown_are_those_printed(page: str, example: Callable[[Path], list[Path]], tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    paths = example(folder)
    printed = run_cli("policy", "test", *paths) + run_cli("policy", "lint", paths[0], "--no-advice")
    text = (ROOT / page).read_text(encoding="utf-8")
    counts = re.findall(r"^ *(\d+ (?:cases, \d+ failed|rules, \d+ errors), .*? (?:%|warnings))", text, re.MULTILINE)
    assert counts
    for count in counts:
        assert count in printed
