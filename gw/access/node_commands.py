"""Which commands a node may offer, by the platform it runs on; what is not here is dropped from what it declares.

Knows nothing of nodes that exist. Invariant: a command that can harm its owner's privacy without a further question
(camera, screen recording, messages) is in no list, so it cannot be approved by accident.
"""

from collections.abc import Iterable
from typing import Final

_CAMERA = ("camera.list",)
_LOCATION = ("location.get",)
_DEVICE = ("device.info", "device.status")
_PERSONAL = ("contacts.search", "calendar.events", "reminders.list", "photos.latest", "motion.activity")
_MOBILE = (*_CAMERA, *_LOCATION, *_DEVICE, *_PERSONAL, "motion.pedometer", "system.notify")
_HOST = (
    *("system.run.prepare", "system.run", "system.which", "system.execApprovals.get", "system.execApprovals.set"),
    *("fs.listDir", "terminal.upload", "system.notify", "browser.proxy", "browser.proxy.upload.v1"),
    *("mcp.tools.call.v1", "agent.cli.claude.run.v1", "screen.snapshot", "desktop.stream", "computer.act"),
)

ALLOWED: Final[dict[str, frozenset[str]]] = {
    "ios": frozenset(_MOBILE),
    "watchos": frozenset((*_DEVICE, "system.notify")),
    "android": frozenset(
        (
            *_MOBILE,
            *("notifications.list", "notifications.actions", "device.permissions", "device.health"),
            *("device.apps", "callLog.search", "mobile.ui.observe", "mobile.ui.act"),
        )
    ),
    "macos": frozenset((*_MOBILE, *_HOST, "camera.ptz.status", "device.apps")),
    "linux": frozenset(_HOST),
    "windows": frozenset((*_CAMERA, *_LOCATION, *_DEVICE, *_HOST)),
    "unknown": frozenset((*_CAMERA, *_LOCATION, "system.notify")),
}

# A node that offers one of these lets its callers run programs or read files; approving it takes an administrator.
HOST_COMMANDS: Final = frozenset(_HOST) - {"system.notify", "system.which"}

FAMILIES: Final = {
    "ios": ("iphone", "ipad", "ios"),
    "watchos": ("apple watch", "watchos"),
    "android": ("android",),
    "macos": ("mac", "macos"),
    "windows": ("windows",),
    "linux": ("linux",),
}


def platform_of(platform: str, family: str | None) -> str:
    """The platform's name in ALLOWED; a family that does not fit it makes it unknown."""
    name = platform.strip().lower().split(" ")[0].replace("ipados", "ios")
    if name not in FAMILIES:
        return "unknown"
    declared = (family or "").strip().lower()
    return name if not declared or declared in FAMILIES[name] else "unknown"


def offered(declared: Iterable[str], platform: str, family: str | None) -> tuple[str, ...]:
    """What is left of a declaration, in its order."""
    allowed = ALLOWED[platform_of(platform, family)]
    return tuple(dict.fromkeys(command for command in declared if command in allowed))


def approval_scopes(commands: Iterable[str]) -> tuple[str, ...]:
    """The scopes it takes to approve a node that offers these."""
    commands = frozenset(commands)
    if commands & HOST_COMMANDS:
        return ("operator.pairing", "operator.admin")
    return ("operator.pairing", "operator.write") if commands else ("operator.pairing",)
