"""gw/modes/policy_files: the settings say which policies, and a start reads them before anything else is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gw.config.settings import Policy, Settings
from gw.errors import PolicyError
from gw.modes.policy_files import policy_paths, read_policies


def settings_with(path: Path | None) -> Settings:
    return Settings(policy=Policy(path=path))


def test_the_shipped_policies_unless_others_are_named(tmp_path: Path) -> None:
    assert policy_paths(settings_with(None)) == []
    assert policy_paths(settings_with(tmp_path)) == [tmp_path]
    assert len(read_policies(settings_with(None)).policy.rules) > 100


def test_a_broken_policy_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nnope: 1\n")
    with pytest.raises(PolicyError) as refused:
        read_policies(settings_with(tmp_path))
    assert any(problem.line == 2 for problem in refused.value.problems)


def test_it_needs_neither_the_event_loop_nor_the_defender() -> None:
    program = "import sys, gw.modes.policy_files; print({'gevent', 'gw.defender'} & set(sys.modules))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == "set()"
