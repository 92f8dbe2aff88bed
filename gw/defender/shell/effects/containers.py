"""Containers: what they may take from the machine, and what is removed with them.

Adds facts to drafts. Invariant: an option that appears twice counts as docker counts it: the last one holds.
"""

from itertools import pairwise

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.guards import is_own_guard
from gw.defender.shell.effects.tools import MINERS
from gw.defender.shell.names import names
from gw.defender.shell.nested import CONTAINER_VALUED
from gw.defender.shell.paths import is_secret, normalise
from gw.defender.shell.stream import UNRESOLVED
from gw.defender.shell.wrappers import WRAPPERS, skip_options

_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "podman.sock")
_HOST_FOLDERS = names("/ /etc ~ /proc /sys /dev /boot /home /var/run /run /var /usr")
_STRONG_CAPABILITIES = frozenset(("SYS_ADMIN", "ALL", "SYS_PTRACE", "SYS_MODULE", "DAC_READ_SEARCH", "SYS_RAWIO"))
_HARMLESS_DEVICES = (
    "/dev/dri",
    "/dev/snd",
    "/dev/fuse",
    "/dev/net",
    "/dev/kvm",
    "/dev/video",
    "/dev/tty",
    "/dev/nvidia",
)
_REMOVING = names("volume network stack service node secret config context machine pod")
_STARTING = frozenset(("run", "create", "exec", "launch", "init", "debug"))


def container(draft: Draft) -> None:
    words = draft.operands
    first = words[0] if words else ""
    if _removes(draft, first, words):
        draft.facts.add("container-destroys")
    if first in ("rm", "stop", "kill", "pause", "container") and any(map(is_own_guard, words[1:])):
        draft.facts.add("tampers-guard")
    if words[:2] == ["plugin", "install"] and draft.has("--grant-all-permissions"):
        draft.facts.add("container-escape")
    if draft.has("-H", "--host") and any("docker.sock" in a for a in draft.argv):
        draft.facts.add("container-escape")
    if first == "cp":
        draft.reads += draft.paths([w for w in words[1:-1] if ":" not in w])
    start = next((i for i, a in enumerate(draft.argv[:8]) if a in _STARTING), 0)
    if start:
        _starts(draft, start)


def _removes(draft: Draft, first: str, words: list[str]) -> bool:
    if draft.has("--help"):
        return False
    if "prune" in words[:3] or "reset" in words[1:2]:
        # what has no name any more, and what a build keeps for the next, are made again
        return first not in ("image", "builder", "buildx") or draft.has("-a", "--all")
    if draft.program == "crictl" and first in ("rmp", "rm", "rmi"):
        return draft.has("-f", "--force", "-a", "--all")
    if first in ("rm", "rmi") or words[:2] in (["container", "rm"], ["image", "rm"]):
        return draft.has("-f", "--force", "-v", "--volumes")
    if first in _REMOVING and words[1:2] in (["rm"], ["remove"], ["leave"]):
        return True
    if words[:2] == ["swarm", "leave"]:
        return True
    if "down" in words[:3] and (first in ("compose", "down") or "compose" in (draft.program or "")):
        return draft.has("-v", "--volumes")
    return first in ("kill", "stop") and (draft.has("-a", "--all") or any(m & UNRESOLVED for m in draft.marks))


def _starts(draft: Draft, start: int) -> None:
    argv = draft.argv
    privileged = False
    image = skip_options(argv, start + 1, CONTAINER_VALUED)
    if image < len(argv) and argv[image].rpartition("/")[2].partition(":")[0].partition("@")[0] in MINERS:
        draft.facts.add("mines")
    for i in range(start + 1, min(image, len(argv))):
        option, equals, value = argv[i].partition("=")
        if option[:1] != "-":
            continue
        if option == "--privileged":
            privileged = value.lower() in ("", "true", "1", "t")
            continue
        if option[:2] == "-v" and len(option) > 2:
            option, value = "-v", argv[i][2:]
        elif not equals and i + 1 < len(argv):
            value = argv[i + 1]
        _grade_option(draft, option, value)
    if privileged:
        draft.facts.add("container-escape")


def _grade_option(draft: Draft, option: str, value: str) -> None:
    """One option that hands the container something of the machine."""
    escapes = False
    if option in ("-v", "--volume", "--mount"):
        source = _mount_source(value) if option == "--mount" else value.partition(":")[0]
        if source.startswith(("/run", "/var/run")) and source.endswith(_SOCKETS):
            escapes = True
        elif (
            source
            and (normalise(source) in _HOST_FOLDERS or is_secret(normalise(source)))
            and (option == "--mount" or ":" in value)
        ):
            draft.facts.add("mounts-host")
    elif option in ("--pid", "--userns", "--ipc", "--uts"):
        escapes = value == "host"
    elif option == "--cap-add":
        escapes = value.upper().removeprefix("CAP_") in _STRONG_CAPABILITIES
    elif option == "--security-opt":
        escapes = "unconfined" in value
    elif option == "--device":
        escapes = value.startswith("/dev/") and not value.startswith(_HARMLESS_DEVICES)
    if escapes:
        draft.facts.add("container-escape")


def _mount_source(value: str) -> str:
    fields = dict(part.partition("=")[::2] for part in value.split(",")[:16])
    return fields.get("source") or fields.get("src") or ""


def lxc(draft: Draft) -> None:
    if "security.privileged=true" in draft.argv or ("device" in draft.operands and "source=/" in draft.argv):
        draft.facts.add("container-escape")
    if draft.operands[:1] in (["delete"], ["rm"]):
        draft.facts.add("container-destroys")


def nsenter(draft: Draft) -> None:
    own = draft.argv[: WRAPPERS["nsenter"].start(draft.argv)]
    first = any(a in ("-t1", "--target=1") or (a in ("-t", "--target") and b == "1") for a, b in pairwise([*own, ""]))
    if first or not {"-a", "--all"}.isdisjoint(own):
        draft.facts.add("container-escape")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(names("docker podman nerdctl docker-compose podman-compose buildah ctr crictl"), container),
    **dict.fromkeys(("lxc", "incus"), lxc),
    "nsenter": nsenter,
}
