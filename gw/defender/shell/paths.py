"""What a path means: protected roots, credentials, places that start programs, devices, system folders.

Text only; no file system is asked. Invariant: `..`, `//` and `/./` cannot hide a path, and /root and /home/<name> are
the home folder `~`.
"""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import normpath

from gw.defender.shell.names import names
from gw.defender.shell.stream import GLOB

MAX_PATH = 1024

_HOME = re.compile(r"(?:/home/[^/*?\[]+|/Users/[^/*?\[]+|/root)(?=/|$)|/home/[^/]+(?=/)").match  # one, or each
_NAMED_HOME = re.compile(r"~[a-z_][\w-]{0,31}(?=/|$)").match
_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\}|\([^)]*\)|[@*#?!-])")

_PATTERN = re.compile(r"[*?\[]")

ROOTS = names(
    "/ ~ /home /root /etc /usr /usr/bin /usr/lib /usr/sbin /usr/local /usr/share /bin /sbin /lib /lib32 /lib64 /boot"
    " /var /opt /srv /dev /proc /sys /run /mnt /media /Users /System /Library /Applications /var/lib /var/log"
    " /var/lib/docker /var/lib/dpkg /var/lib/mysql /var/lib/postgresql /var/www /usr/local/bin /usr/local/lib /nix"
    " /snap /etc/ssh /etc/ssl /etc/systemd ~/.ssh ~/.gnupg ~/.config ~/.openclaw ~/Documents ~/Desktop ~/Pictures"
    " ~/.local ~/.openclaw/workspace"
)

# Alternatives behind `~/`; those that name a folder cover everything in it.
_SECRETS_AT_HOME = (
    r"\.ssh/(?:id_[^/]*(?<!\.pub)|identity|[^/]*\.pem|[^/]*key)$", r"\.ssh/?$", r"\.ssh/\*",
    r"\.aws/(?:credentials|config)?$", r"\.aws/(?:sso|cli)/", r"\.aws/?$",
    r"\.netrc", r"\.pgpass", r"\.my\.cnf", r"\.git-credentials", r"\.npmrc", r"\.pypirc", r"\.vault-token", r"\.boto",
    r"\.docker/config\.json", r"\.kube/config", r"\.gnupg(?:/|$)", r"\.password-store", r"\.azure/", r"\.s3cfg",
    r"\.config/(?:gcloud|gh/hosts\.yml|hub|rclone|op|doctl|hcloud|sops|solana|filezilla)", r"\.oci/", r"\.fly/",
    r"\.terraform\.d/credentials", r"\.terraformrc", r"\.cargo/credentials", r"\.gem/credentials", r"\.databrickscfg",
    r"\.config/(?:google-chrome|chromium|BraveSoftware|\w+-edge)[^$]*/(?:Login Data|Cookies|Web Data|Local State)",
    r"\.mozilla/firefox(?:[^$]*(?:logins\.json|key[34]\.db|cookies\.sqlite)|(?:/[^/.]+\.[^/]+)?/?$)",
    r"\.config/(?:google-chrome|chromium|BraveSoftware)(?:/(?:Default|Profile \d+))?/?$",
    r"\.local/share/keyrings", r"\.snowsql",
    r"\.openclaw/(?:credentials|openclaw\.json|auth|agents/[^$]*auth|\.env|secrets|identity|devices)",
    r"\.bitcoin/", r"\.ethereum/", r"\.electrum/", r"\.purple/accounts", r"\.codex/auth", r"\.claude/\.credentials",
    r"\.claude\.json", r"\.vnc/passwd", r"\.local/share/remmina/", r"Library/(?:Keychains|Cookies)/",
    r"Library/Application Support/[^$]*/(?:Login Data|Cookies|logins\.json|key4\.db)",
)  # fmt: skip
_SECRETS_OF_SYSTEM = (
    r"/etc/(?:shadow|gshadow|security/opasswd|master\.passwd|krb5\.keytab|ipsec\.secrets|ppp/(?:chap|pap)-secrets)",
    r"/etc/(?:ssh/ssh_host_[^/]*_key$|openvpn/[^$]*\.key|wireguard/|kubernetes/(?:admin\.conf|pki)|rancher/[^$]*\.yaml)",
    r"/etc/clawgate/(?:keys|secrets|[^/]*\.key)", r"/var/lib/clawgate/[^$]*\.(?:db|key|sqlite)",
    r"/etc/NetworkManager/system-connections",
    r"/var/run/secrets/(?:kubernetes\.io|[^$]*token[^/]*$)", r"/run/secrets/",
    r"/proc/[^/]+/(?:environ|mem$)", r"/proc//(?:environ|mem)$", r"/proc/kcore", r"/dev/k?mem$",
    r"/var/lib/(?:sss/db|samba/private|NetworkManager|kubelet/pki)", r"/etc/wpa_supplicant/[^$]*\.conf",
    r"/etc/(?:mysql/debian\.cnf|openvpn/[^$]*(?:auth|pass|login)[^/]*$)",
    r"/(?:var/)?tmp/krb5cc_", r"/var/lib/jenkins/(?:secrets|credentials\.xml)",
)  # fmt: skip
_SECRET = re.compile("~/(?:" + "|".join(_SECRETS_AT_HOME) + ")|" + "|".join(_SECRETS_OF_SYSTEM))
# Worth protecting wherever they lie; fixtures of a test suite are made to be read.
_PRIVATE = re.compile(
    r"\.env(?:\.(?!example|sample|template|dist)[\w-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|secrets?\.(?:ya?ml|json|txt|env|toml)"
    r"|[\w.-]*(?:priv|secret|server|_key|-key)[\w.-]*\.(?:pem|key)|[\w.-]+\.(?:kdbx|ppk|keystore|jks|p12|pfx|ovpn)|\.htpasswd"
    r"|wp-config\.php|terraform\.tfstate|service-account[\w-]*\.json|passwords?\.(?!(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|cs|php|c|h|cpp|html?|css|scss|vue|svelte|md)$)\w+|wallet\.dat|master\.key|\.dev\.vars|shadow|credentials\.json"
    r"|Login Data|logins\.json|key4\.db|\.(?:bash|zsh|sh|ksh|python|mysql|psql|node_repl|rediscli|sqlite)_history"
)
_FIXTURES = re.compile(r"(?:^|/)(?:testdata|fixtures?|examples?|samples?|tests?|docs)/")
_SECRET_SAMPLES = (
    "/etc/shadow", "/etc/gshadow", "~/.ssh/id_rsa", "~/.ssh/id_ed25519", "~/.aws/credentials", "~/.netrc",
    "~/.git-credentials", "/proc/self/environ",
)  # fmt: skip

_STARTUPS_AT_HOME = (
    r"\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|zlogout|kshrc|cshrc)",
    r"\.(?:tcshrc|login|xinitrc|xsession|xprofile|inputrc|vimrc|emacs|pam_environment|lessfilter|gitconfig|rhosts|shosts)",
    r"\.(?:forward|procmailrc|pythonrc|Rprofile|irbrc|pryrc|lldbinit|ipython/profile|config/ipython|gdbinit|psqlrc|tmux\.conf|screenrc|local/share/systemd)",
    r"\.config/(?:fish/config\.fish|autostart|systemd/user|nvim/init|environment\.d|git)",
    r"\.ssh/(?:authorized_keys2?|rc|environment|config)",
    r"Library/LaunchAgents",
    r"\.vim/(?:plugin|autoload|after|ftplugin)/",
    r"\.oh-my-zsh/custom/",
    r"\.config/(?:nvim/(?:plugin|lua|after)/|openbox/autostart|i3/config|sway/config|hypr/)",
    r"\.local/share/(?:nautilus|nemo|caja)-python/",
)
_STARTUPS_OF_SYSTEM = (
    r"/etc/(?:profile|bash\.bashrc|bashrc|zsh|zshrc|environment|rc\.\w|rc\d?\.d|init\.d|init|inittab|crontab|cron\.|cron/)",
    r"/etc/(?:anacrontab|at\.|systemd(?:/|$)|udev/rules\.d|ld\.so\.preload|ld\.so\.conf|pam\.d|security/|profile\.d|xdg/autostart)",
    r"/etc/(?:update-motd\.d|network/if-|NetworkManager/dispatcher|apt/apt\.conf|logrotate\.d|modules|modprobe|sysctl|skel)",
    r"/etc/(?:default/|hosts\.equiv|ssh/sshd|X11/|sv/)",
    r"/var/spool/(?:cron|at)", r"/(?:usr/)?lib/systemd", r"/usr/local/lib/systemd", r"/run/systemd",
    r"/(?:usr/)?lib/udev", r"/usr/share/autostart", r"/Library/Launch",
)  # fmt: skip
_STARTUP = re.compile("~/(?:" + "|".join(_STARTUPS_AT_HOME) + ")|" + "|".join(_STARTUPS_OF_SYSTEM))
_HOOK = re.compile(
    r"(?:.*/)?(?:site|user)customize\.py$|.*/(?:site|dist)-packages/[^/]+\.pth$|(?:.*/|^)\.git[/\\](?:hooks[/\\](?![\w-]+\.sample$)|config$)"
)
_ACCOUNTS = re.compile(
    r"/etc/(?:passwd|shadow|gshadow|group|sudoers|sudoers\.d|doas\.conf|polkit-1|subuid|subgid|security|login\.defs|nsswitch\.conf)(?:/|$|-)"
)
_SYSTEM = re.compile(
    r"/(?:etc|usr|bin|sbin|lib|lib32|lib64|boot|sys|proc/sys|proc/sysrq-trigger|var/lib/dpkg|var/lib/apt|var/mail|var/spool/mail)(?:/|$)"
)
_DISK = re.compile(
    r"/dev/(?:sd[a-z*?]|hd[a-z]|vd[a-z]|xvd[a-z]|nvme\d|mmcblk|disk|mapper/|md\d|dm-|loop\d|sr\d|ram\d|rdisk|zd\d|nbd|block/|pmem)"
)
_KERNEL = re.compile(
    r"/dev/(?:mem|kmem|port)$|/proc/(?:sysrq-trigger|kcore|sys/kernel/(?:core_pattern|modprobe|randomize_va_space))"
    r"|/sys/(?:kernel|power|firmware)|/[^$]*/release_agent$|/boot(?:/|$)|/selinux/"
)
_LOGS = re.compile(
    r"/var/log(?:/|$)|/var/run/utmp|/run/utmp|~/\.(?:bash|zsh|sh|ash|ksh|python|mysql|psql|node_repl|lesshst)_?history"
    r"|.*\.bash_history$|~/\.histfile|~/\.lesshst|~/\.local/share/fish/fish_history"
)
# In the agent's workspace only what it is told at every start and its skills; the rest is its desk and diary.
_GUARDS = re.compile(
    r"~/\.openclaw(?:/(?!workspace[\w-]*(?:/|$))|/workspace[\w-]*/(?:(?:SOUL|AGENTS|TOOLS|IDENTITY|USER|HEARTBEAT|BOOT)\.md|skills)|/?$)"
    r"|~/\.(?:defenseclaw|clawgate)(?:/|$)|/(?:etc|var/lib|usr/lib|var/log|opt)/clawgate"
)
# Read by an agent at every start: what it is told, the servers it talks to, what it may do without asking.
_STEERING_FILES = names(
    "SOUL.md HEARTBEAT.md AGENTS.md CLAUDE.md CLAUDE.local.md GEMINI.md copilot-instructions.md .cursorrules"
    " .windsurfrules .clinerules .mcp.json mcp.json mcp_config.json mcp_settings.json claude_desktop_config.json"
    " .claude.json"
)
_STEERING = re.compile(
    r"(?:.*/)?\.(?:claude/(?:settings[\w.]{0,32}\.json|(?:hooks|commands|agents|skills)/)|cursor/(?:rules|hooks)"
    r"|codex/config\.toml$|gemini/settings\.json$|config/opencode/[^/]*\.json$|continue/config\.)"
)
_DATA = (
    ".db", ".sqlite", ".sqlite3", ".sql", ".mdb", ".env", ".key", ".pem", ".tfstate", ".dump", ".bak", ".csv", ".yaml",
    ".yml", ".json", ".toml", ".conf", ".ini", ".py", ".js", ".ts", ".go", ".rs", ".c", ".java",
)  # fmt: skip
_DATA_HOMES = (
    "/var/lib/mysql/", "/var/lib/postgresql/", "/var/lib/mongodb/", "/var/lib/redis/", "/var/lib/etcd/",
    "/var/lib/docker/",
)  # fmt: skip
# Whoever puts another program in the place of one of these sees passwords, or hides what runs.
TRUSTED = names(
    "sudo su ssh scp login passwd ls ps top ss netstat lsof find cat id who w df du grep kill pgrep crontab gpg"
)
ANYBODYS = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108  compared, not opened: folders where anybody may write
_TEMPORARY = re.compile(r"/(?:tmp|var/tmp|dev/shm|private/tmp)/[^/]|/dev/null$")
_ARTEFACTS = names(
    "node_modules dist build target __pycache__ .pytest_cache .mypy_cache .ruff_cache .tox .nox .cache coverage"
    " htmlcov .coverage .next .nuxt .turbo .parcel-cache .gradle .eggs .venv venv out .terraform .sass-cache"
    " bower_components tmp temp .tmp site-packages obj _build .angular .svelte-kit .output .serverless .nyc_output .nx"
    " .vite .swc .astro .docusaurus .dart_tool .hypothesis .ipynb_checkpoints cmake-build-debug cmake-build-release"
    " test-results playwright-report storybook-static DerivedData _site package-lock.json yarn.lock pnpm-lock.yaml"
)


@lru_cache(maxsize=2048)
def normalise(path: str, cwd: str | None = None) -> str:
    """Resolve dots, doubled slashes and the home folder as text; relative paths are joined to a known *cwd*."""
    if len(path) > MAX_PATH:
        path = path[:MAX_PATH]
    if path.startswith("file://"):
        path = path[7:]
    for home in ("$HOME", "${HOME}"):
        if path.startswith(home) and path[len(home) : len(home) + 1] in ("", "/"):
            path = "~" + path[len(home) :]
    if path[:1] == "~" and (named := _NAMED_HOME(path)):
        path = "~" + path[named.end() :]
    if cwd is not None and path[:1] not in ("/", "~", "$", "") and (cwd[:1] in ("/", "~")):
        path = cwd.rstrip("/") + "/" + path
    if not path:
        return path
    if "/" in path or path in (".", ".."):
        slash = path[-1] == "/" and len(path) > 1
        climbs = path.startswith("~/..")
        path = normpath(("/home/user" + path[1:]) if climbs else path)
        if path.startswith("//"):
            path = path[1:]
        if slash and path == ".":
            path = "./"
    if home_folder := _HOME(path):
        path = "~" + path[home_folder.end() :]
    return path


def is_root(path: str) -> bool:
    """A normalised path that is a protected root, or everything directly in one (`/etc/*`, `~/.*`)."""
    if path in ROOTS:
        return True
    head, slash, last = path.rpartition("/")
    if slash and last and (set(last) <= {"*", ".", "?"} or last in ("{*,.*}", ".[!.]*", ".[^.]*", "..?*")):
        return (head or "/") in ROOTS
    return False


def is_secret(path: str, marks: int = 0) -> bool:
    if "$" in path:
        path = ("~" if path[0] == "$" else "") + _VARIABLE.sub("", path)  # somebody's home, as likely as not
    if not path.startswith(("/", "~")):
        if path[:1] == "@":  # `tool @file` reads its arguments there
            return is_secret(path[1:], marks)
        return path in (".ssh/id_rsa", ".ssh/id_ed25519", ".aws/credentials")
    if marks & GLOB and len(path) > 4:
        fixed = _PATTERN.split(path, 1)[0]
        for sample in _SECRET_SAMPLES:
            if sample.startswith(fixed) and fnmatchcase(sample, path):
                return True
    return _SECRET.match(path, 0, MAX_PATH) is not None


def is_private(path: str) -> bool:
    """Worth protecting when it leaves the machine, ordinary to read."""
    name = path.rpartition("/")[2]
    return _PRIVATE.fullmatch(name, 0, MAX_PATH) is not None and _FIXTURES.search(path, 0, MAX_PATH) is None


def is_ordinary(path: str) -> bool:
    """A relative path that is neither git's own nor a history: none of the questions below is answered with yes."""
    return not path.startswith(("/", "~", "$")) and ".git" not in path and "history" not in path


def is_startup(path: str) -> bool:
    return _STARTUP.match(path, 0, MAX_PATH) is not None or _HOOK.match(path, 0, MAX_PATH) is not None


def at_some_home(path: str) -> str:
    """A path below a folder that is not known: somebody's home, as likely as not (`$h/.bashrc`)."""
    at = path.find("/.") if "/." in path else path.rfind("/")
    return "~" + path[at:] if at > 0 else path


def is_stand_in(path: str) -> bool:
    """A program of the user's own that is found before the system's, and bears the name of one people trust."""
    folder, _, name = path.rpartition("/")
    return folder in ("~/bin", "~/.local/bin") and name in TRUSTED


def is_account(path: str) -> bool:
    return _ACCOUNTS.match(path, 0, MAX_PATH) is not None


def is_system(path: str) -> bool:
    return _SYSTEM.match(path, 0, MAX_PATH) is not None


def is_disk(path: str) -> bool:
    return _DISK.match(path, 0, MAX_PATH) is not None


def is_kernel(path: str) -> bool:
    return _KERNEL.match(path, 0, MAX_PATH) is not None


def is_log(path: str) -> bool:
    return _LOGS.match(path, 0, MAX_PATH) is not None


def is_guard(path: str) -> bool:
    return _GUARDS.match(path, 0, MAX_PATH) is not None and "/logs/" not in path


def is_steering(path: str) -> bool:
    if path.rpartition("/")[2] in _STEERING_FILES:
        return True
    return (path[:1] == "." or "/." in path) and _STEERING.match(path, 0, MAX_PATH) is not None


def is_data(path: str) -> bool:
    """Where data or settings live, by its name."""
    return path.endswith(_DATA) or path.startswith(_DATA_HOMES)


def is_temporary(path: str) -> bool:
    """Something inside a temporary folder, or a build artefact that is made again."""
    if _TEMPORARY.match(path, 0, MAX_PATH) is not None:
        return True
    path = path.removeprefix("~/.openclaw/workspace/")
    if path[:1] in ("/", "~", "$") or path.startswith(".."):
        return False
    parts = path.rstrip("/*").split("/")
    return not _ARTEFACTS.isdisjoint(parts) or parts[-1].endswith((".egg-info", ".o", ".pyc", ".tmp"))
