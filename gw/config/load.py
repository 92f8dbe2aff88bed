"""Reads settings from every source in order and remembers for each where its value came from.

Order, lowest first: built-in default, `/etc/clawgate/clawgate.yaml`, `conf.d/*.yaml` beside it (sorted), `*.local.yaml`
of both, environment `CLAWGATE_SECTION_KEY`, flags. Must not know what a setting is for. Invariant: all problems of all
sources are collected before `ConfigError` is raised; a `Loaded` is complete and valid.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gw.config.settings import BY_PATH, ENV_PREFIX, SECTIONS, SETTINGS, Setting, Settings, build
from gw.errors import ConfigError
from gw.model.problem import Problem

DEFAULT_FILE = Path("/etc/clawgate/clawgate.yaml")
MAX_FILE_BYTES = 256 * 1024
# Settings nest two deep. PyYAML's time grows with the square of the brackets open at once, and then it recurses.
MAX_BRACKETS_OPEN = 64
MAX_NUMBER_CHARS = 40  # longer ones stay words; ids of people and chats have 20 digits
# Variables with our prefix that are not settings: they choose files, or belong to the Makefile and the tests.
OTHER_VARIABLES = frozenset(ENV_PREFIX + name for name in ("CONFIG", "STATE", "CACHE", "SHARED", "TOKEN", "URL"))


class Loaded(NamedTuple):
    settings: Settings
    origins: Mapping[str, str]  # path -> "default", "FILE:LINE", "environment NAME" or "flag --name"
    files: tuple[Path, ...]  # read, in order


class Tree(NamedTuple):
    """A file of nested values. `lines` maps dotted paths (`channels.telegram.dmPolicy`, `bindings.0`) to lines."""

    file: str
    values: dict[str, Any]
    lines: Mapping[str, int]

    def problem(self, path: str, message: str, hint: str = "", code: str = "config.value") -> Problem:
        return Problem(self.file, self.lines.get(path, 0), 1, code, message, path, hint)


class _Source:
    """Collects values and problems of all sources; a later value replaces an earlier one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {setting.path: "default" for setting in SETTINGS}
        self.problems: list[Problem] = []

    def put(self, setting: Setting, text: str, origin: str, at: tuple[str, int, int]) -> None:
        try:
            value = setting.parse(text)
        except ValueError as wrong:
            self.complain(at, "config.value", str(wrong), setting.path)
            return
        self.values[setting.path] = value
        self.origins[setting.path] = origin

    def complain(self, at: tuple[str, int, int], code: str, message: str, path: str = "", hint: str = "") -> None:
        self.problems.append(Problem(*at, code, message, path, hint))


def load(
    file: Path | None = None, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> Loaded:
    """Load settings. `file` must exist when given; the default file may be absent. `flags` maps paths to texts.

    Raises ConfigError with every problem found.
    """
    source = _Source()
    files = tuple(_files(file, source))
    for name in files:
        _read_file(name, source)
    _read_environment(environ or {}, source)
    for path, text in (flags or {}).items():
        setting = BY_PATH[path]
        flag = setting.flag or path
        source.put(setting, text, f"flag {flag}", (f"flag {flag}", 0, 0))
    source.values.setdefault("gateway.state", default_state(environ or {}))
    settings = None if source.problems else build(source.values)
    if settings is not None:
        _check_together(settings, source)
    if settings is None or source.problems:
        raise ConfigError(sorted(source.problems))
    return Loaded(settings, source.origins, files)


def default_state(environ: Mapping[str, str]) -> Path:
    """The package's folder when this user may write there, else the user's own."""
    ours: Path = BY_PATH["gateway.state"].default
    if os.access(ours, os.W_OK):
        return ours
    return Path(environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "clawgate"


def _files(file: Path | None, source: _Source) -> Iterable[Path]:
    main = file or DEFAULT_FILE
    folder = main.parent / "conf.d"
    if main.is_file():
        yield main
    elif file is not None:
        source.complain((str(file), 0, 0), "config.file", "is no file" if file.exists() else "no such file")
    try:
        parts = sorted(folder.glob("*.yaml"))
    except OSError as error:
        source.complain((str(folder), 0, 0), "config.file", f"cannot list: {error.strerror}")
        return
    yield from (part for part in parts if not part.name.endswith(".local.yaml"))
    local = main.with_name(main.stem + ".local.yaml")
    if local.is_file():
        yield local
    yield from (part for part in parts if part.name.endswith(".local.yaml"))


def read_tree(file: Path) -> Tree:
    """Read a file of nested settings, in YAML or JSON: words stay words, `true`, `null` and numbers are what they say.

    Raises ConfigError.
    """
    source = _Source()
    document = _compose(file, source)
    walk = _Walk(str(file), source)
    values = walk.value(document, "") if document is not None else {}
    if not source.problems and not isinstance(values, dict):
        source.complain((str(file), 1, 1), "config.kind", "the file must hold `key: value` lines")
    if source.problems:
        raise ConfigError(sorted(source.problems))
    return Tree(str(file), values, walk.lines)


class _Walk:
    """Turns nodes into values and remembers their lines."""

    def __init__(self, name: str, source: _Source) -> None:
        self.lines: dict[str, int] = {}
        self._name = name
        self._source = source
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: str) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return _scalar(str(node.value), str(node.tag))
        if id(node) in self._seen:  # an alias; some of them grow without end
            self._source.complain(
                _at(self._name, node), "config.kind", "must be written out, not repeated by `*`", path
            )
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            entries = _entries(self._name, node, path or "the file", self._source)
            return {key: self.value(value, f"{path}.{key}".lstrip(".")) for key, _, value in entries}
        return [self.value(one, f"{path}.{number}".lstrip(".")) for number, one in enumerate(node.value)]


def _scalar(text: str, tag: str) -> Any:
    """`on` and `yes` are words here, and so is whatever else YAML would make of a text."""
    kind = tag.rpartition(":")[2]
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "int" and len(text) <= MAX_NUMBER_CHARS and text.lstrip("+-").isdecimal():
        return int(text)
    return None if kind == "null" else text


def _read_file(file: Path, source: _Source) -> None:
    document = _compose(file, source)
    if document is not None:
        _read_document(str(file), document, source)


def _compose(file: Path, source: _Source) -> yaml.Node | None:
    """The file as nodes; None when it is empty or has a problem."""
    name = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        source.complain((name, 0, 0), "config.file", f"cannot read: {error.strerror}")
        return None
    if len(data) > MAX_FILE_BYTES:
        source.complain((name, 0, 0), "config.size", f"larger than {MAX_FILE_BYTES} bytes")
        return None
    if _brackets_open(data) > MAX_BRACKETS_OPEN:
        source.complain((name, 0, 0), "config.yaml", "nested too deeply")
        return None
    try:
        found: yaml.Node | None = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        source.complain((name, data.count(b"\n", 0, error.start) + 1, 0), "config.encoding", "not UTF-8")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = (name, mark.line + 1, mark.column + 1) if mark else (name, 0, 0)
        source.complain(at, "config.yaml", error.problem or "not YAML")
    except yaml.YAMLError:
        source.complain((name, 0, 0), "config.yaml", "holds characters YAML does not allow")
    except RecursionError:
        source.complain((name, 0, 0), "config.yaml", "nested too deeply")
    else:
        return found
    return None


def _brackets_open(data: bytes) -> int:
    """The most flow brackets open at once; those inside quotes count too, so it is an upper bound."""
    most = now = 0
    for byte in data:
        if byte in b"[{":
            now += 1
            most = max(most, now)
        elif byte in b"]}":
            now = max(0, now - 1)
    return most


def _at(name: str, node: yaml.Node) -> tuple[str, int, int]:
    return name, node.start_mark.line + 1, node.start_mark.column + 1


def _read_document(name: str, document: yaml.Node, source: _Source) -> None:
    for section, key_node, body in _entries(name, document, "the file", source):
        if section not in SECTIONS:
            source.complain(
                _at(name, key_node), "config.unknown", "unknown section", section, _nearest(section, SECTIONS)
            )
            continue
        if isinstance(body, yaml.ScalarNode) and body.tag.endswith(":null"):
            continue  # a section with every key commented out
        for key, node, value in _entries(name, body, section, source):
            path = f"{section}.{key}"
            setting = BY_PATH.get(path)
            if setting is None:
                source.complain(_at(name, node), "config.unknown", "unknown key", path, _nearest(path, BY_PATH))
            else:
                _read_value(name, setting, value, source)


def _entries(name: str, node: yaml.Node, what: str, source: _Source) -> Iterable[tuple[str, yaml.Node, yaml.Node]]:
    """The (key, key node, value node) of a mapping; wrong kinds and repeated keys become problems."""
    if not isinstance(node, yaml.MappingNode):
        source.complain(_at(name, node), "config.kind", f"{what} must hold `key: value` lines")
        return
    seen: dict[str, int] = {}
    for key_node, value in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            source.complain(_at(name, key_node), "config.kind", "a key must be a word")
        elif key_node.value in seen:
            hint = f"first on line {seen[key_node.value]}"
            source.complain(_at(name, key_node), "config.repeated", "repeated key", key_node.value, hint)
        else:
            seen[key_node.value] = key_node.start_mark.line + 1
            yield key_node.value, key_node, value


def _read_value(name: str, setting: Setting, node: yaml.Node, source: _Source) -> None:
    at = _at(name, node)
    origin = f"{name}:{at[1]}"
    if isinstance(node, yaml.SequenceNode) and setting.kind is tuple:
        if all(isinstance(item, yaml.ScalarNode) for item in node.value):
            source.put(setting, ",".join(item.value for item in node.value), origin, at)
        else:
            source.complain(at, "config.value", "must be a list of words", setting.path)
    elif isinstance(node, yaml.ScalarNode):
        source.put(setting, node.value, origin, at)
    else:
        source.complain(at, "config.value", "must be one value", setting.path)


def _read_environment(environ: Mapping[str, str], source: _Source) -> None:
    by_env = {setting.env: setting for setting in SETTINGS}
    for variable in sorted(environ):
        if not variable.startswith(ENV_PREFIX) or variable in OTHER_VARIABLES:
            continue
        at = (f"environment {variable}", 0, 0)
        setting = by_env.get(variable)
        if setting is None:
            source.complain(at, "config.unknown", "unknown variable", "", _nearest(variable, by_env))
        else:
            source.put(setting, environ[variable], at[0], at)


def _check_together(settings: Settings, source: _Source) -> None:
    """Rules that join several keys."""

    def complain(path: str, message: str, hint: str) -> None:
        origin, _, line = source.origins[path].rpartition(":")
        at = (origin, int(line), 1) if line.isdigit() else (source.origins[path], 0, 0)
        source.complain(at, "config.together", message, path, hint)

    gateway, auth = settings.gateway, settings.auth
    if auth.mode == "none" and not gateway.listen.is_loopback:
        complain("auth.mode", "`none` is only for a loopback address", "use token, or listen on 127.0.0.1")
    if (gateway.tls_cert is None) != (gateway.tls_key is None):
        given = "gateway.tls_cert" if gateway.tls_cert else "gateway.tls_key"
        complain(given, "certificate and key go together", "give tls_cert and tls_key")


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # late, as in gw.model.problem

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else ""
