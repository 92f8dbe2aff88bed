"""What the words of any tool for hosted things say: which verbs destroy, which give rights, what only asks.

Words only; knows no program. Invariant: a verb counts wherever tools put it: `server delete`, `delete-server`,
`servers:delete`.
"""

import re
from collections.abc import Sequence

from gw.defender.shell.draft import Draft
from gw.defender.shell.names import names
from gw.defender.shell.registries import is_elsewhere

_DESTROYING = names(
    "delete destroy remove purge terminate drop flush wipe erase nuke deprovision decommission teardown uninstall rm"
    " rb del obliterate truncate forget deregister force-delete delete-all cancel-all revoke disable-all drain shred"
    " expunge undeploy undefine remove-all deleteall rmr unlist"
)
_STEMS = names("delete destroy terminate purge remove deregister drop revoke wipe empty")
_NAME = re.compile(r"(?:delete|destroy|remove|purge)[A-Z]|deletefile$")
_TAILS = (":disable", ":destroy", ":delete", ":remove", ":reset", ":rm", ":drop", ":purge", ":wipe", "-delete")
_MANY = names("batch bulk schedule force start")
_DELETING = names("delete deletion remove destroy terminate purge")
# These say it without a noun in front of them, whatever the tool.
_UNMISTAKABLE = names("delete destroy purge terminate wipe erase nuke obliterate drop teardown undeploy")
_UNASKED = names(
    "-f --force -y --yes --confirm --no-confirm --all --auto-approve -auto-approve --delete-all --purge --force-delete"
)
_DRY = names(
    "--dry-run --dryrun --dry-run=client --dry-run=server --noop --check --what-if --help -h --plan --plan-only"
)
_GRANTING = re.compile(
    r"(?:^| )(?:"
    r"(?:add|attach|put|set|append)-(?:[a-z]+-){0,4}(?:permissions?|policy|role|scc|member|binding|access)(?:-[a-z-]+)?"
    r"|create-grant|(?:access|members?|owners?|collaborators?):(?:add|grant|invite)"
    r"|(?:tokens?|invitations?) create"
    r"|(?:owners?|members?|collaborators?|access|teams?)(?: [a-z-]{2,12})? (?:add|grant|invite|public)"
    r"|(?:policy|anonymous|acl) set (?:public|public-read))(?: |$)"
)
# No word without one of these says anything here.
_TELLING = re.compile(
    r"delet|destr|remov|purg|termin|drop|wip|eras|nuk|oblit|inst|teard|undep|flush|rm|add|set-|attach|append|grant|invite"
    r"|token|public|plugin|extens|prepare|create"
)
_RUNNERS = names("make gmake just task rake nox invoke ninja")  # their words are names out of a file
_ROLES = frozenset(("--role", "--roles", "--admin", "--permissions"))
_NEW = frozenset(("add", "create", "update", "invite", "set"))
_EXTENDING = names("install plugin plugins extension extensions prepare")
_LISTS = names("pm2 todo")  # what these delete is an entry that is easily made again
_NOUN = re.compile(r"[a-z][a-z_-]{2,40}")


def is_dry(draft: Draft) -> bool:
    return any(a in _DRY for a in draft.argv[1:])


def destroys(word: str) -> bool:
    if word in _DESTROYING or word.endswith(_TAILS) or _NAME.match(word):
        return True
    stem, dash, rest = word.replace("_", "-").partition("-")
    if not dash:
        return False
    return stem in _STEMS or (stem in _MANY and not _DELETING.isdisjoint(rest.split("-")))


def grants(words: Sequence[str]) -> bool:
    """Whether sub-commands give somebody rights or access."""
    return _GRANTING.search(" ".join(words[:4])[:256]) is not None


def stranger(draft: Draft) -> None:
    """A program of no table that is told to delete: `things delete x`, `delete x --yes`, `delete-things`."""
    words = draft.operands[:3]
    if _TELLING.search(" ".join(words), 0, 256) is None or draft.program in _RUNNERS or is_dry(draft):
        return
    unasked = "all" in words or not draft.flags.isdisjoint(_UNASKED)
    for at, word in enumerate(words):
        if not destroys(word):
            continue
        plain = word in _UNMISTAKABLE and all(_NOUN.fullmatch(noun) for noun in words[:at])
        entry = at == 0 and (draft.program in _LISTS or "".join(words[1:2]).isdigit())
        if unasked or (plain and not entry) or (word not in _DESTROYING and at == 0):
            draft.facts.add("service-destroys")
    if grants(words) or (not _ROLES.isdisjoint(draft.flags) and not _NEW.isdisjoint(words)):
        draft.facts.add("service-grants")
    if not _EXTENDING.isdisjoint(words) and any(is_elsewhere(word.rpartition("@")[2]) for word in draft.operands[1:]):
        draft.facts.add("installs-remote")
