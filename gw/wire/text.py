"""The text of a message as it is judged, stored and run: one canonical form.

Source: openclaw/ROUTING.md section 11: NFC, NUL refused, other control characters removed. Invariant: `clean_message`
is idempotent, so what was judged in this form is what is stored in this form.
"""

import re
import unicodedata

from gw.errors import InvalidRequest

# C0 and C1 controls and DEL, without tab, line feed and carriage return.
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean_message(text: str) -> str:
    """Raises InvalidRequest for a text with a NUL character."""
    if "\0" in text:
        raise InvalidRequest("message must not contain null bytes")
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))
