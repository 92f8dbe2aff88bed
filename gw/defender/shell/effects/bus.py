"""Messages to services on the D-Bus: what dbus-send, gdbus, busctl and qdbus ask the machine's own services to do.

Adds facts to drafts. Invariant: the method decides; asking for a property is never taken for changing one.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

_FACTS = {
    "creates-account": "CreateUser CacheUser",
    "adds-root-user": "SetAccountType",
    "changes-password": "SetPassword SetPasswordMode SetPasswordHint SetAutomaticLogin",
    "deletes-account": "DeleteUser UncacheUser",
    "installs-service": "StartTransientUnit EnableUnitFiles LinkUnitFiles ReenableUnitFiles"
    " SetUserLinger SetEnvironment AttachProcessesToUnit",
    "stops-service": "StopUnit KillUnit MaskUnitFiles DisableUnitFiles TerminateUser KillUser",
    "stops-machine": "PowerOff Reboot Halt Suspend Hibernate Poweroff",
    "installs-local": "InstallFiles InstallPackages",
    "removes-system-package": "RemovePackages",
    "reads-service-secret": "GetSecret GetSecrets readPassword readMap readEntry RetrieveSecret",
    "disables-guard": "panicModeDisable setDefaultZone DisablePolicy",
    "binds-mount": "FilesystemMount LoopSetup",
    "overwrites-disk": "Format",
}
_METHODS = {method: fact for fact, methods in _FACTS.items() for method in methods.split()}


def message(draft: Draft) -> None:
    for word in draft.argv[2:]:
        method = word.rpartition("=")[2].rpartition(".")[2]
        if method in _METHODS:
            draft.facts.add(_METHODS[method])
            return


EFFECTS: dict[str, Effect] = dict.fromkeys(names("dbus-send gdbus busctl qdbus qdbus6 dcop"), message)
