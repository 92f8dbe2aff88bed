"""Telling the running gateway that its policies changed."""

from gw.cli.status import open_client
from gw.cli.websocket import UnreachableError
from gw.config.settings import Settings
from gw.errors import ConfigError


def tell_service(settings: Settings) -> str:
    """What to tell the author. Raises RefusedError when the gateway refuses the policy."""
    try:
        with open_client(settings, ("operator.admin", "operator.read")) as client:
            answer = client.call("security.policy.reload")
    except (UnreachableError, ConfigError):
        return "no gateway is running here; it will be used from the next start on"
    return f"the running gateway uses generation {answer['generation']}, digest {answer['digest'][:12]}"
