"""What may be written of judged text: masks for secrets, keyed hashes for identities and withheld text.

Knows no rule and no file. Invariant: the same text gives the same token under one key, so that records can be grouped
and compared without being read; nothing here can be undone without the key.
"""

from _blake2 import blake2b  # what hashlib gives, without OpenSSL
from collections.abc import Callable, Iterable
from typing import Final

from gw.model.decision import Span

KEY_BYTES: Final = 32
TOKEN_BYTES: Final = 8  # 64 bits group millions of texts without a clash that matters
_PERSONAL_DIGITS: Final = 5  # a segment of a session key with this many digits is a telephone number or account id

FindSecrets = Callable[[str], Iterable[Span]]


class Redactor:
    """*find_secrets* returns the spans of credentials in a text; by default nothing is looked for."""

    def __init__(self, key: bytes, find_secrets: FindSecrets = lambda text: ()) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"the ledger key has {len(key)} bytes, at least {KEY_BYTES} are needed")
        self._key = key[:64]  # what blake2b takes
        self._find_secrets = find_secrets

    def token(self, text: str) -> str:
        return blake2b(text.encode("utf-8", "replace"), digest_size=TOKEN_BYTES, key=self._key).hexdigest()

    def person(self, name: str) -> str:
        return "~" + self.token(name)

    def session(self, key: str) -> str:
        """A session key whose segments that identify a person are replaced."""
        return ":".join(self.person(part) if _is_personal(part) else part for part in key.split(":"))

    def mask(self, text: str, spans: Iterable[Span] = ()) -> str:
        """*text* with the given spans, and every credential found, replaced by tokens."""
        out, at = [], 0
        for start, end in _merged([*spans, *self._find_secrets(text)], len(text)):
            out += [text[at:start], "[redacted:", self.token(text[start:end]), "]"]
            at = end
        return "".join([*out, text[at:]]) if out else text


def _is_personal(part: str) -> bool:
    return "@" in part or sum(map(str.isdigit, part)) >= _PERSONAL_DIGITS


def _merged(spans: list[Span], length: int) -> list[tuple[int, int]]:
    """Sorted, clipped, overlapping ones joined, empty ones dropped."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(0, span.start), min(length, span.end)) for span in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
