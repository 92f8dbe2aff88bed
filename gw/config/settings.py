"""Every setting, one row each: the fields below are the table, and `SETTINGS` lists them.

Knows nothing of files, the environment or flags (`load.py`), nor of policies: settings say where and how much,
policies say what is allowed. Invariant: a value in a `Settings` has passed its row's parser and bounds.
"""

from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, get_args

from gw import limits

ENV_PREFIX = "CLAWGATE_"
# A parser's error message goes into a Problem and may not echo a value: a password put in the wrong key stays private.
WORDS_TRUE = frozenset({"true", "yes", "on", "1"})
WORDS_FALSE = frozenset({"false", "no", "off", "0"})


class Address(NamedTuple):
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Setting(NamedTuple):
    """One row. `kind` is the Python type of the value; `optional` values may be empty."""

    path: str  # section.key
    kind: type
    default: Any
    doc: str
    flag: str | None = None  # long option of `clawgate serve`
    reloadable: bool = False  # applied by a reload; others need a restart
    secret: bool = False  # names a file that holds a secret: its mode is checked, its content never shown
    optional: bool = False
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None

    @property
    def section(self) -> str:
        return self.path.partition(".")[0]

    @property
    def key(self) -> str:
        return self.path.partition(".")[2]

    @property
    def env(self) -> str:
        return ENV_PREFIX + self.path.replace(".", "_").upper()

    def parse(self, text: str) -> Any:
        """Turn the text of a YAML scalar, a variable or a flag into a value; ValueError says what would be right."""
        if self.optional and text.strip() in ("", "~", "null"):
            return None
        value = PARSERS[self.kind](text.strip())
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise ValueError(f"must be between {self.low} and {self.high}")
        return value


def _parse_str(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _parse_bool(text: str) -> bool:
    word = text.lower()
    if word in WORDS_TRUE:
        return True
    if word in WORDS_FALSE:
        return False
    raise ValueError("must be true or false")


def _parse_path(text: str) -> Path:
    if not text:
        raise ValueError("must be a path")
    return Path(text).expanduser()


def _parse_address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be ADDRESS:PORT, for example 127.0.0.1:18789 or [::1]:18789")
    return Address(host, int(port))


def _parse_words(text: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


PARSERS: dict[type, Callable[[str], Any]] = {
    str: _parse_str,
    int: _parse_int,
    bool: _parse_bool,
    Path: _parse_path,
    Address: _parse_address,
    tuple: _parse_words,
}


class Row(NamedTuple):
    default: Any
    doc: str
    facts: dict[str, Any]


ROWS: dict[type, dict[str, Row]] = {}  # section -> key -> its row

Section = TypeVar("Section", bound=type[Any])


def row(default: Any, doc: str, **facts: Any) -> Any:
    """The default of a section's field, with what else is known of it."""
    return Row(default, doc, facts)


def section(cls: Section) -> Section:
    """Take the rows of a class of them and leave it their defaults. (A dataclass takes seven times as long to make.)"""
    rows: dict[str, Row] = cls._field_defaults
    ROWS[cls] = rows
    cls._field_defaults = {key: each.default for key, each in rows.items()}
    cls.__new__.__defaults__ = tuple(cls._field_defaults.values())
    return cls


@section
class Gateway(NamedTuple):
    listen: Address = row(
        Address("127.0.0.1", 18789),
        "Address and port to serve HTTP and WebSocket on; port 0 takes a free one.",
        flag="--listen",
    )
    state: Path = row(
        Path("/var/lib/clawgate"),
        "Folder for state, ledgers and the generated token; ~/.local/state/clawgate where the default is not ours.",
        flag="--state",
    )
    control_ui: Path | None = row(
        None,
        "Folder of a Control UI build (index.html, assets/) to serve instead of the landing page.",
        flag="--control-ui",
    )
    plugin_socket: Path | None = row(
        None,
        "Unix socket on which the OpenClaw plugin asks; empty: plugin.sock in state.",
        flag="--plugin-socket",
    )
    tls_cert: Path | None = row(None, "Certificate chain, PEM; serves TLS together with tls_key.", flag="--tls-cert")
    tls_key: Path | None = row(None, "Private key of tls_cert, PEM.", flag="--tls-key", secret=True)
    allowed_origins: tuple[str, ...] = row(
        (),
        "Browser origins accepted besides the page's own and loopback ones, e.g. https://ops.example.",
        reloadable=True,
    )
    max_connections: int = row(limits.MAX_CONNECTIONS, "Open connections in all.", low=1, high=100_000)
    max_connections_per_address: int = row(
        limits.MAX_CONNECTIONS_PER_ADDRESS, "Open connections from one address.", low=1, high=100_000
    )


@section
class Memory(NamedTuple):
    soft_mb: int = row(512, "Resident megabytes past which caches are emptied; 0: never.", low=0, high=1 << 20)
    hard_mb: int = row(
        640, "Resident megabytes past which new turns are refused with UNAVAILABLE; 0: never.", low=0, high=1 << 20
    )


@section
class Auth(NamedTuple):
    mode: str = row(
        "token",
        "What a client must show: a shared token, a password, or nothing (loopback only).",
        flag="--auth",
        choices=("token", "password", "none"),
    )
    token_file: Path | None = row(
        None,
        "File with the shared token (mode 600). Empty: the service credential `token`, else one is generated in state.",
        flag="--token-file",
        secret=True,
    )
    password_file: Path | None = row(
        None, "File with the password for mode `password` (mode 600), else the service credential.", secret=True
    )
    failures_per_minute: int = row(
        limits.AUTH_FAILURES_PER_MINUTE, "Failed logins per address and minute before it has to wait.", low=1, high=1000
    )


@section
class Policy(NamedTuple):
    path: Path | None = row(
        None, "Policy file or folder. Empty: the default policies that come with clawgate.", flag="--policy"
    )
    audit_only: bool = row(
        False,
        "Judge and record everything, enforce nothing; the record keeps the verdict that would have applied.",
        flag="--audit-only",
        reloadable=True,
    )
    trusted_keys: Path | None = row(None, "Folder of public keys (*.pub) whose signatures on policies are accepted.")
    require_signed: bool = row(
        False, "Refuse policies that are not signed by a trusted key; those that come with clawgate need none."
    )


@section
class Defender(NamedTuple):
    workers: int = row(limits.EVALUATION_WORKERS, "Evaluations running at once.", low=1, high=64)
    queue: int = row(
        limits.EVALUATION_QUEUE, "Evaluations waiting at most; one more is answered `overloaded`.", low=1, high=65_536
    )
    timeout_ms: int = row(
        int(limits.EVALUATION_TIMEOUT_S * 1000),
        "Time for one evaluation; past it the answer is review.",
        low=10,
        high=60_000,
    )
    admission_timeout_ms: int = row(
        int(limits.ADMISSION_TIMEOUT_S * 1000), "Time one evaluation may wait for its turn.", low=10, high=60_000
    )


@section
class Sessions(NamedTuple):
    store: Path | None = row(
        None,
        "File for sessions and transcripts; .db, .sqlite or .sqlite3 is SQLite. Empty: sessions.json in gateway.state.",
    )
    queue_mode: str = row(
        "steer",
        "What a message does while a run is active, unless the session or the request says otherwise.",
        choices=("steer", "followup", "collect", "interrupt"),
    )
    queue_debounce_ms: int = row(500, "Quiet time before waiting messages run.", low=0, high=600_000)
    queue_cap: int = row(limits.SESSIONS_PENDING, "Waiting messages of one session.", low=1, high=1000)
    queue_drop: str = row(
        "summarize",
        "What goes when a queue is full: the oldest (with or without a summary) or the newcomer.",
        choices=("summarize", "old", "new"),
    )
    max_pending: int = row(2000, "Waiting messages of all sessions; one more is answered UNAVAILABLE.", low=1)
    max_runs: int = row(64, "Turns running at once.", low=1, high=4096)
    reset: str = row("none", "When a conversation starts over by itself.", choices=("none", "daily", "idle"))
    reset_hour: int = row(4, "Local hour of a daily reset.", low=0, high=23)
    idle_minutes: int = row(0, "Minutes without interaction after which a conversation starts over; 0: never.", low=0)


@section
class Channels(NamedTuple):
    file: Path | None = row(
        None,
        "File with agents, bindings, chat channels, webhooks and timers (docs/channels.md). Empty: none of these run.",
        flag="--channels",
    )


@section
class Integrity(NamedTuple):
    enabled: bool = row(
        True, "Watch the files named under `host` in the policies, once `clawgate integrity init` has made a baseline."
    )
    key_file: Path | None = row(
        None,
        "Private key that signs baselines, its public half beside it in .pub. Empty: /etc/clawgate/integrity.key.",
    )
    sweep_minutes: int = row(
        30, "Time between full looks; changes the kernel reports are looked at at once.", low=1, high=1440
    )


@section
class Intel(NamedTuple):
    virustotal_key_file: Path | None = row(
        None, "File with a VirusTotal API key (mode 600). Empty: nothing is looked up.", secret=True
    )
    virustotal_url: str = row("https://www.virustotal.com/api/v3", "Base URL of the VirusTotal API.")
    virustotal_per_minute: int = row(4, "Requests a minute; the free API allows 4.", low=1, high=10_000)


@section
class Upstream(NamedTuple):
    url: str | None = row(
        None, "The real gateway that guard and sidecar stand beside, e.g. ws://127.0.0.1:18789.", flag="--upstream"
    )
    token_file: Path | None = row(
        None,
        "File with that gateway's token (mode 600). Empty: the service credential `upstream-token`, else in state.",
        flag="--upstream-token-file",
        secret=True,
    )
    tls_ca: Path | None = row(None, "Certificates to trust for wss:// instead of the system's, PEM.")
    canary_minutes: int = row(60, "Time between harmless probes of the gates; 0: none.", low=0, high=10_080)


@section
class Ledger(NamedTuple):
    decisions_days: int = row(180, "Days the decision log is kept.", low=1, high=3650, reloadable=True)
    decisions_mb: int = row(2048, "Megabytes of the decision log that are kept at most.", low=1, reloadable=True)
    quarantine_days: int = row(30, "Days the text of what was stopped is kept.", low=1, high=3650, reloadable=True)
    quarantine_mb: int = row(512, "Megabytes of stopped text that are kept at most.", low=1, reloadable=True)


@section
class Log(NamedTuple):
    level: str = row(
        "info",
        "Least severe level written.",
        flag="--log-level",
        choices=("debug", "info", "warning", "error"),
        reloadable=True,
    )
    format: str = row("logfmt", "Lines as key=value or as JSON objects.", choices=("logfmt", "json"))
    queue_lines: int = row(
        4096, "Lines waiting for a slow journal; more are dropped and counted.", low=16, high=1 << 20
    )
    history_lines: int = row(1000, "Lines kept in memory for `logs.tail`.", low=0, high=100_000)


@section
class Metrics(NamedTuple):
    enabled: bool = row(True, "Serve Prometheus metrics at /metrics.", reloadable=True)


@section
class Guard(NamedTuple):
    listen: Address = row(
        Address("127.0.0.1", 18790),
        "Address and port that clients use instead of the gateway's; port 0 takes a free one.",
    )
    control: Address = row(
        Address("127.0.0.1", 18791),
        "Address and port of the guard's own methods, health and metrics (`clawgate status --listen` asks here).",
    )
    token_file: Path | None = row(
        None,
        "File with a token that callers must show to the guard itself (mode 600); needed to listen beyond loopback.",
        secret=True,
    )
    hold_s: int = row(600, "Seconds a held request waits for a person before its caller is told to ask again.", low=1)
    forwarded: bool = row(
        False, "Tell the gateway who is calling (X-Forwarded-*); it must list the guard in `gateway.trustedProxies`."
    )
    hooks_path: str = row("/hooks", "Where the gateway takes webhooks (its own setting `hooks.path`).")


class Settings(NamedTuple):
    gateway: Gateway = Gateway()
    auth: Auth = Auth()
    policy: Policy = Policy()
    defender: Defender = Defender()
    sessions: Sessions = Sessions()
    channels: Channels = Channels()
    integrity: Integrity = Integrity()
    intel: Intel = Intel()
    upstream: Upstream = Upstream()
    ledger: Ledger = Ledger()
    log: Log = Log()
    memory: Memory = Memory()
    metrics: Metrics = Metrics()
    guard: Guard = Guard()

    def value(self, path: str) -> Any:
        section, _, key = path.partition(".")
        return getattr(getattr(self, section), key)


def _setting(name: str, key: str, hint: Any, told: Row) -> Setting:
    optional = isinstance(hint, UnionType)
    kind = get_args(hint)[0] if optional else hint
    kind = getattr(kind, "__origin__", kind)  # tuple[str, ...] -> tuple
    return Setting(f"{name}.{key}", kind, told.default, told.doc, optional=optional, **told.facts)


SECTIONS: dict[str, type] = dict(Settings.__annotations__)

SETTINGS: tuple[Setting, ...] = tuple(
    _setting(name, key, cls.__annotations__[key], told)
    for name, cls in SECTIONS.items()
    for key, told in ROWS[cls].items()
)

BY_PATH: dict[str, Setting] = {setting.path: setting for setting in SETTINGS}


def build(values: dict[str, Any]) -> Settings:
    """Make Settings from parsed values by path; absent ones take their default."""
    sections: dict[str, Any] = {}
    for section, cls in SECTIONS.items():
        own = {path.partition(".")[2]: value for path, value in values.items() if path.startswith(section + ".")}
        sections[section] = cls(**own)
    return Settings(**sections)


def show(value: Any) -> str:
    """A value as it is written in clawgate.yaml."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and not isinstance(value, Address):
        return "[" + ", ".join(value) + "]"
    return str(value)


def example() -> str:
    """The example configuration: every key with its default and its row's text, as YAML that loads to the defaults."""
    lines = ["# clawgate.yaml: every key with its default. Remove what you do not change."]
    section = ""
    for setting in SETTINGS:
        if setting.section != section:
            section = setting.section
            lines += ["", f"{section}:"]
        notes = [setting.doc]
        if setting.choices:
            notes.append(f"One of: {', '.join(setting.choices)}.")
        if setting.reloadable:
            notes.append("Applied by a reload.")
        lines += [f"  # {' '.join(notes)}", f"  {setting.key}: {show(setting.default)}"]
    return "\n".join(lines) + "\n"
