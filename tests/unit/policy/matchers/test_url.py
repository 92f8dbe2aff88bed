import pytest

from gw.model.action import PartKind
from tests.support.matchers import matcher, problems_of
from tests.support.shell import node, part_subject, subject


@pytest.mark.parametrize(
    ("rule", "url", "hit"),
    [
        ("url: example.com", "https://example.com/x", True),
        ("url: example.com", "https://EXAMPLE.com./x", True),
        ("url: example.com", "https://notexample.com", False),
        ("url: example.com", "https://example.com.evil.net", False),
        ("url: example.com", "https://evil.net/@example.com", False),
        ("url: ['*.example.com']", "http://a.b.example.com:81", True),
        ("url: ['*.example.com']", "http://example.com", False),
        ("url: {scheme: [file, data]}", "file:///etc/passwd", True),
        ("url: {scheme: [file, data]}", "data:text/html,x", True),
        ("url: {host: '169.254.169.254'}", "http://169.254.169.254/latest", True),
        ("url: {host: '*', query: true}", "http://h/x?q=1", True),
        ("url: {host: '*', query: true}", "http://h/x", False),
        ("url: {userinfo: true}", "http://a:b@h/", True),
        ("url: {path: '/admin*'}", "http://h/admin/x", True),
        ("url: {host: localhost}", "localhost/x", True),
        ("url: {host: x}", "http://[bad", False),
        ("url: {host: '*'}", "", False),
    ],
)
def test_an_address(rule: str, url: str, hit: bool) -> None:
    assert (matcher(rule).match(part_subject(PartKind.URL, url)) is not None) is hit


def test_what_a_command_fetches() -> None:
    line = subject("curl x", node("curl x", fetches=("https://evil.net/x",)))
    assert matcher("url: evil.net").match(line) == (node("curl x").span,)
    assert matcher("url: other.net").match(line) is None


@pytest.mark.parametrize("text", ["url: {}", "url: {hst: x}", "url: {query: maybe}", "url: 3"])
def test_bad_urls(text: str) -> None:
    assert problems_of(text)
