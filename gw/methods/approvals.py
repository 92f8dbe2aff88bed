"""exec.approvals.get: how commands on this host are approved. None is ever run here, so none is ever allowed.

Invariant: the answer never shows a laxer default than what is enforced.
"""

from typing import Final

from gw._native.filehash import sha256
from gw.errors import Unavailable
from gw.methods.router import Call, rpc
from gw.ports import Json
from gw.wire import json

# Said as stored defaults too: clients work out the effective policy from them.
DENY: Final = {"security": "deny", "ask": "always", "askFallback": "deny", "autoAllowSkills": False}
FILE: Final = {"version": 1, "defaults": DENY, "agents": {}}


class Approvals:
    @rpc("exec.approvals.get", inline=True)
    def get(self, call: Call) -> Json:
        return {
            "path": "",
            "exists": False,
            "file": FILE,
            "hash": sha256(json.dumps(FILE)).hexdigest(),
            "resolvedDefaults": DENY,
        }

    @rpc("exec.approvals.set")
    def set(self, call: Call) -> Json:
        raise Unavailable(
            "this gateway runs no commands, so it keeps no allow-list; what clients may ask for is in the policies",
            details={"code": "APPROVALS_READ_ONLY"},
            retryable=False,
        )
