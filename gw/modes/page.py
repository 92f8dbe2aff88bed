"""Headers of an HTML page we serve: what its scripts may be and where it may connect.

Invariant: an inline script runs only when it is byte for byte in the page as it was loaded from disk.
"""

from base64 import b64encode

from gw._native.filehash import sha256

# As upstream sends for its page, without the voice and theme providers that only its own features contact.
POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; frame-src 'self'; "
    "script-src 'self'{hashes} 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self'; worker-src 'self'; connect-src 'self' ws: wss: data:"
)


def inline_scripts(page: str) -> list[str]:
    from html.parser import HTMLParser  # late: a gateway that only agents use never shows a page

    class Scripts(HTMLParser):
        inside = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.inside = tag == "script" and not any(name == "src" for name, _ in attrs)

        def handle_endtag(self, tag: str) -> None:
            self.inside = False

        def handle_data(self, data: str) -> None:
            if self.inside:
                found.append(data)

    found: list[str] = []
    parser = Scripts(convert_charrefs=False)
    parser.feed(page)
    parser.close()
    return found


def html_headers(page: bytes) -> tuple[tuple[str, str], ...]:
    scripts = inline_scripts(page.decode("utf-8", "replace"))
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = "".join(f" 'sha256-{digest}'" for digest in digests)
    return (("Content-Security-Policy", POLICY.format(hashes=hashes)), ("X-Frame-Options", "DENY"))
