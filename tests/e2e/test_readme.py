"""What the README shows is what happens: its policy, its test, its commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gw.cli.main import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(BLOCKS[0])
    (tmp_path / "shop_test.yaml").write_text(BLOCKS[1])
    return tmp_path


def clawgate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gw", *arguments]
    root = Path(__file__).parents[2]
    named = [str(folder / word) if word.startswith("shop") else word for word in command]
    return subprocess.run(named, capture_output=True, text=True, timeout=60, check=False, cwd=root)


def test_the_policy_and_its_test_pass(files: Path) -> None:
    ran = clawgate(files, "policy", "test", "shop.yaml", "shop_test.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 0 failed" in ran.stdout


def test_the_command_is_judged_as_shown(files: Path) -> None:
    command = "ssh ops@k8s kubectl apply -f web.yaml"
    assert command in README
    ran = clawgate(files, "judge", "--policy", "shop.yaml", "--command", command)
    assert ran.returncode == 20
    assert ran.stdout.split("(")[0] in README and "  shop.no-deploy  +80, at least block at 0..37" in ran.stdout


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"`?clawgate ([a-z]+)", README)) - {"listens"}
    assert named <= set(COMMANDS), named - set(COMMANDS)
    assert len(named) > 5


def test_every_file_it_links_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).parents[2] / target).exists(), target
