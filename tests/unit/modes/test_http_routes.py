"""Health, readiness, metrics and the landing page, as requests would get them."""

import json
from typing import Any

import pytest

from gw.modes.http_routes import bearer, build_routes, unauthorized
from gw.net.http import Request, Response, find_route
from gw.observe.health import Health
from gw.observe.metrics import Metrics


class Clock:
    def now_ms(self) -> int:
        return 5000

    def monotonic(self) -> float:
        return 5.0


class Inline:
    def run(self, job: Any, *args: Any, **kwargs: Any) -> Any:
        return job(*args, **kwargs)


@pytest.fixture
def health() -> Health:
    return Health(1000)


def get(routes: Any, path: str, method: str = "GET", remote: str = "127.0.0.1", **headers: str) -> Response:
    route = find_route(routes, path)
    assert route is not None
    response = route(Request(method, path, "", headers, b"", remote, False))
    assert isinstance(response, Response)
    return response


def make(health: Health, metrics: Metrics | None = None) -> Any:
    return build_routes(Clock(), health, metrics, Inline(), lambda request: bearer(request) == "t")


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_live_needs_nothing(health: Health, path: str) -> None:
    response = get(make(health), path, remote="203.0.113.9")
    assert (response.status, json.loads(response.body)) == (200, {"ok": True, "status": "live"})


@pytest.mark.parametrize("path", ["/ready", "/readyz"])
def test_ready_follows_the_components(health: Health, path: str) -> None:
    routes = make(health)
    starting = get(routes, path)
    assert (starting.status, json.loads(starting.body)["failing"]) == (503, ["startup"])
    health.started()
    shape = json.loads(get(routes, path).body)
    assert set(shape) == {"ready", "failing", "uptimeMs", "eventLoop"}
    assert (shape["ready"], shape["uptimeMs"]) == (True, 4000)
    health.note("store", failing=True)
    assert json.loads(get(routes, path).body)["failing"] == ["store"]


def test_metrics_are_open_on_loopback_and_need_the_token_elsewhere(health: Health) -> None:
    routes = make(health, Metrics())
    page = get(routes, "/metrics")
    assert page.status == 200 and b"clawgate_frames_total" in page.body and page.content_type.startswith("text/plain")
    assert get(routes, "/metrics", remote="203.0.113.9").status == 401
    assert get(routes, "/metrics", remote="203.0.113.9", authorization="Bearer x").status == 401
    assert get(routes, "/metrics", remote="203.0.113.9", authorization="Bearer t").status == 200
    assert get(make(health), "/metrics").status == 404


def test_the_landing_page_is_self_contained(health: Health) -> None:
    routes = make(health)
    page = get(routes, "/")
    assert page.status == 200 and page.content_type.startswith("text/html")
    for outside in (b"src=", b"@import", b"url(", b'href="http'):
        assert outside not in page.body
    assert get(routes, "/elsewhere").status == 404


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/metrics"])
def test_only_reading_is_answered(health: Health, path: str) -> None:
    response = get(make(health), path, method="POST")
    assert response.status == 405 and ("Allow", "GET, HEAD") in response.headers


TOKENS = [
    ({}, None),
    ({"authorization": "Bearer abc"}, "abc"),
    ({"authorization": "bearer  abc "}, "abc"),
    ({"authorization": "Bearer "}, None),
    ({"authorization": "Basic abc"}, None),
]


@pytest.mark.parametrize("headers, token", TOKENS)
def test_bearer(headers: dict[str, str], token: str | None) -> None:
    assert bearer(Request("GET", "/", "", headers, b"", "127.0.0.1", False)) == token


def test_unauthorized_has_upstreams_body() -> None:
    assert json.loads(unauthorized().body) == {"error": {"message": "Unauthorized", "type": "unauthorized"}}
