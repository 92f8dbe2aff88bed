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
    session_scope: str | None = None  # admits as well, unless the call needs admin


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
    keys = (params.get("key"), params.get("parentSessionKey"))
    privileged = (
        params.get("incognito") is True
        or any(isinstance(key, str) and ":incognito-" in key for key in keys)
        or params.get("execNode") is not None
        or params.get("toolOverrides") is not None
        or params.get("permissionMode") == "full"
    )
    return (ADMIN,) if privileged else (WRITE,)


# Fields of a session that sessions.patch may set without admin, and those that only say which session is meant.
PATCHED_BY_WRITE = frozenset(
    {"label", "autoLabel", "icon", "color", "category", "boardFace", "boardPresentation", "pinned", "archived"}
    | {"unread", "model", "agentRuntime", "thinkingLevel", "fastMode", "permissionMode"}
)
PATCH_TARGET = frozenset(
    {"key", "agentId", "expectedSessionId", "expectedLifecycleRevision", "expectedPermissionMode"}
    | {"expectedMarkedUnreadAt"}
)
DELETED_BY_WRITE = frozenset({"key", "agentId", "deleteTranscript", "expectedSessionId", "archivedOnly"})


def _sessions_patch(params: Params) -> tuple[str, ...]:
    is_write = params.get("permissionMode") != "full" and params.keys() <= PATCHED_BY_WRITE | PATCH_TARGET
    return (WRITE,) if is_write else (ADMIN,)


def _sessions_patch_many(params: Params) -> tuple[str, ...]:
    patch = params.get("patch")
    if not isinstance(patch, dict):
        return (WRITE,)
    return (WRITE,) if patch.get("permissionMode") != "full" and patch.keys() <= PATCHED_BY_WRITE else (ADMIN,)


def _sessions_delete(params: Params) -> tuple[str, ...]:
    return (WRITE,) if params.get("archivedOnly") is True and params.keys() <= DELETED_BY_WRITE else (ADMIN,)


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
    "sessions.delete": _sessions_delete,
    "sessions.dispatch": lambda p: (
        (WRITE,) if p.get("deviceId") is not None or p.get("autoDevice") is True else (ADMIN,)
    ),
    "sessions.move": _sessions_move,
    "sessions.patch": _sessions_patch,
    "sessions.patchMany": _sessions_patch_many,
    "talk.config": lambda p: (READ, "operator.talk.secrets") if p.get("includeSecrets") else (READ,),
}


class MethodTable:
    """Name to MethodSpec."""

    def __init__(self, rows: Iterable[Mapping[str, Json]]) -> None:
        self._specs: dict[str, MethodSpec] = {}
        for row in rows:
            spec = MethodSpec(**row)
            if spec.name in self._specs:
                raise ValueError(f"method {spec.name} has two rows")
            if spec.scope == DYNAMIC and spec.name not in SCOPE_RULES:
                raise ValueError(f"method {spec.name} is dynamic but has no scope rule")
            self._specs[spec.name] = spec

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[MethodSpec]:
        return iter(self._specs.values())

    def get(self, name: str) -> MethodSpec | None:
        return self._specs.get(name)


def required_scopes(spec: MethodSpec, params: Params) -> tuple[str, ...]:
    """Every scope this call needs."""
    if spec.scope == DYNAMIC:
        return SCOPE_RULES[spec.name](params)
    return (spec.scope,)
