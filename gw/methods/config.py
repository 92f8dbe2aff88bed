"""The gateway's own settings, shown to operators; they are changed in files, not over the wire.

Must not know what a setting does. Invariant: no secret can be in an answer, because settings only name the files that
hold them; those paths are left out too.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from gw._native.filehash import sha256
from gw.config.load import Loaded
from gw.config.settings import SETTINGS, Address, Setting, show
from gw.errors import InvalidRequest, Unavailable
from gw.methods.router import Call, rpc
from gw.ports import Json
from gw.wire import json

JSON_TYPES = {bool: "boolean", int: "integer", tuple: "array"}


class Config:
    """config.get and its schema. Clients that know OpenClaw's layout find the true facts under its own names
    (`gateway`), and every setting of ours under `clawgate`. `loaded()` gives those in force."""

    def __init__(self, loaded: Callable[[], Loaded], port: int, started_at_ms: int) -> None:
        self._loaded = loaded
        self._port = port
        self._made = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(started_at_ms // 1000))

    @rpc("config.get", inline=True)
    def get(self, call: Call) -> Json:
        document = self.document()
        digest = "sha256:" + sha256(json.dumps(document)).hexdigest()
        files = self._loaded().files
        return {
            "path": str(files[0]) if files else "",
            "includedPaths": [],
            "includeProvenance": [],
            "agentRosterIncludeOwned": False,
            "bindingsIncludeOwned": False,
            "exists": bool(files),
            "raw": None,
            "parsed": document,
            "sourceConfig": document,
            "resolved": document,
            "runtimeConfig": document,
            "config": document,
            "valid": True,
            "hash": digest,
            "configRevisionHash": digest,
            "appliedConfigHash": digest,
            "issues": [],
            "warnings": [],
            "legacyIssues": [],
        }

    def document(self) -> dict[str, Json]:
        settings = self._loaded().settings
        ours: dict[str, dict[str, Json]] = {}
        for setting in SETTINGS:
            if not setting.secret:
                ours.setdefault(setting.section, {})[setting.key] = to_json(settings.value(setting.path))
        return {
            "gateway": {
                "mode": "local",
                "port": self._port,
                "bind": "loopback" if settings.gateway.listen.is_loopback else "custom",
                "auth": {"mode": settings.auth.mode},
            },
            "tools": {"exec": {"security": "deny", "ask": "always"}},  # nothing is run on this host
            "clawgate": ours,
        }

    @rpc("config.schema", inline=True)
    def schema(self, call: Call) -> Json:
        return {
            "schema": schema_document(),
            "uiHints": {
                f"clawgate.{setting.path}": {"label": setting.key, "help": setting.doc} for setting in public_settings()
            },
            "version": "1",
            "generatedAt": self._made,
        }

    @rpc("config.schema.lookup", inline=True)
    def lookup(self, call: Call) -> Json:
        path = call.params.get("path")
        node: Mapping[str, Json] | None = schema_document()
        for word in str(path).split(".") if path else []:
            node = node.get("properties", {}).get(word) if node else None
        if node is None:
            raise InvalidRequest(f"config schema path not found: {path}")
        children = [
            {
                "key": key,
                "path": f"{path}.{key}" if path else key,
                "type": child["type"],
                "required": False,
                "hasChildren": "properties" in child,
            }
            for key, child in node.get("properties", {}).items()
        ]
        own = {key: value for key, value in node.items() if key != "properties"}
        return {"path": str(path or ""), "schema": own, "children": children}

    @rpc("config.set")
    @rpc("config.patch")
    @rpc("config.apply")
    def change(self, call: Call) -> Json:
        files = self._loaded().files
        raise Unavailable(
            "settings are changed in clawgate.yaml on the gateway's machine, then `systemctl reload clawgate`",
            details={"code": "CONFIG_READ_ONLY", "path": str(files[0]) if files else None},
            retryable=False,
        )


def to_json(value: Any) -> Json:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple) and not isinstance(value, Address):
        return list(value)
    return show(value)


def public_settings() -> list[Setting]:
    return [setting for setting in SETTINGS if not setting.secret]


def schema_document() -> dict[str, Json]:
    """A JSON Schema of `Config.document()`, made from the settings table."""
    sections: dict[str, dict[str, Json]] = {}
    for setting in public_settings():
        shape: dict[str, Json] = {"type": JSON_TYPES.get(setting.kind, "string"), "description": setting.doc}
        if setting.choices:
            shape["enum"] = list(setting.choices)
        if setting.kind is tuple:
            shape["items"] = {"type": "string"}
        shape |= {"minimum": setting.low} if setting.low is not None else {}
        shape |= {"maximum": setting.high} if setting.high is not None else {}
        sections.setdefault(setting.section, {})[setting.key] = shape
    gateway = {"mode": "string", "port": "integer", "bind": "string", "auth": "object"}
    return {
        "type": "object",
        "properties": {
            "gateway": {"type": "object", "properties": {key: {"type": kind} for key, kind in gateway.items()}},
            "tools": {"type": "object"},
            "clawgate": {
                "type": "object",
                "properties": {
                    name: {"type": "object", "properties": properties} for name, properties in sections.items()
                },
            },
        },
    }
