"""The table of every published method: who may call it, which family it belongs to, whether it is judged.

Knows nothing of handlers or connections; the rows (`data/methods.json`) are handed in. Invariant: a name has exactly
one row, and the scope of a dynamic row is decided by one function here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from gw.ports import Json

ADMIN = "operator.admin"
READ = "operator.read"
WRITE = "operator.write"
DYNAMIC = "dynamic"
NODE = "node"

Params = Mapping[str, Json]
ScopeRule = Callable[[Params], tuple[str, ...]]


class MethodSpec(NamedTuple):
    """One row; `scope` is a scope name, "dynamic" (then see SCOPE_RULES) or "node" (the node role)."""

    name: str
    family: str
    scope: str
    since: str
    advertised: bool = False
    v3: bool = False  # published in protocol 3
    only_v3: bool = False
    guarded: bool = False  # judged by the defender before it is served


def _agent(params: Params) -> tuple[str, ...]:
    message = params.get("message")
    command = message.strip().split(None, 1)[:1] if isinstance(message, str) else []
    return (ADMIN,) if command and command[0].lower() in ("/new", "/reset") else (WRITE,)


def _node_invoke(params: Params) -> tuple[str, ...]:
    command = params.get("command")
    privileged = isinstance(command, str) and (
        command.startswith("browser.proxy") or command in ("fs.listDir", "terminal.upload")
    )
    return (ADMIN,) if privileged else (WRITE,)


def _sessions_create(params: Params) -> tuple[str, ...]:
    privileged = (
        params.get("incognito") or params.get("execNode") is not None or params.get("toolOverrides") is not None
    )
    return (ADMIN,) if privileged or params.get("permissionMode") == "full" else (WRITE,)


# Fields of sessions.patch that only organise a list; anything else needs admin.
ORGANISATION_FIELDS = frozenset(
    {"key", "agentId", "expectedSessionId", "expectedLifecycleRevision", "expectedMarkedUnreadAt", "label", "icon"}
    | {"color", "category", "boardFace", "archived", "pinned", "unread", "targets", "patch"}
)


def _sessions_patch(params: Params) -> tuple[str, ...]:
    fields = set(params)
    patch = params.get("patch")
    if isinstance(patch, dict):
        fields |= set(patch)
    return (WRITE,) if fields <= ORGANISATION_FIELDS else (ADMIN,)


def _sessions_move(params: Params) -> tuple[str, ...]:
    target = params.get("target")
    kind = target.get("kind") or target.get("type") if isinstance(target, dict) else None
    return (ADMIN,) if kind == "profile" else (WRITE,)


SCOPE_RULES: Mapping[str, ScopeRule] = {
    "agent": _agent,
    "channels.pairing.approve": lambda p: (
        ("operator.pairing", ADMIN) if p.get("bootstrapCommandOwner") else ("operator.pairing",)
    ),
    "environments.list": lambda p: (WRITE,) if p.get("runtimeId") is not None else (READ,),
    "fs.listDir": lambda p: (ADMIN,) if p.get("nodeId") is not None else (WRITE,),
    "node.invoke": _node_invoke,
    "plugins.sessionAction": lambda _: (WRITE,),
    "sessions.create": _sessions_create,
    "sessions.delete": lambda p: (WRITE,) if p.get("archivedOnly") is True else (ADMIN,),
    "sessions.dispatch": lambda p: (WRITE,) if p.get("deviceId") is not None else (ADMIN,),
    "sessions.move": _sessions_move,
    "sessions.patch": _sessions_patch,
    "sessions.patchMany": _sessions_patch,
    "talk.config": lambda p: (READ, "operator.talk.secrets") if p.get("includeSecrets") else (READ,),
}


class MethodTable:
    """Name to MethodSpec; `family(name)` also classifies names nobody published."""

    def __init__(self, rows: Iterable[Mapping[str, Json]]) -> None:
        self._specs: dict[str, MethodSpec] = {}
        for row in rows:
            spec = MethodSpec(**row)
            if spec.name in self._specs:
                raise ValueError(f"method {spec.name} has two rows")
            if spec.scope == DYNAMIC and spec.name not in SCOPE_RULES:
                raise ValueError(f"method {spec.name} is dynamic but has no scope rule")
            self._specs[spec.name] = spec
        self._prefix_families = {name.split(".")[0]: spec.family for name, spec in reversed(self._specs.items())}

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[MethodSpec]:
        return iter(self._specs.values())

    def get(self, name: str) -> MethodSpec | None:
        return self._specs.get(name)

    def family(self, name: str) -> str:
        """The family of a method: of its row, else of the first row with its first word, else "unknown"."""
        spec = self._specs.get(name)
        return spec.family if spec else self._prefix_families.get(name.split(".")[0], "unknown")


def required_scopes(spec: MethodSpec, params: Params) -> tuple[str, ...]:
    """Every scope this call needs."""
    if spec.scope == DYNAMIC:
        return SCOPE_RULES[spec.name](params)
    return (spec.scope,)
