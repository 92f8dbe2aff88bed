"""What plain HTTP requests on the gateway's port get: health, readiness, metrics, and a page for people.

Must not know sockets or methods. Invariant: nothing here needs a body, changes anything, or tells an unauthenticated
caller from elsewhere more than that the process lives and is ready.
"""

from collections.abc import Callable
from functools import cache

from gw import DATA
from gw.access.origin import is_loopback
from gw.modes.page import html_headers
from gw.net.http import Request, Response, Route, error_response, json_response
from gw.observe.health import Health
from gw.observe.metrics import Metrics
from gw.ports import Clock, Offload

READING = ("GET", "HEAD")
NO_STORE = (("Cache-Control", "no-store"),)

Authorize = Callable[[Request], bool]


def build_routes(
    clock: Clock, health: Health, metrics: Metrics | None, offload: Offload, is_authorized: Authorize
) -> dict[str, Route]:
    """The table of paths; `metrics` is None when they are switched off."""

    def live(request: Request) -> Response:
        return json_response(200, {"ok": True, "status": "live"}, NO_STORE)

    def ready(request: Request) -> Response:
        shape = health.ready_shape(clock.now_ms())
        return json_response(200 if shape["ready"] else 503, shape, NO_STORE)

    def scrape(request: Request) -> Response:
        if metrics is None:
            return error_response(404, "not_found", "metrics are switched off (metrics.enabled)")
        if not is_loopback(request.remote) and not is_authorized(request):
            return unauthorized()
        page, content_type = offload.run(metrics.scrape)
        return Response(200, page, content_type, NO_STORE)

    table: dict[str, Route] = {
        "/": landing_page(),
        "/health": live,
        "/healthz": live,
        "/ready": ready,
        "/readyz": ready,
        "/metrics": scrape,
    }
    return {path: reading_only(route) for path, route in table.items()}


def reading_only(route: Route) -> Route:
    def guarded(request: Request) -> Response:
        if request.method not in READING:
            return error_response(405, "method_not_allowed", "only GET and HEAD", (("Allow", "GET, HEAD"),))
        return route(request)

    return guarded


def landing_page() -> Route:
    @cache
    def page() -> Response:
        text = (DATA / "landing.html").read_bytes()
        return Response(200, text, "text/html; charset=utf-8", (*html_headers(text), *NO_STORE))

    def landing(request: Request) -> Response:
        return page() if request.path == "/" else error_response(404, "not_found", "nothing is served here")

    return landing


def unauthorized() -> Response:
    """Upstream's body of a 401 (PROTOCOL.md section 9)."""
    return error_response(401, "unauthorized", "Unauthorized", (("WWW-Authenticate", "Bearer"),))


def bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
