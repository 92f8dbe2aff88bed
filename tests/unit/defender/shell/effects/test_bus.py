"""Messages to the machine's own services."""

import pytest

from tests.support.commands import facts_of


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (
            "dbus-send --system --dest=org.freedesktop.Accounts --print-reply /org/freedesktop/Accounts"
            " org.freedesktop.Accounts.CreateUser string:x string:X int32:1",
            "creates-account",
        ),
        (
            "gdbus call --system -d org.freedesktop.login1 -o /x --method org.freedesktop.login1.Manager.PowerOff true",
            "stops-machine",
        ),
        (
            "busctl call org.freedesktop.systemd1 /x org.freedesktop.systemd1.Manager StartTransientUnit s u f 0",
            "installs-service",
        ),
        ("gdbus call -d x -o /x --method=org.freedesktop.Secret.Item.GetSecret /", "reads-service-secret"),
        ("qdbus org.kde.kwalletd5 /modules/kwalletd5 readPassword 1 f k a", "reads-service-secret"),
    ],
)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "busctl list",
        "gdbus introspect --system -d org.freedesktop.login1 -o /org/freedesktop/login1",
        "busctl get-property org.freedesktop.login1 /x org.freedesktop.login1.Manager IdleHint",
        "dbus-send --dest=org.freedesktop.Notifications / org.freedesktop.Notifications.CloseNotification",
    ],
)
def test_its_neighbour_is_not(command: str) -> None:
    assert not facts_of(command)
