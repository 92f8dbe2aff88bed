"""The package's scripts where no package needs to be built: what CI is told when it cannot be, and facts kept twice."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from gw import __version__
from gw.session.store import FORMAT_VERSION

TOP = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*TOP.glob("packaging/**/*.sh"), *TOP.glob("debian/clawgate.p*"), TOP / ".ci/run"])


def run_in_ci(**env: str) -> subprocess.CompletedProcess[str]:
    script = ["bash", str(TOP / "packaging/smoke/ci.sh")]
    return subprocess.run(script, capture_output=True, text=True, env={**os.environ, **env}, timeout=60)


def test_ci_says_that_the_package_test_is_switched_off() -> None:
    done = run_in_ci(CLAWGATE_CI_SMOKE="0")
    assert (done.returncode, done.stdout) == (0, "package test: skipped: switched off by CLAWGATE_CI_SMOKE=0 (0 s)\n")


def test_a_machine_without_the_means_is_no_failure(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "mktemp", "rm", "id"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool)
    done = run_in_ci(CLAWGATE_CI_SMOKE="1", PATH=str(tmp_path))
    assert done.returncode == 0
    assert re.fullmatch(r"package test: skipped: (not root|not a Debian or Ubuntu machine) \(\d s\)\n", done.stdout)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_parses(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)


def test_the_package_has_the_programs_version_and_the_states_format() -> None:
    changelog = (TOP / "debian/changelog").read_text()
    assert changelog.startswith(f"clawgate ({__version__}) ")
    # debian/rules reads the number out of the source for the package's refusal to go backward.
    found = re.search(r"(?m)^FORMAT_VERSION: Final = (\d+)", (TOP / "gw/session/store.py").read_text())
    assert found is not None
    assert int(found[1]) == FORMAT_VERSION
