"""How long a message waits for what its sender says next, to be one turn with it.

Pure: settings and sizes in, milliseconds out; who waits, and what may be joined, is `channels/batches`'.

Source: openclaw/ROUTING.md section 7; albums: CHANNELS.md section 4.1.
"""

from collections.abc import Mapping
from typing import Final

from gw.ports import Json

ALBUM_MS: Final = 500  # files of one album come one by one, whatever is set for text
DEFAULT_MS: Final[Mapping[str, int]] = {"telegram": 300}
CUT_CHARS: Final[Mapping[str, int]] = {"telegram": 4000}  # its apps cut longer texts into messages; the next follows
CUT_MS: Final = 1500


def wait_ms(settings: Mapping[str, Json], channel: str, chars: int) -> int:
    """`settings` are `messages.inbound`; 0: it does not wait."""
    by_channel: Mapping[str, int] = settings.get("byChannel") or {}
    found: int = by_channel.get(channel, settings.get("debounceMs", DEFAULT_MS.get(channel, 0)))
    is_cut = chars >= CUT_CHARS.get(channel, chars + 1)
    return max(found, CUT_MS) if found and is_cut else found
