"""Serves a Control UI build (upstream's own page) from a folder, so that a browser can talk to this gateway.

Must not know what the page does. Invariant: only regular files under the folder leave it, whatever the path says;
what carries facts about the gateway asks for the token first.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gw.errors import ConfigError
from gw.model.problem import Problem
from gw.modes.http_routes import Authorize, reading_only, unauthorized
from gw.modes.page import html_headers
from gw.net.http import Request, Response, Route, error_response, json_response
from gw.ports import Json, Offload

INDEX: Final = "index.html"
MAX_ASSET_BYTES: Final = 32 * 1024 * 1024
BUILD_ID = re.compile(rb'data-openclaw-control-ui-build-id="([^"]{1,200})"')
# The page names its build and, behind a dash, the digest of its assets; clients send the build alone.
ASSETS_SUFFIX = re.compile(r"-[0-9a-f]{64}$")
INDEX_HEAD_BYTES: Final = 1024  # the attribute stands in the first tag

CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "application/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "application/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
# Names under assets/ carry a hash of their content.
IMMUTABLE: Final = (("Cache-Control", "public, max-age=31536000, immutable"),)
NO_CACHE: Final = (("Cache-Control", "no-cache"),)


class ControlUi:
    """Raises ConfigError when the folder holds no page."""

    def __init__(self, folder: Path, offload: Offload) -> None:
        self._root = folder.resolve()
        self._offload = offload
        try:
            self._index = (self._root / INDEX).read_bytes()
        except OSError as error:
            message = f"no usable {INDEX}: {error.strerror}"
            hint = "give the folder dist/control-ui of the openclaw npm package"
            raise ConfigError([Problem(str(folder), 0, 0, "control-ui.index", message, hint=hint)]) from None
        self._index_headers = (*html_headers(self._index), *NO_CACHE)
        match = BUILD_ID.search(self._index[:INDEX_HEAD_BYTES])
        self.build_id = ASSETS_SUFFIX.sub("", match.group(1).decode("ascii", "replace")) if match else None

    def routes(self, is_authorized: Authorize, bootstrap: Callable[[], Json]) -> dict[str, Route]:
        """The page at every path that has no other route, its files, and its bootstrap document."""

        def config(request: Request) -> Response:
            return json_response(200, bootstrap(), NO_CACHE) if is_authorized(request) else unauthorized()

        def private(request: Request) -> Response:
            if not is_authorized(request):
                return unauthorized()
            return error_response(404, "not_found", "nothing is served here")

        table: dict[str, Route] = {
            "/": self.serve,
            "/control-ui-config.json": config,
            "/__openclaw__/control-ui-config.json": config,
            "/__openclaw__/": private,
            "/api/": private,
        }
        return {path: reading_only(route) for path, route in table.items()}

    def serve(self, request: Request) -> Response:
        data = self._offload.run(self.read, request.path)
        if data is None:
            if Path(request.path).suffix:
                return error_response(404, "not_found", "no such file")
            return Response(200, self._index, CONTENT_TYPES[".html"], self._index_headers)  # a view of the page
        suffix = Path(request.path).suffix
        if suffix == ".html":
            return Response(200, data, CONTENT_TYPES[suffix], (*html_headers(data), *NO_CACHE))
        headers = IMMUTABLE if request.path.startswith("/assets/") else NO_CACHE
        return Response(200, data, CONTENT_TYPES.get(suffix, "application/octet-stream"), headers)

    def read(self, path: str) -> bytes | None:
        """The content of the file a URL path names, when it is one under the folder; blocks on the disk.

        Odd names, links that lead out of the folder, and files larger than a page has reason to hold are None.
        """
        parts = path.split("/")[1:]
        if not parts[-1] or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
            return None
        try:
            file = self._root.joinpath(*parts).resolve(strict=True)
            if not file.is_relative_to(self._root) or not file.is_file():
                return None
            with file.open("rb") as opened:
                data = opened.read(MAX_ASSET_BYTES + 1)
        except (OSError, RuntimeError):
            return None
        return data if len(data) <= MAX_ASSET_BYTES else None


def bootstrap_document(version: str, build_id: str | None, agent: str) -> Json:
    """control-ui-config.json, as upstream's page reads it: names, versions, and every extra switched off."""
    return {
        "basePath": "",
        "assistantName": "clawgate",
        "assistantAvatar": "C",
        "assistantAgentId": agent,
        "serverVersion": version,
        "serverBuildId": build_id,
        "embedSandbox": "strict",
        "allowExternalEmbedUrls": False,
        "automaticallyFetchFavicons": False,
        "communityInvite": False,
        "terminalEnabled": False,
        "cliAgentsEnabled": False,
        "pluginAssetsRequireAuth": True,
        "pluginFrameGrants": [],
    }
