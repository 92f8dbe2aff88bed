"""The shared secret of this gateway: which file holds it, and its current content.

Must not know who shows it. Invariant: a file that can no longer be used keeps the last secret in force.
"""

import os
from pathlib import Path

from gw.access.admission import Secrets
from gw.config.secrets import ensure_token, read_secret, secret_file
from gw.config.settings import Settings


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
