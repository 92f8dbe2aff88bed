"""Tools whose objects live elsewhere: git remotes, containers, clusters, clouds, databases, package registries.

Adds facts to drafts. Invariant: for a hosted service the verb decides, wherever it stands among the options, so that an
unknown sub-command of a known tool is still understood.
"""

import re

from gw.defender.shell.draft import Draft
from gw.defender.shell.files import Effect
from gw.defender.shell.paths import is_root, is_startup, normalise

DESTROYING = frozenset(
    "delete destroy remove purge terminate drop flush wipe erase nuke deprovision decommission teardown prune uninstall rm"
    " delete-all force-delete forget revoke deregister obliterate truncate rb".split()
)
_DRY = frozenset(("--dry-run", "--dryrun", "--dry-run=client", "--dry-run=server", "--noop", "--check", "--what-if", "--help", "-h", "--plan"))


def _verbs(draft: Draft) -> list[str]:
    """Words that can be sub-commands: operands before any value that looks like a name or path."""
    return [o for o in draft.operands[:6] if o and not o.startswith(("/", "~", ".", "$"))]


def _is_dry(draft: Draft) -> bool:
    return any(a in _DRY for a in draft.argv[1:])


def _destroys(word: str) -> bool:
    if word in DESTROYING:
        return True
    head = word.partition("-")[0].partition(":")[0]
    return head in ("delete", "destroy", "terminate", "purge", "remove", "deregister", "drop", "revoke", "wipe", "empty") and len(word) > len(head) or word.endswith((":destroy", ":delete", ":remove", ":reset"))


def hosted(draft: Draft) -> None:
    """Any cloud or platform tool: a destroying verb among its sub-commands."""
    if not _is_dry(draft) and any(_destroys(w) for w in _verbs(draft)[:4]):
        draft.facts.add("service-destroys")


def aws(draft: Draft) -> None:
    hosted(draft)
    words = _verbs(draft)
    if words[:2] == ["s3", "sync"] and draft.has("--delete") and not _is_dry(draft):
        draft.facts.add("service-destroys")
    if words[:2] in (["s3", "rm"], ["s3", "rb"]) and not _is_dry(draft):
        draft.facts.add("service-destroys")
    if words[:1] == ["s3"] and len(words) > 1 and words[1] in ("cp", "mv", "sync") and draft.operands[-1].startswith("s3://"):
        draft.facts.add("copies-out")
    if any(w in ("get-secret-value", "get-parameters-by-path", "get-login-password", "get-session-token", "create-access-key", "assume-role", "get-password-data") for w in words):
        draft.facts.add("reads-service-secret")


def secrets_tool(draft: Draft) -> None:
    hosted(draft)
    words = _verbs(draft)
    if any(w in ("read", "get", "access", "show", "export", "list", "print-access-token", "item", "kv", "dump", "versions") for w in words[:4]) and (draft.program in ("vault", "op", "bw", "doppler", "pass", "lpass", "security", "secret-tool", "gopass", "chamber", "keyctl")):
        draft.facts.add("reads-service-secret")
    if draft.program in ("gcloud", "az") and any(w in ("print-access-token", "get-access-token", "access", "application-default", "show-connection-string", "keys") for w in words) and not any(w in ("login",) for w in words):
        if "secret" in words or "secrets" in words or "keys" in words or any("access-token" in w for w in words):
            draft.facts.add("reads-service-secret")


def terraform(draft: Draft) -> None:
    words = _verbs(draft)
    if words[:1] in (["destroy"], ["taint"]) or words[:2] in (["state", "rm"], ["workspace", "delete"], ["state", "push"]) or "destroy" in words[:3] and words[:1] != ["plan"] or (words[:1] in (["apply"], ["up"]) and draft.has("-destroy")):
        draft.facts.add("service-destroys")
    elif words[:1] == ["apply"] and draft.has("-auto-approve", "--auto-approve"):
        draft.facts.add("service-changes")
    elif words[:1] == ["force-unlock"]:
        draft.facts.add("service-destroys")


def kubectl(draft: Draft) -> None:
    words = _verbs(draft)
    if _is_dry(draft):
        return
    if any(w in ("delete", "drain", "uninstall", "replace") for w in words[:3]) and (words[:1] != ["replace"] or draft.has("--force")):
        draft.facts.add("service-destroys")
    elif "scale" in words[:2] and any(a == "--replicas=0" for a in draft.argv):
        draft.facts.add("service-destroys")
    elif "cordon" in words[:2] or "taint" in words[:2]:
        draft.facts.add("service-changes")
    if "get" in words[:2] and any(w.startswith("secret") for w in words) and any(a in ("-o", "--output") or a.startswith(("-o", "--output=")) for a in draft.argv):
        draft.facts.add("reads-service-secret")
    if "proxy" in words[:2] and any("--address" in a for a in draft.argv):
        draft.facts.add("listens")


def helm(draft: Draft) -> None:
    words = _verbs(draft)
    if not _is_dry(draft) and any(w in ("uninstall", "delete", "rollback", "destroy", "del") for w in words[:2]):
        draft.facts.add("service-destroys")


_HOST_MOUNT = re.compile(r"(?:^|source=|src=)(/|/etc|/root|/var/run|/run|/home|/proc|/sys|/dev|/boot)/?(?=[:,]|$)")


def container(draft: Draft) -> None:
    words = _verbs(draft)
    if any(w in ("prune", "rmi") for w in words[:3]) or ("rm" in words[:3] and (draft.has("-f", "--force", "-v") or words[:1] == ["volume"] or words[:2] == ["network", "rm"] or "-q" in " ".join(draft.argv))):
        draft.facts.add("container-destroys")
    if words[:1] == ["compose"] and "down" in words or draft.program == "docker-compose" and "down" in words or draft.program == "podman-compose" and "down" in words:
        if draft.has("-v", "--volumes", "--rmi"):
            draft.facts.add("container-destroys")
    if words[:2] == ["swarm", "leave"] or words[:1] in (["stack"], ["service"], ["node"], ["secret"], ["config"], ["context"]) and "rm" in words[:2]:
        draft.facts.add("container-destroys")
    if words[:2] == ["system", "reset"] or words[:1] in (["kill"],) and draft.has("--all", "-a"):
        draft.facts.add("container-destroys")
    if draft.has("-H", "--host") and "docker.sock" in " ".join(draft.argv):
        draft.facts.add("container-escape")
    if any(w in ("run", "create", "exec", "launch", "init") for w in words[:2]):
        _escape(draft)


def _escape(draft: Draft) -> None:
    """Options that hand the container the machine."""
    argv = draft.argv
    name = next((i for i, a in enumerate(argv) if a in ("run", "create", "exec")), 0)
    last_privileged = False
    i = name + 1
    while i < len(argv):
        word = argv[i]
        if word == "--privileged" or word.startswith("--privileged="):
            last_privileged = word.partition("=")[2].lower() in ("", "true", "1", "t")
        value = word.partition("=")[2] if word.startswith("--") and "=" in word else argv[i + 1] if i + 1 < len(argv) else ""
        option = word.partition("=")[0]
        if option in ("-v", "--volume", "--mount") or (word.startswith("-v") and len(word) > 2):
            value = word[2:] if word.startswith("-v") and len(word) > 2 else value
            source = value.partition(":")[0] if option != "--mount" else value
            if "docker.sock" in source or "containerd.sock" in source or "crio.sock" in source or "podman.sock" in source:
                if source.startswith(("/var/run", "/run", "source=", "src=", "type=")):
                    draft.facts.add("container-escape")
            elif _HOST_MOUNT.search(value[:256]) and not (option != "--mount" and normalise(source) not in ("/", "/etc", "~", "/root", "/proc", "/sys", "/dev", "/boot", "/home", "/var/run", "/run")):
                draft.facts.add("mounts-host")
        elif option in ("--pid", "--userns", "--ipc", "--uts", "--network", "--net") and value == "host":
            if option in ("--pid", "--userns", "--ipc"):
                draft.facts.add("container-escape")
        elif option == "--cap-add" and value.upper().removeprefix("CAP_") in ("SYS_ADMIN", "ALL", "SYS_PTRACE", "SYS_MODULE", "DAC_READ_SEARCH", "SYS_RAWIO"):
            draft.facts.add("container-escape")
        elif option == "--security-opt" and "unconfined" in value:
            draft.facts.add("container-escape")
        elif option == "--device" and value.startswith("/dev/") and not value.startswith(("/dev/dri", "/dev/snd", "/dev/fuse", "/dev/net", "/dev/kvm", "/dev/video", "/dev/tty")):
            draft.facts.add("container-escape")
        if word[:1] != "-" and i > name + 1 and argv[i - 1][:1] != "-":
            break
        i += 1
    if last_privileged:
        draft.facts.add("container-escape")


def lxc(draft: Draft) -> None:
    text = " ".join(draft.argv)
    if "security.privileged=true" in text or ("device" in draft.operands and "source=/" in text):
        draft.facts.add("container-escape")
    if any(w in ("delete", "rm") for w in _verbs(draft)[:2]):
        draft.facts.add("container-destroys")


_SQL_DESTROYS = re.compile(
    r"\b(?:drop\s+(?:database|table|schema|user|role|index|view|collection|tablespace|keyspace)|truncate\s+(?:table\s+)?[\w.`\"]+|delete\s+from\s+[\w.`\"]+\s*(?:;|$|\"|')|delete\s+from\s+[\w.`\"]+\s+where\s+(?:1\s*=\s*1|true)|"
    r"dropdatabase|\.drop\(|dropdatabase\(\)|deletemany\(\s*\{\s*\}|remove\(\s*\{\s*\}|flushall|flushdb|update\s+[\w.`\"]+\s+set\s+[^;]{1,200}?(?:;|$)(?<!where))",
    re.I,
)
_SQL_RUNS = re.compile(r"\bcopy\b.{0,200}\b(?:from|to)\s+program\b|\\!|\bsystem\s|sys_exec|xp_cmdshell|into\s+(?:out|dump)file|\.shell|\.system|load_extension|lo_export|pg_read_file|load_file\(", re.I)


def sql_facts(draft: Draft, text: str) -> None:
    text = text[:1024]
    if _SQL_DESTROYS.search(text) and not re.search(r"update\b.{1,300}\bwhere\b", text, re.I | re.S):
        draft.facts.add("database-destroys")
    if _SQL_RUNS.search(text):
        draft.facts.add("shell-escape")


def database(draft: Draft) -> None:
    for argument in draft.argv[1:]:
        sql_facts(draft, argument)
    if draft.stdin is not None and draft.stdin.text:
        sql_facts(draft, draft.stdin.text)
    if draft.program == "mysqladmin" and "drop" in draft.operands:
        draft.facts.add("database-destroys")


def redis(draft: Draft) -> None:
    words = [w.upper() for w in draft.operands]
    if any(w in ("FLUSHALL", "FLUSHDB", "SHUTDOWN") for w in words) or "CONFIG" in words and "SET" in words or ("DEBUG" in words and "SEGFAULT" in words):
        draft.facts.add("database-destroys")
    if draft.stdin is not None and draft.stdin.text and re.search(r"flush(?:all|db)", draft.stdin.text[:1024], re.I):
        draft.facts.add("database-destroys")
    if "DEL" in words or "UNLINK" in words:
        if "xargs" in draft.wrappers or any("*" in o for o in draft.operands):
            draft.facts.add("database-destroys")


def drop_tool(draft: Draft) -> None:
    draft.facts.add("database-destroys")


def pg_restore(draft: Draft) -> None:
    if draft.has("-c", "--clean"):
        draft.facts.add("database-destroys")


# --- git --------------------------------------------------------------------------------------------------------------

_GIT_VALUED = ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")


def git_words(draft: Draft) -> tuple[str, list[str]]:
    """Return the sub-command and its words, behind git's own options."""
    argv, i = draft.argv, 1
    while i < len(argv):
        word = argv[i]
        if word in _GIT_VALUED:
            i += 2
        elif word[:1] == "-":
            i += 1
        else:
            return word, list(argv[i + 1 :])
    return "", []


def git(draft: Draft) -> None:
    verb, words = git_words(draft)
    options = {w.partition("=")[0] for w in words if w[:1] == "-"}
    letters = {c for w in words if w[:1] == "-" and w[1:2] != "-" for c in w[1:]}
    operands = [w for w in words if w[:1] != "-"]
    dry = "--dry-run" in options or (verb in ("clean", "push", "add", "rm") and "n" in letters)
    facts = draft.facts
    if verb == "reset" and options & {"--hard", "--merge", "--keep"}:
        facts.add("git-discards")
    elif verb == "clean" and not dry and ("f" in letters or "--force" in options):
        facts.add("git-discards")
    elif verb in ("checkout", "switch") and ("f" in letters or options & {"--force", "--discard-changes"} or (verb == "checkout" and ("--" in words or operands[-1:] == ["."]) and not letters & {"b", "B"})):
        facts.add("git-discards")
    elif verb == "restore" and not ("--staged" in options or "S" in letters) or verb == "restore" and ("--worktree" in options or "W" in letters):
        facts.add("git-discards")
    elif verb == "stash" and operands[:1] in (["drop"], ["clear"]):
        facts.add("git-discards")
    elif verb == "push" and not dry:
        _push(draft, words, options, letters, operands)
    elif verb == "branch" and ("D" in letters or ("--delete" in options and "--force" in options) or ("d" in letters and "f" in letters)) or verb == "tag" and ("d" in letters or "--delete" in options):
        facts.add("git-discards")
    elif verb in ("filter-branch", "filter-repo") or verb == "reflog" and operands[:1] in (["expire"], ["delete"]) or verb == "gc" and any(w.startswith("--prune=now") or w == "--prune=all" for w in words) or verb == "update-ref" and "d" in letters or verb == "prune":
        facts.add("git-erases-history")
    elif verb == "worktree" and operands[:1] == ["remove"] and ("f" in letters or "--force" in options) or verb == "submodule" and operands[:1] == ["deinit"] and ("f" in letters or "--all" in options) or verb == "rm" and "r" in letters and "f" in letters and "--cached" not in options:
        facts.add("git-discards")
    elif verb in ("remote",) and operands[:1] in (["set-url"], ["add"]) and operands[:1] == ["set-url"]:
        facts.add("git-redirects")
    elif verb == "config" and any(w.startswith(("core.hooksPath", "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "alias.", "credential.", "filter.", "diff.external", "url.", "protocol.ext", "core.askpass", "sequence.editor", "http.proxy", "gpg.program")) for w in operands) and len(operands) > 1:
        if not any(w.startswith("alias.") for w in operands) or any(w.startswith("!") for w in operands[1:]):
            facts.add("git-hooks-command")
    for i, word in enumerate(words):
        target = word.partition("=")[2] if word.startswith("--output=") else words[i + 1] if word in ("-o", "--output") and i + 1 < len(words) else ""
        if target and verb in ("show", "diff", "log", "archive", "format-patch"):
            target = target.replace("\\", "/")
            draft.writes.append(normalise(target, draft.cwd))
            bare = any(a.startswith(("--git-dir", "--bare")) for a in draft.argv) and "--git-dir=.git" not in draft.argv
            if is_startup(target) and not bare and verb in ("show", "diff", "log"):
                facts.add("git-hooks-command")
    if verb == "archive":
        draft.writes += []


def _push(draft: Draft, words: list[str], options: set[str], letters: set[str], operands: list[str]) -> None:
    if "--force-with-lease" in options and "--force" not in options and "f" not in letters:
        if any(o.startswith("+") for o in operands[1:]):
            draft.facts.add("git-overwrites-remote")
        return
    if options & {"--force", "--mirror", "--delete", "--prune"} or "f" in letters or "d" in letters or any(o.startswith((":", "+")) for o in operands[1:]):
        draft.facts.add("git-overwrites-remote")


def gh(draft: Draft) -> None:
    words = _verbs(draft)
    if any(w in ("delete", "archive", "transfer", "remove", "delete-asset", "disable", "rename") for w in words[1:3]) and not _is_dry(draft):
        draft.facts.add("service-destroys")
    if words[:1] == ["api"] and (draft.value("-X", "--method") or "").upper() == "DELETE":
        draft.facts.add("service-destroys")
    if words[:2] in (["auth", "token"],):
        draft.facts.add("reads-service-secret")
    if words[:2] == ["gist", "create"]:
        draft.facts.add("copies-out")


# --- packages -----------------------------------------------------------------------------------------------------------


def _remote_package(word: str) -> bool:
    return word.startswith(("http://", "git+", "git://", "ssh://")) or (word.startswith("https://") and "github.com" not in word and "gitlab.com" not in word)


def pip(draft: Draft) -> None:
    words = draft.operands
    if words[:1] == ["install"] and any(_remote_package(w) for w in words[1:]) or any(a.startswith(("--index-url=http:", "--extra-index-url=http:", "--trusted-host")) for a in draft.argv):
        draft.facts.add("installs-remote")


def npm(draft: Draft) -> None:
    words = draft.operands
    if words[:1] in (["install"], ["i"], ["add"]) and any(_remote_package(w) for w in words[1:]):
        draft.facts.add("installs-remote")
    if words[:1] in (["unpublish"], ["deprecate"]) or words[:2] in (["owner", "rm"], ["access", "revoke"], ["token", "revoke"]):
        draft.facts.add("service-destroys")


def system_packages(draft: Draft) -> None:
    words = draft.operands
    text = " ".join(draft.argv)
    critical = {"systemd", "libc6", "bash", "coreutils", "sudo", "openssh-server", "linux-image", "apt", "dpkg", "base-files", "init", "glibc", "python3", "passwd", "util-linux", "ufw", "auditd", "clamav", "fail2ban", "apparmor", "selinux-policy", "ca-certificates"}
    if words[:1] in (["remove"], ["purge"], ["autoremove"], ["erase"], ["-R"]) or draft.has("--purge", "-R", "-Rns", "-P", "-r", "--erase") and draft.program in ("apt", "apt-get", "dpkg", "rpm", "pacman", "aptitude"):
        if any(w in critical or w.startswith("linux-image") for w in words):
            draft.facts.add("removes-system-package")
        elif any(w in ("*", ".*") or w.endswith("*") for w in words):
            draft.facts.add("removes-system-package")
    if "Pre-Invoke" in text or "Post-Invoke" in text or "Pre-Install" in text or "Proxy-Auto-Detect" in text or "Changelogs::" in text:
        draft.facts.add("shell-escape")
    if any(a in ("--allow-unauthenticated", "--force-yes", "--nogpgcheck", "--no-gpg-checks", "--nodigest", "--nosignature", "--dangerous") for a in draft.argv):
        draft.facts.add("installs-remote")
    if any(w.startswith(("http://", "https://", "ftp://")) for w in words) and draft.program in ("rpm", "dnf", "yum", "snap", "zypper", "apk", "pkg", "dpkg"):
        draft.facts.add("installs-remote")


_HOSTED = (
    "az gcloud gsutil doctl linode-cli hcloud flyctl fly heroku vercel netlify wrangler supabase firebase railway render pulumi cdk cdktf serverless sls eksctl kops rancher nomad consul ibmcloud oci aliyun tccli scw exo"
    " cf ovhai stripe b2 mc s5cmd s3cmd rclone restic borg velero kafka-topics kafka-topics.sh kafka-configs kafka-delete-records.sh rabbitmqctl rabbitmqadmin nats etcdctl zkCli.sh cockroach influx clickhouse-client es mongosh-admin planetscale pscale"
    " neonctl turso upstash atlas glab bitbucket circleci jenkins-cli argocd flux istioctl kubeadm minikube kind k3d packer vagrant multipass virsh vboxmanage VBoxManage govc esxcli openstack swift nova cinder ansible-galaxy sam copilot amplify eb chalice"
    " auth0 okta twilio sendgrid newrelic pdagent dd-cli datadog-ci sentry-cli launchdarkly ldcli algolia meilisearch pm2 dokku caprover gitlab-runner drone travis buildkite-agent npm-cli-login gem cargo twine"
).split()

EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(_HOSTED, hosted),
    "aws": aws, "gcloud": secrets_tool, "az": secrets_tool, "vault": secrets_tool, "op": secrets_tool, "bw": secrets_tool, "doppler": secrets_tool, "pass": secrets_tool, "lpass": secrets_tool, "security": secrets_tool, "secret-tool": secrets_tool, "gopass": secrets_tool, "chamber": secrets_tool,
    "terraform": terraform, "tofu": terraform, "terragrunt": terraform, "pulumi": terraform, "cdk": terraform, "kubectl": kubectl, "oc": kubectl, "k3s": kubectl, "helm": helm, "helmfile": helm,
    "docker": container, "podman": container, "nerdctl": container, "docker-compose": container, "podman-compose": container, "buildah": container, "ctr": container, "crictl": container, "lxc": lxc, "incus": lxc,
    "psql": database, "mysql": database, "mariadb": database, "sqlite3": database, "sqlite": database, "mongo": database, "mongosh": database, "clickhouse-client": database, "cqlsh": database, "sqlcmd": database, "duckdb": database, "isql": database, "sqlplus": database, "snowsql": database, "bq": hosted, "mysqladmin": database, "cockroach": database, "influx": database,
    "redis-cli": redis, "valkey-cli": redis, "keydb-cli": redis, "dropdb": drop_tool, "dropuser": drop_tool, "pg_dropcluster": drop_tool, "pg_restore": pg_restore,
    "git": git, "gh": gh, "hub": gh, "glab": gh,
    "pip": pip, "pip3": pip, "pipx": pip, "npm": npm, "pnpm": npm, "yarn": npm, "apt": system_packages, "apt-get": system_packages, "aptitude": system_packages, "dpkg": system_packages, "rpm": system_packages, "dnf": system_packages, "yum": system_packages, "pacman": system_packages, "zypper": system_packages, "apk": system_packages, "snap": system_packages, "pkg": system_packages,
}  # fmt: skip
