import pytest

from gw.access.origin import MISSING, NOT_ALLOWED, is_loopback, is_same_page, parse, problem

LOCAL, REMOTE = True, False


@pytest.mark.parametrize(
    ("origin", "host", "local", "allowed", "expected"),
    [
        ("http://127.0.0.1:18789", "127.0.0.1:18789", LOCAL, (), None),
        ("http://localhost:9", "127.0.0.1:18789", LOCAL, (), None),
        ("http://[::1]:9", "127.0.0.1:18789", LOCAL, (), None),
        ("http://127.0.0.1:18789", "127.0.0.1:18789", REMOTE, (), NOT_ALLOWED),
        ("http://evil.example", "127.0.0.1:18789", LOCAL, (), NOT_ALLOWED),
        # DNS rebinding: the page's own name resolves to us, so origin and Host agree.
        ("http://evil.example:18789", "evil.example:18789", LOCAL, (), NOT_ALLOWED),
        ("http://192.168.1.5:18789", "192.168.1.5:18789", REMOTE, (), None),
        ("http://box.local:18789", "box.local:18789", REMOTE, (), None),
        ("http://93.184.216.34", "93.184.216.34", REMOTE, (), NOT_ALLOWED),
        ("https://ops.example", "gw.example", REMOTE, ("https://OPS.example/",), None),
        ("http://ops.example", "gw.example", REMOTE, ("https://ops.example",), NOT_ALLOWED),
        ("https://any.example", "gw.example", REMOTE, ("*",), None),
        (None, "127.0.0.1", LOCAL, (), MISSING),
        ("null", "127.0.0.1", LOCAL, ("*",), MISSING),
        ("://", "127.0.0.1", LOCAL, (), MISSING),
        ("http://[bad", "127.0.0.1", LOCAL, (), MISSING),
        ("http://h:99999", "127.0.0.1", LOCAL, (), MISSING),
    ],
)
def test_problem(origin, host, local, allowed, expected):
    assert problem(origin, host, is_local=local, allowed=allowed) == expected


def test_parse_leaves_out_the_default_port():
    assert parse("HTTPS://Ops.Example:443/x").origin == "https://ops.example"
    assert parse("http://ops.example:443").host == "ops.example:443"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("a.localhost", True),
        ("localhost.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_is_loopback(name, expected):
    assert is_loopback(name) is expected


def test_is_same_page():
    assert is_same_page("http://127.0.0.1:1", "127.0.0.1:1")
    assert not is_same_page("http://127.0.0.1:2", "127.0.0.1:1")
    assert not is_same_page(None, "127.0.0.1:1")
