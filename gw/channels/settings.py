"""One account of a channel as the channels file tells it, with its secrets read from files.

Knows no driver's meaning, only the tables it declares. Invariant: a secret stands in a file or a service credential,
never in the configuration and never in a message; every problem is told, not only the first.

Read here: `transport`, `options` (the driver's OPTIONS, and COMMON), `allowBots`, and `secretFiles`, which name a file
for each of the driver's SECRETS. Without a file it is the service credential `channel-<channel>-<account>-<secret>`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gw.channels import DRIVERS, load
from gw.channels.base import AccountConfig
from gw.config.secrets import credential_file, read_secret
from gw.errors import ConfigError
from gw.model.problem import Problem, closest
from gw.ports import Json

COMMON: Final[Mapping[str, type]] = {"textChunkLimit": int}
ADDRESSES: Final = ("Root", "Url")  # how names of options that hold one end
WORDS: Final[Mapping[type, str]] = {int: "a whole number", bool: "true or false", str: "a text"}

Complain = Callable[[str, str, str], Problem]  # path, message, hint


def _unplaced(path: str, message: str, hint: str) -> Problem:
    return Problem("", 0, 0, "config.channels", message, path, hint)


def read_account(
    channel: str,
    account: str,
    fields: Mapping[str, Json],
    environ: Mapping[str, str],
    problem: Complain = _unplaced,
) -> AccountConfig:
    """Raises ConfigError with all that is wrong; `problem` knows the file and its lines."""
    return _Reader(channel, account, fields, environ, problem).read()


class _Reader:
    def __init__(
        self, channel: str, account: str, fields: Mapping[str, Json], environ: Mapping[str, str], problem: Complain
    ) -> None:
        self._channel = channel
        self._account = account
        self._fields = fields
        self._environ = environ
        self._problem = problem
        self._problems: list[Problem] = []

    def read(self) -> AccountConfig:
        if self._channel not in DRIVERS:
            self._complain("", "is no channel we drive", f"one of {', '.join(DRIVERS)}")
            raise ConfigError(self._problems)
        driver = load(self._channel)
        transport = self._transport(driver.capabilities.transports)
        options = self._options({**driver.OPTIONS, **COMMON})
        for name in driver.NEEDS.get(transport, ()):
            if name not in options:
                self._complain(f".options.{name}", f"is missing, which transport {transport} needs")
        if self._fields.get("allowBots") is True and "allowBots" in driver.OPTIONS:
            options["allowBots"] = True
        secrets = self._secrets({*(name for names in driver.SECRETS.values() for name in names)})
        for name in driver.SECRETS[transport]:
            if name not in secrets:
                secrets[name] = self._credential(name)
        if self._problems:
            raise ConfigError(self._problems)
        return AccountConfig(self._channel, self._account, transport, options, secrets)

    def _transport(self, known: tuple[str, ...]) -> str:
        transport = self._fields.get("transport") or known[0]
        if transport not in known:
            self._complain(".transport", "is not one of this channel's", f"one of {', '.join(known)}")
            return known[0]
        return str(transport)

    def _options(self, known: Mapping[str, type]) -> dict[str, Any]:
        options = {}
        for name, value in (self._fields.get("options") or {}).items():
            kind = known.get(name)
            if kind is None:
                self._complain(f".options.{name}", "unknown option", _meant(name, known))
            elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                self._complain(f".options.{name}", f"must be {WORDS[kind]}")
            elif name.endswith(ADDRESSES) and not str(value).startswith(("https://", "http://")):
                self._complain(f".options.{name}", "must be an address: https://...")
            else:
                options[name] = value
        return options

    def _secrets(self, known: set[str]) -> dict[str, str]:
        secrets = {}
        for name, path in (self._fields.get("secretFiles") or {}).items():
            if name not in known:
                self._complain(f".secretFiles.{name}", "unknown secret", _meant(name, known))
            elif not isinstance(path, str) or not path.startswith("/"):
                self._complain(f".secretFiles.{name}", "must be the absolute path of a file")
            else:
                secrets[name] = self._file(Path(path))
        return secrets

    def _credential(self, name: str) -> str:
        credential = f"channel-{self._channel}-{self._account}-{name}"
        path = credential_file(credential, self._environ)
        if path is None:
            hint = f"name its file there, or give the service a credential {credential}"
            self._complain(f".secretFiles.{name}", "is missing", hint)
            return ""
        return self._file(path)

    def _file(self, path: Path) -> str:
        try:
            return read_secret(path)
        except ConfigError as error:
            self._problems += error.problems
            return ""

    def _complain(self, where: str, message: str, hint: str = "") -> None:
        self._problems.append(self._problem(f"channels.{self._channel}{where}", message, hint))


def _meant(word: str, known: "Mapping[str, object] | set[str]") -> str:
    return "".join(f"did you mean {one}?" for one in closest(word, known)) or f"known: {', '.join(sorted(known))}"
