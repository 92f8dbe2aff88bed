"""Headers of an HTML page we serve: what its scripts may be and where it may connect.

Invariant: an inline script runs only when it is byte for byte in the page as it was loaded from disk.
"""

import hashlib
from base64 import b64encode
from html.parser import HTMLParser

# As upstream sends for its page, without the voice and theme providers that only its own features contact.
POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; frame-src 'self'; "
    "script-src 'self'{hashes} 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self'; worker-src 'self'; connect-src 'self' ws: wss: data:"
)


class _InlineScripts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and not any(name == "src" for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found.append(data)


def html_headers(page: bytes) -> tuple[tuple[str, str], ...]:
    parser = _InlineScripts()
    parser.feed(page.decode("utf-8", "replace"))
    parser.close()
    digests = (b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in parser.found)
    hashes = "".join(f" 'sha256-{digest}'" for digest in digests)
    return (("Content-Security-Policy", POLICY.format(hashes=hashes)), ("X-Frame-Options", "DENY"))
