"""The client in docs/connecting.md, run as it stands there: it talks, and is told of a block and of a wrong token."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import openclaw
from tests.support.serving import Serving, serving

pytestmark = [pytest.mark.openclaw]

PAGE = (Path(__file__).parents[2] / "docs/connecting.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    openclaw.node()  # skips without Node
    with serving(tmp_path_factory.mktemp("connecting")) as running:
        yield running


def talk(gateway: Serving, folder: Path, text: str, token: str = "") -> str:
    (client,) = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    (folder / "client.mjs").write_text(client)
    (folder / "token").write_text(token or gateway.token)
    ran = openclaw.script(folder, folder / "client.mjs", gateway.url, str(folder / "token"), text)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_talks(gateway: Serving, tmp_path: Path) -> None:
    connected, answer, closed = talk(gateway, tmp_path, "hello there").splitlines()
    assert connected in PAGE and answer in PAGE and closed.strip() in PAGE


def test_it_is_told_of_a_block(gateway: Serving, tmp_path: Path) -> None:
    _, refused, _ = talk(gateway, tmp_path, "/bash rm -rf /").splitlines()
    assert refused in PAGE and "GUARD_BLOCKED" in refused


def test_a_wrong_token_is_refused_as_the_page_says(gateway: Serving, tmp_path: Path) -> None:
    refused, closed = talk(gateway, tmp_path, "hello", token="wrong").splitlines()
    assert refused.startswith("refused: INVALID_REQUEST AUTH_TOKEN_MISMATCH ")
    assert closed.startswith("closed: 1008 unauthorized")
