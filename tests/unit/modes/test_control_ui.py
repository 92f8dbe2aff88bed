"""Serving a page's folder: types, caching, the bootstrap document, and nothing outside the folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from gw.errors import ConfigError
from gw.modes import control_ui as module
from gw.modes.control_ui import ControlUi, bootstrap_document
from gw.modes.http_routes import bearer
from gw.net.http import Request, Response, find_route

INDEX = (
    b'<!doctype html>\n<html data-openclaw-control-ui-build-id="b-1-'
    + b"ab" * 32
    + b'" lang="en"><script>go()</script></html>'
)


class Inline:
    def run(self, job: Any, *args: Any, **kwargs: Any) -> Any:
        return job(*args, **kwargs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("outside")
    made = tmp_path / "ui"
    (made / "assets").mkdir(parents=True)
    (made / "index.html").write_bytes(INDEX)
    (made / "assets" / "app-1a2b.js").write_text("run()")
    (made / "favicon.svg").write_text("<svg/>")
    (made / "data.bin").write_bytes(b"\0\1")
    (made / "leak").symlink_to(tmp_path / "secret.txt")
    (made / "loop").symlink_to(made / "loop")
    return made


@pytest.fixture
def routes(folder: Path) -> Any:
    return ControlUi(folder, Inline()).routes(lambda request: bearer(request) == "t", lambda: {"basePath": ""})


def get(routes: Any, path: str, **headers: str) -> Response:
    route = find_route(routes, path)
    if route is None:
        return Response(404)
    response = route(Request("GET", path, "", headers, b"", "127.0.0.1", False))
    assert isinstance(response, Response)
    return response


FILES = [
    ("/", "text/html; charset=utf-8", "no-cache", INDEX),
    ("/sessions/agent:main:main", "text/html; charset=utf-8", "no-cache", INDEX),
    ("/index.html", "text/html; charset=utf-8", "no-cache", INDEX),
    ("/assets/app-1a2b.js", "application/javascript; charset=utf-8", "public, max-age=31536000, immutable", b"run()"),
    ("/favicon.svg", "image/svg+xml", "no-cache", b"<svg/>"),
    ("/data.bin", "application/octet-stream", "no-cache", b"\0\1"),
]


@pytest.mark.parametrize("path, content_type, cache, body", FILES)
def test_files_and_views(routes: Any, path: str, content_type: str, cache: str, body: bytes) -> None:
    response = get(routes, path)
    headers = dict(response.headers)
    assert (response.status, response.content_type, headers["Cache-Control"]) == (200, content_type, cache)
    assert response.body == body
    assert ("Content-Security-Policy" in headers) == content_type.startswith("text/html")


OUTSIDE = [
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/assets/..\\..\\secret.txt",
    "//etc/passwd.txt",
    "/./favicon.svg",
    "/favicon.svg\0.js",
    "/absent.js",
    "/assets/absent.js",
    "/" + "x" * 5000 + ".js",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_folder_is_served(routes: Any, path: str) -> None:
    assert get(routes, path).status == 404


@pytest.mark.parametrize("path", ["/leak", "/loop", "/assets", "/assets/"])
def test_links_and_folders_are_not_files(routes: Any, path: str) -> None:
    assert get(routes, path).body == INDEX


def test_an_asset_has_a_largest_size(routes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ASSET_BYTES", 3)
    assert get(routes, "/favicon.svg").status == 404


@pytest.mark.parametrize("path", ["/control-ui-config.json", "/__openclaw__/control-ui-config.json"])
def test_the_bootstrap_document_needs_the_token(routes: Any, path: str) -> None:
    assert get(routes, path).status == 401
    response = get(routes, path, authorization="Bearer t")
    assert (response.status, json.loads(response.body)) == (200, {"basePath": ""})


@pytest.mark.parametrize("path", ["/api/users/x/avatar", "/__openclaw__/workspace-icon/x"])
def test_private_paths_say_nothing_without_the_token(routes: Any, path: str) -> None:
    assert get(routes, path).status == 401
    assert get(routes, path, authorization="Bearer t").status == 404


def test_the_build_is_read_from_the_page(folder: Path) -> None:
    assert ControlUi(folder, Inline()).build_id == "b-1"
    (folder / "index.html").write_text("<html></html>")
    assert ControlUi(folder, Inline()).build_id is None


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dist/control-ui"):
        ControlUi(tmp_path, Inline())


def test_the_document_switches_every_extra_off() -> None:
    document = bootstrap_document("1.0", "b-1", "ops")
    assert document["assistantAgentId"] == "ops"
    assert document["serverBuildId"] == "b-1"
    assert not any(document[key] for key in document if key.endswith("Enabled"))
