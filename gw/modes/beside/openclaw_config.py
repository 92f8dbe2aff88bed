"""What clawgate needs in a real gateway's configuration, what to change for it, and how to take exactly that back.

Knows no program and no file: documents in, documents and RFC 7396 merge patches out. Invariant: `undo` after `setup`
gives the document before; what others changed in between stays as they left it.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

PLUGIN: Final = "clawgate"
SECTIONS: Final = ("plugins", "tools")  # all that is ever read or changed

Document = dict[str, Any]


class Wanted(NamedTuple):
    """`review`: who asks a person about a held call, openclaw or clawgate."""

    plugin_folder: str
    socket: str
    review: str = "openclaw"
    exec_asks: bool = False  # make every shell command ask, for the sidecar


class Undone(NamedTuple):
    document: Document
    kept: tuple[str, ...]  # places that others changed since, left as they are


def setup(before: Document, wanted: Wanted) -> Document:
    """The document with the plugin loaded and, if wanted, shell commands that ask."""
    after = copy.deepcopy(before)
    plugins = after.setdefault("plugins", {})
    paths = plugins.setdefault("load", {}).setdefault("paths", [])
    if wanted.plugin_folder not in paths:
        paths.append(wanted.plugin_folder)
    if isinstance(plugins.get("allow"), list) and PLUGIN not in plugins["allow"]:
        plugins["allow"].append(PLUGIN)
    entry = plugins.setdefault("entries", {}).setdefault(PLUGIN, {})
    entry["enabled"] = True
    entry.setdefault("hooks", {})["allowConversationAccess"] = True
    entry.setdefault("config", {}).update({"socket": wanted.socket, "review": wanted.review})
    if wanted.exec_asks:  # how much is allowed at all (`security`) stays the owner's choice
        after.setdefault("tools", {}).setdefault("exec", {}).update({"host": "gateway", "ask": "always"})
    return after


def undo(current: Document, before: Document, after: Document) -> Undone:
    """*current* without what turned *before* into *after*."""
    kept: list[str] = []
    document = _undo(current, before, after, "", kept)
    return Undone(document, tuple(kept))


ABSENT: Final = object()


def _undo(current: Any, before: Any, after: Any, where: str, kept: list[str]) -> Any:
    if current == after:
        return ABSENT if before is ABSENT else copy.deepcopy(before)
    if before == after:
        return current
    if isinstance(current, dict) and isinstance(after, dict):
        earlier = before if isinstance(before, dict) else {}
        result = {}
        for name in current:
            place = f"{where}.{name}" if where else name
            value = _undo(current[name], earlier.get(name, ABSENT), after.get(name, ABSENT), place, kept)
            if value is not ABSENT:
                result[name] = value
        # what was removed since and stood there before we came is not brought back
        return ABSENT if not result and before is ABSENT else result
    if isinstance(current, list) and isinstance(after, list):
        ours = [item for item in after if not isinstance(before, list) or item not in before]
        left = [item for item in current if item not in ours]
        return ABSENT if not left and before is ABSENT else left
    kept.append(where)
    return current


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Document:
    """What turns *before* into *after* (RFC 7396): null removes, lists are replaced whole."""
    patch: Document = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name, ABSENT)
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := merge_patch(old, value):
                patch[name] = inner
        elif old is ABSENT or old != value:
            patch[name] = value
    return patch


def in_steps(before: Mapping[str, Any], patch: Mapping[str, Any], path: Sequence[str] = ()) -> Iterator[Document]:
    """The same patch, one small removal at a time: OpenClaw refuses writes that lose half of a configuration."""
    for name, value in patch.items():
        old = before.get(name)
        if value is None and isinstance(old, dict):
            yield from in_steps(old, dict.fromkeys(old), (*path, name))
        if isinstance(value, dict) and isinstance(old, dict):
            yield from in_steps(old, value, (*path, name))
        else:
            yield _at((*path, name), value)


def _at(path: Sequence[str], value: Any) -> Document:
    document = value
    for name in reversed(path):
        document = {name: document}
    return dict(document)


class State(NamedTuple):
    """What stands in a gateway's configuration."""

    is_loaded: bool  # the plugin's entry is there and enabled
    folder: str | None
    socket: str | None
    review: str
    sees_prompts: bool
    exec_asks: bool


def read_state(document: Document) -> State:
    plugins = _dict(document.get("plugins"))
    entry = _dict(_dict(plugins.get("entries")).get(PLUGIN))
    config = _dict(entry.get("config"))
    paths = _dict(plugins.get("load")).get("paths")
    folders = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    shell = _dict(_dict(document.get("tools")).get("exec"))
    return State(
        is_loaded=entry.get("enabled") is True and plugins.get("enabled") is not False,
        folder=next((path for path in folders if "plugin" in path or PLUGIN in path), None),
        socket=config.get("socket"),
        review=config.get("review") or "openclaw",
        sees_prompts=_dict(entry.get("hooks")).get("allowConversationAccess") is True,
        exec_asks=shell.get("ask") == "always" and shell.get("host") == "gateway",
    )


def _dict(value: Any) -> Document:
    return value if isinstance(value, dict) else {}
