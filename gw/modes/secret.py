"""The shared secret of this gateway: which file holds it, and whether listening without one is safe.

Must not know who shows it. Invariant: a gateway that others can reach never runs without a secret.
"""

import os
from pathlib import Path
from typing import Final

from gw.access.admission import Secrets
from gw.config.secrets import ensure_token, read_secret, secret_file
from gw.config.settings import Settings
from gw.errors import ConfigError
from gw.model.problem import Problem

OPEN_TO_OTHERS: Final = "auth.mode none is for loopback only, and this address can be reached from other machines"


class SharedSecret:
    """Raises ConfigError when the file cannot be used; a token is generated on first use."""

    def __init__(self, settings: Settings) -> None:
        mode = settings.auth.mode
        self.path: Path | None = None
        self._current = Secrets(mode, None)
        if mode != "none":
            chosen = settings.auth.token_file if mode == "token" else settings.auth.password_file
            self.path = secret_file(chosen, mode, settings.gateway.state, os.environ)
            if mode == "token" and chosen is None:
                ensure_token(self.path)
            self.reload()

    def current(self) -> Secrets:
        return self._current

    def reload(self) -> None:
        """Read the file again. Raises ConfigError and keeps the last one."""
        if self.path is not None:
            self._current = Secrets(self._current.mode, read_secret(self.path))


def check_exposure(settings: Settings) -> None:
    """Raises ConfigError when anybody on the network could use this gateway without a secret."""
    listen = settings.gateway.listen
    if settings.auth.mode == "none" and not listen.is_loopback:
        hint = "use auth.mode token or password, or listen on 127.0.0.1"
        raise ConfigError(
            [Problem("gateway.listen", 0, 0, "auth.exposed", OPEN_TO_OTHERS, path=str(listen), hint=hint)]
        )
