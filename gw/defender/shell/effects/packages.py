"""Package managers: what is installed from where, and what the machine would lose.

Adds facts to drafts. Invariant: a name from the usual registry is ordinary work; an address or a local file is code
nobody published.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.guards import is_guard, is_own_guard
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_temporary
from gw.defender.shell.registries import FORGE_SHORTHANDS, SOURCE_OPTIONS, is_elsewhere, sets_registry
from gw.defender.shell.stream import UNRESOLVED

_SCRIPT_REGISTRIES = ("https://deno.land/", "https://jsr.io/", "https://esm.sh/", "https://cdn.jsdelivr.net/")
_CRITICAL = names(
    "systemd libc6 bash coreutils sudo openssh-server apt dpkg base-files init glibc python3 passwd util-linux ufw"
    " auditd clamav fail2ban apparmor selinux-policy ca-certificates openssh sshd rsyslog network-manager grub2"
    " grub-pc kernel openssl libssl3 zlib dbus pam libpam-modules e2fsprogs mount kmod linux busybox musl filesystem"
)
_HOOKS = ("Pre-Invoke", "Post-Invoke", "Pre-Install", "Proxy-Auto-Detect", "Changelogs::")
_UNVERIFIED = names(
    "--allow-unauthenticated --force-yes --nogpgcheck --no-gpg-checks --nodigest --nosignature --dangerous"
    " --allow-untrusted --no-gpg-verify --grant-all-permissions"
)
_IGNORING = names("--nodeps --force-depends --force-all --force-remove-essential")  # what needs it
_DRY = names("-s --simulate --just-print --dry-run --no-act --assumeno --test")
_TARGETS = names(
    "--target -t --prefix --root --cache --cache-dir -r --requirement -c --log --install-dir"
)  # of options
_REMOVES = names("remove purge autoremove erase -R uninstall un rm del")
_LOCAL = (".deb", ".rpm", ".apk", ".ipk", ".snap", ".txz", ".pkg.tar.zst", ".pkg.tar.xz")


def _comes_from_anybody(draft: Draft) -> bool:
    """Whether a package lies in a folder where anybody may have put it."""
    own = {draft.value(option) for option in _TARGETS}
    words = [*draft.operands[1:], draft.value("--path") or ""]
    return any(w.startswith(("/", "file:/")) and is_temporary(w.removeprefix("file:")) for w in words if w not in own)


def pip(draft: Draft) -> None:
    words = draft.operands
    asked = words[:1] in (["install"], ["download"], ["wheel"], ["inject"])
    addresses = [word.rpartition(" @ ")[2] for word in words[1:]] if asked else []
    _uninstalls(draft)
    if words[:1] == ["install"] and _comes_from_anybody(draft):
        draft.facts.add("installs-local")
    if words[:1] == ["owner"] and draft.has("-a", "--add"):
        draft.facts.add("service-grants")
    if words[:1] == ["yank"]:
        draft.facts.add("service-destroys")
    _sources(draft)
    if any(is_elsewhere(w) for w in addresses) or "--trusted-host" in draft.argv:
        draft.facts.add("installs-remote")


def _sources(draft: Draft) -> None:
    """Another registry than the public ones, for this once or from now on."""
    words = draft.operands
    if sets_registry(words) or (
        _KEEPS_TO_ITSELF.isdisjoint(words[:1]) and is_elsewhere(draft.value(*SOURCE_OPTIONS) or "")
    ):
        draft.facts.add("installs-remote")


def _uninstalls(draft: Draft) -> None:
    """Everything there is, by a list that another program prints."""
    listed = "xargs" in draft.wrappers or any(mark & UNRESOLVED for mark in draft.marks)
    if not _REMOVES.isdisjoint(draft.operands[:1]):
        if listed:
            draft.facts.add("deletes-many")
        if any(map(is_own_guard, draft.operands[1:])):
            draft.facts.add("tampers-guard")


def npm(draft: Draft) -> None:
    _uninstalls(draft)
    words = draft.operands
    if words[:1] in (["install"], ["i"], ["add"]) and _comes_from_anybody(draft):
        draft.facts.add("installs-local")
    if words[:1] in (["install"], ["i"], ["add"], ["exec"], ["x"], ["dlx"], ["init"], ["run"]) and any(
        is_elsewhere(w) for w in words[1:]
    ):
        draft.facts.add("installs-remote")
    _sources(draft)
    if words[:1] == ["set"]:
        words = ["config", *words]
    if words[:4] == ["config", "set", "strict-ssl", "false"]:
        draft.facts.add("skips-approval")
    if words[:2] == ["config", "set"] and words[2:3] in (["script-shell"], ["shell"], ["git"], ["editor"]):
        draft.facts.add("git-hooks-command")
    if words[:2] == ["token", "create"]:
        draft.facts.add("service-grants")
    if words[:2] in (["owner", "add"], ["access", "grant"], ["access", "public"]):
        draft.facts.add("service-grants")
    losing = words[:1] in (["unpublish"], ["deprecate"]) or words[:2] in (["owner", "rm"], ["access", "revoke"])
    if losing and not draft.has("--dry-run"):
        draft.facts.add("service-destroys")


def runner(draft: Draft) -> None:
    """npx and its like: a package that is run at once, from wherever its name says."""
    words = [*draft.operands[:1], draft.value("--package", "-p", "--from") or ""]
    if any(is_elsewhere(w) or w.startswith(FORGE_SHORTHANDS) for w in words):
        draft.facts.add("executes-fetched")


def maven(draft: Draft) -> None:
    for word in draft.argv[1:]:
        name, _, value = word.partition("=")
        if name.startswith("-D") and "repo" in name.lower() and is_elsewhere(value.rpartition("::")[2]):
            draft.facts.add("installs-remote")


def toolchain(draft: Draft) -> None:
    _sources(draft)


_KEEPS_TO_ITSELF = names("publish login adduser whoami view ping search logout")  # installs nothing
_ADDS = names("install add get require i inject repo tap remote-add plugin init dlx create --add-repo")


def _asks_for_more(draft: Draft) -> bool:
    return not _ADDS.isdisjoint(draft.operands[:3]) or not draft.flags.isdisjoint(_ADDS)


def deno(draft: Draft) -> None:
    """A script by its address, but for those of the usual registries."""
    if draft.operands[:1] in (["run"], ["install"], ["serve"]) and any(
        is_elsewhere(w) and not w.startswith(_SCRIPT_REGISTRIES) for w in draft.operands[1:]
    ):
        draft.facts.add("executes-fetched")


def direct(draft: Draft) -> None:
    """Managers of one language: a package by its address, wherever the address stands."""
    _uninstalls(draft)
    _sources(draft)
    words = [
        word.rpartition(" @ ")[2] for argument in draft.argv[1:] for word in (argument, argument.partition("=")[2])
    ]
    asked = _asks_for_more(draft) or draft.program in ("cpanm", "cpan", "easy_install")
    if asked and any(is_elsewhere(w) for w in words):
        draft.facts.add("installs-remote")


def repository(draft: Draft) -> None:
    """Everybody's vendors have repositories; one without a certificate or a signature could be anybody's."""
    plain = any("http://" in word for word in draft.argv[1:])
    if not _UNVERIFIED.isdisjoint(draft.argv) or (plain and (_asks_for_more(draft) or "apt" in (draft.program or ""))):
        draft.facts.add("installs-remote")


def system(draft: Draft) -> None:
    words = draft.operands
    removing = not _REMOVES.isdisjoint(words[:1]) or (
        draft.program in ("dpkg", "rpm", "pacman", "aptitude")
        and draft.has("-R", "-Rns", "-Rdd", "-P", "-r", "-e", "--erase", "--purge", "--remove")
    )
    needed = not _IGNORING.isdisjoint(draft.argv) or any(
        w in _CRITICAL or is_guard(w) or w.startswith("linux-image") or w in ("*", ".*") for w in words
    )
    if removing and needed and _DRY.isdisjoint(draft.argv):
        draft.facts.add("tampers-guard" if any(map(is_own_guard, words)) else "removes-system-package")
    if any(hook in a for a in draft.argv for hook in _HOOKS):
        draft.facts.add("shell-escape")
    if any("AllowInsecure" in a or "AllowUnauthenticated" in a for a in draft.argv):
        draft.facts.add("installs-remote")
    if not _UNVERIFIED.isdisjoint(draft.argv) or any(w.startswith(("http://", "https://", "ftp://")) for w in words):
        draft.facts.add("installs-remote")
    elif (
        not removing
        and any(w.endswith(_LOCAL) for w in words)
        and not draft.has("-I", "-c", "--info", "-qp", "-K", "--contents")
    ):
        draft.facts.add("installs-local")


def puller(draft: Draft) -> None:
    """ansible-pull: plays from a repository, run here."""
    if is_elsewhere(draft.value("-U", "--url") or ""):
        draft.facts.add("executes-fetched")


EFFECTS: dict[str, Effect] = {
    "ansible-pull": puller,
    **dict.fromkeys(("pip", "pip3", "pipx", "gem", "cargo"), pip),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun"), npm),
    "deno": deno,
    **dict.fromkeys(("npx", "bunx", "pnpx", "uvx"), runner),
    **dict.fromkeys(("go", "bundle"), toolchain),
    **dict.fromkeys(("mvn", "mvnw"), maven),
    **dict.fromkeys(
        names(
            "dotnet nuget ansible-galaxy uv poetry pdm pipenv conda mamba micromamba composer luarocks cpanm cpan brew"
            " nix easy_install rye hatch"
        ),
        direct,
    ),
    **dict.fromkeys(
        names("flatpak yum-config-manager dnf-config-manager add-apt-repository apt-add-repository"), repository
    ),
    **dict.fromkeys(
        names("apt apt-get aptitude dpkg rpm dnf yum pacman zypper apk snap pkg opkg emerge gdebi alien"), system
    ),
}
