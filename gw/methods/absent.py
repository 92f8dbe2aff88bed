"""What clients ask for at start and this gateway does not have, answered as plainly as a real gateway with none of it.

Knows nothing but the accepted shapes (published schema, or observed where the schema has none). Invariant: an answer
here is true: it says "none", never that something exists or was done. What would be an action stays unserved.
"""

from collections.abc import Mapping
from typing import Final

from gw.methods.router import Call, rpc
from gw.ports import Json

NO_GITHUB: Final[Mapping[str, Json]] = {
    "personal": {
        "state": "disconnected",
        "generation": None,
        "account": None,
        "accessExpiresAtMs": None,
        "refreshState": "not_applicable",
        "pending": None,
    },
    "shared": None,
    "pendingPersonal": None,
    "latestShared": None,
}

NO_VOICE: Final[Mapping[str, Json]] = {"ready": False, "providers": []}

# Method -> the whole answer, whatever the params.
ABSENT: Final[Mapping[str, Json]] = {
    # approvals: the defender answers at once, so nothing waits for a person
    "exec.approval.list": [],
    "plugin.approval.list": [],
    "openclaw.approval.list": [],
    "exec.approval.grants.list": {"grants": []},
    "question.list": {"questions": []},
    # background work
    "tasks.list": {"tasks": []},
    "taskSuggestions.list": {"suggestions": []},
    # plugins, skills, commands, machines
    "plugins.list": {"plugins": [], "diagnostics": [], "mutationAllowed": False},
    "plugins.controlUi.list": {"revision": "0", "plugins": [], "diagnostics": []},
    "plugins.uiDescriptors": {"ok": True, "descriptors": []},
    "skills.status": {"workspaceDir": "", "managedSkillsDir": "", "skills": []},
    "commands.list": {"commands": []},
    "environments.list": {"environments": []},
    # voice
    "talk.catalog": {
        "modes": [],
        "transports": [],
        "brains": [],
        "speech": NO_VOICE,
        "transcription": NO_VOICE,
        "realtime": NO_VOICE,
    },
    # the Control UI's own extras
    "projects.list": {"projects": [], "recents": []},
    "progressCard.get": {"card": None},
    "users.prefs.get": {"status": "ok", "entries": {}},
    "usage.status": {"updatedAt": 0, "providers": []},
    "sessions.groups.defaults": {"defaults": []},
    "sessions.catalog.list": {"catalogs": []},
    "sessions.companion.state": {"exchanges": []},
    "sessions.github.options": NO_GITHUB,
    "session.discussion.info": {"state": "none"},
    "sessions.observer.visibility": {"ok": True},
    "controlUi.sessionPullRequests.subscribe": {"subscribed": True},
}

# Where no timers are configured.
NO_CRON: Final[Mapping[str, Json]] = {
    "cron.list": {
        "jobs": [],
        "total": 0,
        "offset": 0,
        "limit": 50,
        "hasMore": False,
        "nextOffset": None,
        "snapshotRevision": "0",
    },
    "cron.status": {
        "enabled": False,
        "triggersEnabled": False,
        "storePath": "",
        "storage": "none",
        "jobs": 0,
        "nextWakeAtMs": None,
    },
    "cron.runs": {"entries": [], "total": 0, "offset": 0, "limit": 50, "hasMore": False, "nextOffset": None},
}


class Absent:
    def answer(self, call: Call) -> Json:
        return ABSENT[call.method]

    for _name in ABSENT:
        answer = rpc(_name, inline=True)(answer)
    del _name


class AbsentCron:
    def answer(self, call: Call) -> Json:
        return NO_CRON[call.method]

    for _name in NO_CRON:
        answer = rpc(_name, inline=True)(answer)
    del _name
