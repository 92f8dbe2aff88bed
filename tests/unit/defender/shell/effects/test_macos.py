"""What only macOS has."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("dscl . -read /Users/a dsAttrTypeNative:ShadowHashData", "reads-secret"),
    ("csrutil disable", "disables-guard"),
    ("spctl --master-disable", "disables-guard"),
    ("xattr -d com.apple.quarantine x.app", "skips-approval"),
    ("xattr -c x.app", "skips-approval"),
    ("launchctl load x.plist", "installs-service"),
    ("launchctl unload x.plist", "stops-service"),
    ("defaults write com.apple.loginwindow LoginHook /tmp/x", "writes-startup"),
    ("dscl . -create /Users/x", "creates-account"),
    ("dscl . -append /Groups/admin GroupMembership x", "adds-root-user"),
    ("sysadminctl -deleteUser x", "deletes-account"),
    ("nvram boot-args=-v", "writes-system"),
    ("tmutil delete /b", "service-destroys"),
]
MISSES = [
    ("csrutil status", "disables-guard"),
    ("xattr -l x.app", "skips-approval"),
    ("launchctl list", "installs-service"),
    ("defaults read com.apple.finder", "writes-startup"),
    ("dscl . -read /Users/x", "creates-account"),
    ("nvram -p", "writes-system"),
    ("tmutil listbackups", "service-destroys"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
