"""The content security policy names exactly the inline scripts of the page."""

import hashlib
from base64 import b64encode

import pytest

from gw.modes.page import html_headers


def digest(script: str) -> str:
    return "'sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


PAGES = [
    ("<p>none</p>", []),
    ("<script>a < b && c</script>", ["a < b && c"]),
    ('<script src="x.js"></script><script type="module">one()</script>', ["one()"]),
    ('<SCRIPT>\ntwo("é")\n</SCRIPT><script>three</script>', ['\ntwo("é")\n', "three"]),
    ("<style>script</style><!-- <script>no</script> -->", []),
]


@pytest.mark.parametrize("page, scripts", PAGES)
def test_inline_scripts_are_allowed_by_digest(page: str, scripts: list[str]) -> None:
    headers = dict(html_headers(page.encode()))
    policy = headers["Content-Security-Policy"]
    assert policy.count("sha256-") == len(scripts)
    assert all(digest(script) in policy for script in scripts)
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert headers["X-Frame-Options"] == "DENY"
