"""Builds what stands beside a real gateway as one of its operators, from a Gateway of our own.

The only place that joins the dialler to the sidecar. Invariant: nothing is dialled before `run`, and a setting that
cannot work is a ConfigError with what to do.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gw.config.secrets import ensure_token, read_secret, secret_file
from gw.config.settings import Settings
from gw.defender.review import Held
from gw.errors import ConfigError
from gw.model.problem import Problem
from gw.modes.beside.device import OwnDevice
from gw.modes.beside.operator import Login, Operator
from gw.modes.beside.rules import ADMIN_SCOPES, CAPS
from gw.modes.beside.sidecar import Ports, Sidecar
from gw.net.dial import DialOptions, Target, dial
from gw.ports import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from gw.modes.build import Gateway

TOKEN_NAME: Final = "upstream-token"  # noqa: S105  (a file's name)
DEVICE_FILE: Final = "upstream-device.key"
BLOCK: Final = "sidecar"  # in `status`


def build_sidecar(gateway: "Gateway") -> Sidecar:
    """Raises ConfigError."""
    settings = gateway.loaded.settings
    target = upstream_target(settings)
    options = DialOptions(tls_ca=settings.upstream.tls_ca)

    def connect(make_peer: "Callable[[Link], Operator]") -> object:
        return dial(target, make_peer, options)

    judging, hooks = gateway.judging, gateway.hooks

    ports = Ports(
        judge=judging.judge,
        risk=lambda action: judging.policy.current.settings_for(action).risk,
        tell=gateway.verdicts.publish,
        reviews=judging.reviews,
        coverage=gateway.coverage,
        metrics=gateway.metrics,
        clock=gateway.clock,
        held_of=hooks.held_of,
        has_plugin=lambda: hooks.has_plugin,
    )
    login = Login(upstream_token(settings), own_device(settings.gateway.state), ADMIN_SCOPES, CAPS)
    sidecar = Sidecar(connect, login, ports, settings.upstream.canary_minutes * 60.0)
    gateway.blocks[BLOCK] = sidecar.status
    gateway.reloads["upstream.token_file"] = lambda: sidecar.use_token(upstream_token(settings))
    return sidecar


def follow_reviews(gateway: "Gateway", sidecar: Sidecar) -> None:
    """Pass answers of `clawgate review` on to the gateway that waits; called once clients are served."""
    reviews = gateway.judging.reviews
    before = reviews.listener

    def both(held: Held) -> None:
        before(held)
        sidecar.reviewed(held)

    reviews.listener = both


def upstream_target(settings: Settings) -> Target:
    """Raises ConfigError, also when we would dial ourselves."""
    url = settings.upstream.url
    if url is None:
        raise _problem("upstream.url", "missing", "name the real gateway", "--upstream ws://127.0.0.1:18789")
    try:
        target = Target.parse(url)
    except ValueError as error:
        raise _problem("upstream.url", "url", str(error), "e.g. ws://127.0.0.1:18789") from None
    listen = settings.gateway.listen
    if listen.port == target.port and target.host in (listen.host, "localhost"):
        hint = f"--listen 127.0.0.1:{target.port + 1}"
        raise _problem("gateway.listen", "same-address", "the real gateway listens there; take another port", hint)
    return target


def upstream_token(settings: Settings) -> str:
    """The real gateway's token. Raises ConfigError when its file cannot be used."""
    chosen = settings.upstream.token_file
    return read_secret(secret_file(chosen, TOKEN_NAME, settings.gateway.state, os.environ))


def own_device(state: Path) -> OwnDevice:
    """Our device, made on first use."""
    path = state / DEVICE_FILE
    ensure_token(path)
    return OwnDevice(read_secret(path))


def _problem(place: str, code: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(place, 0, 0, f"upstream.{code}", message, hint=hint)])
