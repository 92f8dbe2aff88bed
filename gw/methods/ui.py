"""Small Control UI surfaces whose answer depends on the question.

Invariant: nothing is stored; a view that a page reports is acknowledged and forgotten.
"""

from gw.methods.router import Call, rpc
from gw.methods.system import ServerFacts
from gw.ports import Json
from gw.wire.methods import ADMIN


class Ui:
    def __init__(self, server: ServerFacts) -> None:
        self._server = server

    @rpc("board.get", inline=True)
    def board(self, call: Call) -> Json:
        return {"sessionKey": call.params.get("sessionKey"), "revision": 0, "tabs": [], "widgets": []}

    @rpc("sessions.viewers.set", inline=True)
    def viewers(self, call: Call) -> Json:
        return {"sessionKeys": call.params.get("sessionKeys", [])}

    @rpc("mentions.list", inline=True)
    def mentions(self, call: Call) -> Json:
        return {"gatewayInstanceId": self._server.boot_id, "revision": 0, "items": []}

    @rpc("session.members.listEvidence", inline=True)
    def members(self, call: Call) -> Json:
        return {
            "sessionKey": call.params.get("sessionKey"),
            "members": [],
            "identities": [],
            "role": "admin" if ADMIN in call.info.scopes else "viewer",
            "allowedVisibilities": ["shared"],
        }

    @rpc("plugin.surface.refresh", inline=True)
    def surfaces(self, call: Call) -> Json:
        return {"surface": call.params.get("surface"), "pluginSurfaceUrls": {}}
