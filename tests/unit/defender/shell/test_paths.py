"""What a path means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.shell import paths
from gw.defender.shell.stream import GLOB


@pytest.mark.parametrize(
    ("path", "cwd", "normal"),
    [
        ("/etc//x/../y/./", None, "/etc/y"),
        ("$HOME/x", None, "~/x"),
        ("/home/alice/x", None, "~/x"),
        ("/root", None, "~"),
        ("~/..", None, "/home"),
        ("~root/x", None, "~/x"),
        ("~alice/.ssh/id_rsa", None, "~/.ssh/id_rsa"),
        ("~+/x", None, "~+/x"),
        ("x", "/srv", "/srv/x"),
        ("*", "/", "/*"),
        ("../x", "/srv/a", "/srv/x"),
        ("x", None, "x"),
        ("./", None, "./"),
        ("//", None, "/"),
        ("file:///etc/x", None, "/etc/x"),
        ("", None, ""),
    ],
)
def test_normalise(path: str, cwd: str | None, normal: str) -> None:
    assert paths.normalise(path, cwd) == normal


HOLDS = {
    paths.is_root: ["/", "~", "/etc", "/etc/*", "~/.*", "~/*", "/usr/local"],
    paths.is_secret: [
        "~/.ssh/id_rsa", "/etc/shadow", "~/.aws/credentials", "~/.netrc", "/proc/self/environ",
        "~/.openclaw/openclaw.json",
        "~/.config/google-chrome/Default/Login Data", "/etc/ssh/ssh_host_rsa_key",
        "/var/run/secrets/azure/tokens/x-token",
    ],
    paths.is_private: [".env", "app/.env.production", "id_rsa", "server.key", "terraform.tfstate", "passwords.txt"],
    paths.is_startup: [
        "~/.bashrc", "/etc/cron.d/x", "/etc/profile.d/x.sh", "~/.ssh/authorized_keys", ".git/hooks/pre-commit",
        ".git/config",
        "/etc/systemd/system/x.service", "/etc/ld.so.preload",
    ],
    paths.is_account: ["/etc/passwd", "/etc/sudoers.d/x", "/etc/group"],
    paths.is_system: ["/etc/hosts", "/usr/bin/x", "/boot/x"],
    paths.is_disk: ["/dev/sda", "/dev/nvme0n1", "/dev/mapper/x"],
    paths.is_kernel: ["/dev/mem", "/proc/sysrq-trigger", "/boot/x"],
    paths.is_log: ["/var/log/auth.log", "~/.bash_history", "home/me/.bash_history"],
    paths.is_guard: ["~/.openclaw/openclaw.json", "/etc/clawgate/clawgate.yaml", "~/.openclaw/workspace/SOUL.md"],
    paths.is_steering: ["CLAUDE.md", "~/clawd/SOUL.md", ".claude/settings.local.json", "~/.cursor/mcp.json"],
    paths.is_temporary: ["/tmp/x", "node_modules", "./build", "x.egg-info", "/dev/null"],
}  # fmt: skip
FAILS = {
    paths.is_root: ["/etc/hosts", "~/x", "src", "/tmp", "./*"],
    paths.is_secret: ["~/.ssh/id_rsa.pub", "/repo/.aws/credentials", "/etc/hosts", "~/.ssh/known_hosts", "~/.zshrc"],
    paths.is_private: [".env.example", "tests/fixtures/id_rsa", "README.md", "cert.pem", "testdata/.env"],
    paths.is_startup: ["~/notes", ".git/hooks/pre-commit.sample", "/etc/hosts", "bashrc"],
    paths.is_account: ["/etc/passwdx", "/etc/hosts"],
    paths.is_system: ["/srv/x", "/tmp/x", "/users"],
    paths.is_disk: ["/dev/null", "/dev/tty", "sda"],
    paths.is_kernel: ["/proc/cpuinfo", "/dev/null"],
    paths.is_log: ["/srv/log", "~/notes"],
    paths.is_guard: ["~/.openclaw-notes", "/etc/hosts", "~/.openclaw/logs/x", "~/.openclaw/workspace/memory/x.md"],
    paths.is_steering: ["README.md", "docs/CLAUDE.md.txt", "settings.json", "MEMORY.md", ".cursor/x"],
    paths.is_temporary: ["/tmp", "src", "/srv/build", "~/build", "../build"],
}


@pytest.mark.parametrize(("ask", "path"), [(ask, p) for ask, found in HOLDS.items() for p in found])
def test_it_is(ask: object, path: str) -> None:
    assert callable(ask)
    assert ask(path)


@pytest.mark.parametrize(("ask", "path"), [(ask, p) for ask, found in FAILS.items() for p in found])
def test_it_is_not(ask: object, path: str) -> None:
    assert callable(ask)
    assert not ask(path)


GRADED = (
    paths.is_startup, paths.is_account, paths.is_system, paths.is_disk, paths.is_kernel, paths.is_log, paths.is_guard,
)  # fmt: skip


@pytest.mark.parametrize("path", [path for ask in GRADED for path in HOLDS[ask]])
def test_what_is_graded_is_not_ordinary(path: str) -> None:
    assert not paths.is_ordinary(path)


@given(st.text(st.sampled_from("./~$gitbashrc_hookev1*")))
def test_what_is_ordinary_is_not_graded(path: str) -> None:
    assert not (paths.is_ordinary(path) and any(ask(path) for ask in GRADED))


def test_patterns_and_unset_variables_do_not_hide_a_secret() -> None:
    assert paths.is_secret("/etc/sh?dow", GLOB)
    assert paths.is_secret("/e*/shadow", GLOB)
    assert not paths.is_secret("/srv/*", GLOB)
    assert paths.is_secret("/etc$u/sha${v}dow")


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("/proc/[0-9]*/environ", True),
        ("/proc/$p/mem", True),
        ("/dev/kmem", True),
        ("~/.mozilla/firefox", True),
        ("~/.config/google-chrome/Default", True),
        ("/proc/self/status", False),
        ("~/.config/google-chrome/Default/Preferences", False),
    ],
)
def test_memory_and_browsers(path: str, secret: bool) -> None:
    assert paths.is_secret(path) is secret


@pytest.mark.parametrize(
    ("path", "private"), [("passwords.txt", True), ("passwords.ts", False), ("src/password.py", False)]
)
def test_source_code_about_passwords_holds_none(path: str, private: bool) -> None:
    assert paths.is_private(path) is private


def test_python_runs_these_at_every_start() -> None:
    assert paths.is_startup("/usr/lib/python3/dist-packages/sitecustomize.py")
    assert paths.is_startup("~/.local/lib/python3.11/site-packages/x.pth")
    assert not paths.is_startup("src/customize.py")
    assert not paths.is_startup("~/models/resnet.pth")
