"""Tools whose objects live elsewhere: clouds, clusters, infrastructure code, forges, secret stores.

Adds facts to drafts. Invariant: the verb decides, wherever it stands among the options, so that an unknown sub-command
of a known tool is still understood; a dry run destroys nothing.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.databases import grade
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_private, is_secret
from gw.defender.shell.registries import is_elsewhere
from gw.defender.shell.verbs import destroys, grants, is_dry

_PASS_VERBS = names("generate insert edit init git ls list rm cp mv find search version help")
_TOKENS = frozenset(("print-access-token", "get-access-token", "print-identity-token", "show-connection-string"))
_AWS_GRANTS = re.compile(
    r"(?:attach|put)-(?:user|role|group)-policy|put-bucket-(?:acl|policy)|put-object-acl|(?:create|update)-login-profile"
    r"|update-assume-role-policy|add-user-to-group|modify-(?:snapshot|image)-attribute|add-permission"
    r"|create-access-key|create-key-pair|import-key-pair|create-user|change-resource-record-sets|create-policy-version"
    r"|(?:delete|put)-public-access-block|deactivate-mfa-device|create-resource-share"
)
_MADE_PUBLIC = ("0.0.0.0/0", "public-read", "allUsers", "--publicly-accessible", 'Principal":"*"', 'Principal": "*"')
_AWS_STOPS = names("leave stop disable suspend deactivate reboot cancel release detach disassociate")
_AWS_SECRETS = names(
    "get-secret-value get-parameters-by-path get-session-token create-access-key get-password-data"
    " get-login-password batch-get-secret-value get-federation-token export-credentials"
    " assume-role assume-role-with-web-identity generate-db-auth-token"
)


_COPIERS = names("aws gsutil gcloud rclone s3cmd s5cmd mc b2 azcopy oci")
_COPYING = names("cp mv sync copy move copyto moveto put rsync mirror upload-file")
MAX_MANIFEST = 4096  # characters that are looked at
# In a manifest: the pod gets the rights, processes or files of the machine it runs on.
_OF_THE_NODE = ('"privileged":', "privileged: true", "hostPID", "hostPath")
_ANYWHERE = ("0.0.0.0/0", "*", "Internet", "Any")
_STORES = names("s3 storage os object")
_REMOTE = re.compile(r"(?:s3|gs|b2|az|https?)://|[\w.-]{2,64}:(?!\\)")
_AWS_FLAGS = names(
    "--debug --no-verify-ssl --no-paginate --no-sign-request --no-cli-pager --cli-auto-prompt --no-cli-auto-prompt"
    " --recursive --quiet --force --delete --dryrun --only-show-errors"
)
_RESETS = names("rabbitmqctl kubeadm minikube railway nats consul supabase")
_RESETTING = names("reset force_reset down leave")
# Sub-commands that print a credential or a set of them.
_LISTS_SECRETS = {
    "heroku": names("config config:get auth:token"),
    "railway": names("variables"),
    **dict.fromkeys(("fly", "flyctl"), names("tokens token")),
    "vercel": names("pull"),
    "netlify": names("env:list env:get"),
    "firebase": names("login:ci"),
    "eb": names("printenv"),
    "rclone": names("show dump reveal"),
}
_DECRYPTS = {"sops": names("-d --decrypt decrypt exec-env exec-file"), "ansible-vault": names("view decrypt edit")}


_ANY_ADDRESS = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])")
_SHOWS = frozenset(("--show-secrets", "--reveal", "--show-values"))
# With one of these, a text among the words is a statement for a database.
_QUERYING = names(
    "query sql shell psql pg:psql d1 execute-sql execute-statement start-query-execution --query-string --sql --command"
)


def _verbs(draft: Draft) -> list[str]:
    """Words that can be sub-commands: the first operands, up to one that looks like a path."""
    if draft.program == "aws":
        return _service_and_command(draft.argv)
    return [o for o in draft.operands[:6] if o and o[0] not in "/~.$"]


def _service_and_command(argv: Sequence[str]) -> list[str]:
    """aws: its sub-commands stand among options of its own, nearly all of which take a value."""
    words: list[str] = []
    for before, word in pairwise(argv):
        if word[:1] != "-" and (before[:2] != "--" or "=" in before or before in _AWS_FLAGS):
            words.append(word)
    return words[:3]


def service(draft: Draft) -> None:
    """Any cloud or platform tool."""
    if is_dry(draft):
        return
    verbs = _verbs(draft)
    if verbs[:1] == ["help"]:
        return
    if draft.program == "gsutil" and draft.has("-n"):
        return
    if draft.program in _COPIERS and not _COPYING.isdisjoint(verbs[:3]):
        _copies(draft)
    if (
        any(destroys(w) for w in verbs[:4])
        or draft.has("--delete", "--purge", "-purge", "--prune")
        or (draft.program in _RESETS and not _RESETTING.isdisjoint(verbs[:3]))
    ):
        draft.facts.add("service-destroys")
    elif draft.program in _LISTS_SECRETS and not _LISTS_SECRETS[draft.program].isdisjoint(verbs[:3]):
        draft.facts.add("reads-service-secret")
    elif draft.program == "gsutil" and "rsync" in verbs[:2] and draft.has("-d"):
        draft.facts.add("service-destroys")
    elif draft.program == "gsutil" and any(w in ("iam", "acl", "defacl") for w in verbs[:1]) and "ch" in verbs[:2]:
        draft.facts.add("service-grants")
    elif draft.program == "rclone" and draft.operands[:1] in (["sync"], ["move"]):
        draft.facts.add("service-changes")
    if grants(verbs) or (
        any("firewall" in verb for verb in verbs[:3]) and any(_ANY_ADDRESS.search(a, 0, 256) for a in draft.argv[3:])
    ):
        draft.facts.add("service-grants")
    if not _SHOWS.isdisjoint(draft.flags):
        draft.facts.add("reads-service-secret")
    if not _QUERYING.isdisjoint(draft.argv[1:]):
        for word in draft.argv[2:]:
            if " " in word:
                grade(draft, word)


def _copies(draft: Draft) -> None:
    """What is copied to a bucket or another machine leaves this one; what is only moved about there does not."""
    places = [o for o in draft.operands if o not in _COPYING and o not in _STORES]
    local = [place for place in places if not _REMOTE.match(place)]
    if len(local) == len(places) or not local or places[0] != local[0]:
        return
    paths = draft.paths(local)
    draft.reads += paths
    draft.facts.add("sends-secret" if any(is_secret(p) or is_private(p) for p in paths) else "copies-out")


def aws(draft: Draft) -> None:
    if draft.argv[-1] == "help":
        return
    service(draft)
    words = _verbs(draft)
    if words[:2] == ["s3", "sync"] and draft.has("--delete") and not is_dry(draft):
        draft.facts.add("service-destroys")
    configured = words[:2] == ["configure", "get"] and "".join(words[2:]).endswith(
        ("secret_access_key", "session_token")
    )
    if configured or not _AWS_SECRETS.isdisjoint(words) or draft.has("--with-decryption"):
        draft.facts.add("reads-service-secret")
    if is_dry(draft):
        return
    public = any(sign in a for a in draft.argv[3:] for sign in _MADE_PUBLIC) or draft.value("--auth-type") == "NONE"
    asks = any(w.startswith(("describe-", "list-", "get-", "ls")) for w in words[1:2])
    if any(_AWS_GRANTS.fullmatch(w, 0, 64) for w in words[1:3]) or (public and not asks):
        draft.facts.add("service-grants")
    elif draft.value("--desired-count", "--desired-capacity") == "0" or any(
        (w.partition("-")[0] in _AWS_STOPS and "-" in w) or w.startswith("put-bucket-") for w in words[1:2]
    ):
        draft.facts.add("service-changes")


def cloud(draft: Draft) -> None:
    """gcloud and az, which also hand out tokens, secrets and rights."""
    service(draft)
    words = draft.operands
    if words[:1] == ["help"]:
        return
    if words[:2] == ["storage", "blob"] and words[2:3] in (["upload"], ["upload-batch"], ["sync"]):
        draft.facts.add("copies-out")
    if any(w in ("stop", "deallocate", "suspend", "disable") for w in words[1:4]):
        draft.facts.add("service-changes")
    granted = draft.has("--add-permissions") or any(
        w in ("add-iam-policy-binding", "set-iam-policy", "create-for-rbac") for w in words[1:]
    )
    opened = (draft.value("--source-ranges", "--source-address-prefixes", "--authorized-networks") or "") in _ANYWHERE
    opened = opened or draft.value("--start-ip-address") == "0.0.0.0"  # noqa: S104  compared, not bound
    opened = opened or draft.value("--public-access", "--allow-blob-public-access") in ("blob", "container", "true")
    if (
        granted
        or opened
        or (words[:1] == ["ad"] and draft.has("--password"))
        or words[:3] in (["role", "assignment", "create"], ["ad", "app", "credential"], ["ad", "sp", "credential"])
        or words[:4] == ["iam", "service-accounts", "keys", "create"]
    ):
        draft.facts.add("service-grants")
    secrets = any(w in ("secret", "secrets", "keys", "keyvault") for w in words[:4])
    if {"appsettings", "connection-string"} & {*words} or words[:3] == ["acr", "credential", "show"]:
        draft.facts.add("reads-service-secret")
    shown = ("access", "show", "list", "download") if "keys" in words else ("access", "show", "download")
    if not _TOKENS.isdisjoint(words) or (secrets and any(w in shown for w in words[1:])):
        draft.facts.add("reads-service-secret")


_WHO_MAY = ("auth/", "sys/auth", "sys/policy", "sys/policies", "identity/")


def secret_store(draft: Draft) -> None:
    service(draft)
    reading = (
        "read",
        "get",
        "show",
        "export",
        "item",
        "kv",
        "dump",
        "unwrap",
        "find-generic-password",
        "find-internet-password",
        "dump-keychain",
        "lookup",
        "search",
        "print",
    )
    words = draft.operands
    stores = draft.program in ("pass", "gopass") and words[:1] and words[0] not in _PASS_VERBS
    if (draft.program == "vault" and words[:2] in (["token", "create"], ["policy", "write"], ["auth", "enable"])) or (
        draft.program == "security" and words[:1] == ["add-trusted-cert"]
    ):
        draft.facts.add("service-grants")
    if draft.program == "vault" and words[:1] == ["write"] and words[1:2] and words[1].startswith(_WHO_MAY):
        draft.facts.add("service-grants")
    if draft.program == "vault" and words[1:2] in (["disable"], ["seal"], ["rekey"]):
        draft.facts.add("service-destroys")
    listed = words[:1] in (["list"], ["secrets"]) and draft.program in ("bw", "doppler")
    only_names = words[:2] == ["kv", "list"] or words[:1] == ["list"]
    shown = draft.program == "kwallet-query" and draft.has("-r", "--read-password")
    if (any(w in reading for w in words[:3]) and not only_names) or stores or listed or shown:
        draft.facts.add("reads-service-secret")


def terraform(draft: Draft) -> None:
    words = _verbs(draft)
    if not {"--help", "-help", "-h"}.isdisjoint(draft.argv):
        return
    if draft.has("--show-secrets"):
        draft.facts.add("reads-service-secret")
    if (
        (
            words[:1] not in (["plan"], ["preview"])
            and (not {"destroy", "down"}.isdisjoint(words[:3]) or draft.has("-destroy", "--destroy"))
        )
        or words[:2]
        in (["state", "rm"], ["state", "delete"], ["workspace", "delete"], ["state", "push"], ["stack", "rm"])
        or words[:1]
        in (
            ["taint"],
            ["force-unlock"],
        )
    ):
        draft.facts.add("service-destroys")
    elif draft.has("-auto-approve", "--auto-approve", "--yes", "-y") and words[:1] in (["apply"], ["up"], ["deploy"]):
        draft.facts.add("service-changes")


def _is_strange(manifest: str) -> bool:
    return is_elsewhere(manifest) and "k8s.io/" not in manifest


def kubectl(draft: Draft) -> None:
    words = _verbs(draft)
    if is_dry(draft) or words[:1] in (["auth"], ["explain"]):
        return
    if (
        any(w in ("delete", "drain") for w in words[:3])
        or ("replace" in words[:2] and draft.has("--force"))
        or ("scale" in words[:2] and (draft.value("--replicas") or "") == "0")
    ):
        draft.facts.add("service-destroys")
    if words[:1] == ["debug"] and any(w.startswith("node/") for w in words[1:]):
        draft.facts.add("container-escape")
    if (
        (words[:1] in (["edit"], ["patch"]) and any("role" in w for w in words[1:2]))
        or (words[:1] == ["label"] and any(w.endswith("=privileged") for w in words))
        or (words[:1] == ["annotate"] and any("role-arn=" in w or "gcp-service-account=" in w for w in words))
        or grants(words)
    ):
        draft.facts.add("service-grants")
    if words[:1] == ["create"] and words[1:2] in (["clusterrolebinding"], ["rolebinding"]):
        draft.facts.add("service-grants")
    if (
        words[:2] == ["rollout", "undo"]
        or any(w.endswith(":NoExecute") for w in words)
        or any("finalizers" in a for a in draft.argv[1:])
    ):
        draft.facts.add("service-changes")
    if words[:1] == ["apply"] and draft.has("--prune"):
        draft.facts.add("service-destroys")
    if words[:1] in (["apply"], ["create"], ["replace"]) and _is_strange(draft.value("-f", "--filename", "-k") or ""):
        draft.facts.add("installs-remote")
    if (words[:2] == ["config", "view"] and draft.has("--raw")) or words[:2] == ["create", "token"]:
        draft.facts.add("reads-service-secret")
    if "get" in words[:2] and any(w.startswith("secret") for w in words) and (draft.has("-o", "--output")):
        draft.facts.add("reads-service-secret")
    if "--privileged" in draft.argv or "--privileged=true" in draft.argv:
        draft.facts.add("container-escape")
    given = draft.stdin.text[:MAX_MANIFEST] if draft.stdin is not None and draft.stdin.text else ""
    if any(sign in text for text in (*draft.argv[1:], given) for sign in _OF_THE_NODE):
        draft.facts.add("container-escape")
    if words[:1] in (["proxy"], ["port-forward"]) and "0.0.0.0" in (draft.value("--address") or ""):  # noqa: S104  read
        draft.facts.add("listens")


def helm(draft: Draft) -> None:
    if not is_dry(draft) and any(w in ("uninstall", "delete", "rollback", "destroy", "del") for w in _verbs(draft)[:2]):
        draft.facts.add("service-destroys")
    if draft.operands[:1] in (["install"], ["upgrade"], ["plugin"], ["pull"], ["repo"]) and any(
        word.startswith("http://") or (draft.operands[0] == "plugin" and is_elsewhere(word))
        for word in draft.operands[1:]
    ):
        draft.facts.add("installs-remote")


# Who may do what, and what is run or told when something happens there.
_RIGHTS_AT_FORGE = re.compile(
    r"/(?:protection|rulesets|collaborators|memberships|keys|hooks|invitations|permissions)(?:/|$)"
)


def _adds_key(words: Sequence[str]) -> bool:
    """`ssh-key add`, `repo deploy-key add`."""
    return any(word.endswith("-key") and following == "add" for word, following in pairwise(words[:4]))


def forge(draft: Draft) -> None:
    """gh, glab and the like."""
    words = _verbs(draft)
    changing = ("delete", "archive", "transfer", "remove", "delete-asset", "disable", "rename")
    if any(w in changing for w in words[0 if draft.program == "hub" else 1 : 3]) and not is_dry(draft):
        draft.facts.add("service-destroys")
    method = (draft.value("-X", "--method") or "").upper() if words[:1] == ["api"] else ""
    if method == "DELETE":
        draft.facts.add("service-destroys")
    elif method and any(_RIGHTS_AT_FORGE.search(o, 0, 256) for o in draft.operands[1:]):
        draft.facts.add("service-grants")
    if words[:2] == ["api", "graphql"] and any("mutation" in a and "delete" in a for a in draft.argv[3:]):
        draft.facts.add("service-destroys")
    if words[:2] == ["pr", "merge"] and draft.has("--admin"):
        draft.facts.add("skips-approval")
    if words[:2] == ["repo", "edit"] and "public" in (draft.value("--visibility") or ""):
        draft.facts.add("service-grants")
    if words[:2] == ["repo", "add-collaborator"] or _adds_key(words):
        draft.facts.add("service-grants")
    if words[:2] == ["auth", "token"] or (words[:2] == ["auth", "status"] and draft.has("-t", "--show-token")):
        draft.facts.add("reads-service-secret")
    if words[:2] == ["gist", "create"]:
        draft.facts.add("copies-out")


def restic(draft: Draft) -> None:
    losing = ("forget", "prune", "delete", "purge", "remove")
    if not is_dry(draft) and any(w in losing or w.startswith("remove-") for w in draft.operands[:2]):
        draft.facts.add("service-destroys")


def playbook(draft: Draft) -> None:
    """`ansible hosts -m file -a 'path=x state=absent'`: on every host at once."""
    if any("state=absent" in a for a in draft.argv[2:]) and not draft.has("-C", "--check"):
        draft.facts.add("service-destroys")


def decrypt(draft: Draft) -> None:
    """sops, ansible-vault: what is kept encrypted would be shown, or handed on."""
    if not _DECRYPTS[draft.program or ""].isdisjoint(draft.argv[1:3]):
        draft.facts.add("reads-service-secret")


def subsystem(draft: Draft) -> None:
    """WSL: a whole distribution goes with its disk."""
    if draft.has("--unregister"):
        draft.facts.add("service-destroys")


_SERVICES = names(
    "gsutil doctl linode-cli hcloud flyctl fly heroku vercel netlify wrangler supabase firebase railway render"
    " serverless sls eksctl kops rancher nomad consul ibmcloud oci aliyun tccli tencentcli scw exo cf ovhai stripe b2"
    " mc s5cmd s3cmd rclone velero kafka-topics kafka-topics.sh kafka-configs kafka-delete-records.sh"
    " kafka-consumer-groups kafka-consumer-groups.sh flarectl rabbitmqctl"
    " rabbitmqadmin nats etcdctl zkCli.sh planetscale pscale neonctl turso upstash atlas circleci argocd flux"
    " istioctl kubeadm minikube kind k3d packer vagrant multipass virsh vboxmanage VBoxManage prlctl govc esxcli"
    " openstack swift nova cinder sam copilot amplify eb auth0 okta twilio newrelic datadog-ci sentry-cli ldcli"
    " algolia meilisearch dokku caprover gitlab-runner drone travis bq buildkite-agent twine"
    " jenkins-cli azcopy consul-template kn odo tkn cilium linkerd crossplane dagger proxmox-backup-client pvesh qm"
    " ceph rados rbd gluster snapper vultr-cli upcloud civo linstor atlas-cli"
)

EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(_SERVICES, service),
    "aws": aws,
    **dict.fromkeys(("gcloud", "az"), cloud),
    **dict.fromkeys(
        names("vault op bw doppler pass lpass security secret-tool gopass chamber keyctl kwallet-query"), secret_store
    ),
    **dict.fromkeys(names("terraform tofu terragrunt pulumi cdk cdktf"), terraform),
    **dict.fromkeys(names("kubectl oc k3s microk8s"), kubectl),
    **dict.fromkeys(("helm", "helmfile"), helm),
    **dict.fromkeys(names("gh hub glab tea"), forge),
    **dict.fromkeys(("restic", "borg", "kopia", "duplicity"), restic),
    "ansible": playbook,
    **dict.fromkeys(_DECRYPTS, decrypt),
    **dict.fromkeys(("wsl", "wsl.exe"), subsystem),
}
