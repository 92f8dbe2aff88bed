import pytest

from gw.access.node_commands import ALLOWED, FAMILIES, HOST_COMMANDS, approval_scopes, offered, platform_of

DANGEROUS = ("camera.snap", "camera.clip", "screen.record", "sms.send", "contacts.add", "health.summary")


@pytest.mark.parametrize(
    ("platform", "family", "expected"),
    [
        ("linux", None, "linux"),
        ("Linux", "Linux", "linux"),
        ("linux", "iPhone", "unknown"),
        ("ios", "iPad", "ios"),
        ("iPadOS 18.1", "iPad", "ios"),
        ("macOS 15.1", "Mac", "macos"),
        ("android", "", "android"),
        ("plan9", "linux", "unknown"),
        ("", None, "unknown"),
    ],
)
def test_platform_of(platform, family, expected):
    assert platform_of(platform, family) == expected


def test_every_platform_has_a_list_without_the_dangerous_ones():
    assert set(ALLOWED) == {*FAMILIES, "unknown"}
    assert not any(command in allowed for allowed in ALLOWED.values() for command in DANGEROUS)


def test_what_is_offered_keeps_its_order_and_comes_once():
    declared = ("system.which", "lab.echo", "device.info", "system.run", "system.which")
    assert offered(declared, "linux", "Linux") == ("system.which", "system.run")
    assert offered(declared, "ios", "iPhone") == ("device.info",)


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ((), ("operator.pairing",)),
        (("device.info", "system.which"), ("operator.pairing", "operator.write")),
        (("device.info", "system.run"), ("operator.pairing", "operator.admin")),
    ],
)
def test_approval_scopes(commands, expected):
    assert approval_scopes(commands) == expected


def test_whatever_runs_programs_takes_an_administrator():
    assert {"system.run", "system.run.prepare", "terminal.upload", "fs.listDir", "computer.act"} <= HOST_COMMANDS
