"""Tools whose objects live elsewhere: clouds, clusters, infrastructure code, forges, secret stores.

Adds facts to drafts. Invariant: the verb decides, wherever it stands among the options, so that an unknown sub-command
of a known tool is still understood; a dry run destroys nothing.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

_DESTROYING = names(
    "delete destroy remove purge terminate drop flush wipe erase nuke deprovision decommission teardown uninstall rm"
    " rb del obliterate truncate forget deregister force-delete delete-all cancel-all revoke disable-all drain shred"
    " expunge undeploy"
)
_DESTROYING_STEMS = names("delete destroy terminate purge remove deregister drop revoke wipe empty")
_DESTROYING_TAILS = (":destroy", ":delete", ":remove", ":reset", ":rm", "-delete")
_DRY = names(
    "--dry-run --dryrun --dry-run=client --dry-run=server --noop --check --what-if --help -h --plan --plan-only"
)
_PASS_VERBS = names("generate insert edit init git ls list rm cp mv find search version help")
_TOKENS = frozenset(("print-access-token", "get-access-token", "print-identity-token", "show-connection-string"))
_AWS_SECRETS = names(
    "get-secret-value get-parameters-by-path get-session-token create-access-key get-password-data"
    " get-login-password batch-get-secret-value get-federation-token"
)


def _verbs(draft: Draft) -> list[str]:
    """Words that can be sub-commands: the first operands, up to one that looks like a path."""
    return [o for o in draft.operands[:6] if o and o[0] not in "/~.$"]


def _is_dry(draft: Draft) -> bool:
    return any(a in _DRY for a in draft.argv[1:])


def _destroys(word: str) -> bool:
    if word in _DESTROYING or word.endswith(_DESTROYING_TAILS):
        return True
    stem = word.replace("_", "-").partition("-")[0]
    return len(stem) < len(word) and stem in _DESTROYING_STEMS


def service(draft: Draft) -> None:
    """Any cloud or platform tool."""
    if _is_dry(draft):
        return
    if any(_destroys(w) for w in _verbs(draft)[:4]) or draft.has("--delete", "--purge"):
        draft.facts.add("service-destroys")
    elif draft.program == "rclone" and draft.operands[:1] in (["sync"], ["move"]):
        draft.facts.add("service-changes")


def aws(draft: Draft) -> None:
    service(draft)
    words = _verbs(draft)
    if words[:2] == ["s3", "sync"] and draft.has("--delete") and not _is_dry(draft):
        draft.facts.add("service-destroys")
    if words[:1] == ["s3"] and draft.operands[-1].startswith("s3://"):
        draft.reads += draft.paths(draft.operands[2:-1])
    if not _AWS_SECRETS.isdisjoint(words):
        draft.facts.add("reads-service-secret")


def cloud(draft: Draft) -> None:
    """gcloud and az, which also hand out tokens and secrets."""
    service(draft)
    words = draft.operands
    secrets = any(w in ("secret", "secrets", "keys", "keyvault") for w in words[:4])
    if not _TOKENS.isdisjoint(words) or (
        secrets and any(w in ("access", "show", "list", "download") for w in words[1:])
    ):
        draft.facts.add("reads-service-secret")


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
        "dump-keychain",
        "lookup",
        "print",
    )
    words = draft.operands
    stores = draft.program in ("pass", "gopass") and words[:1] and words[0] not in _PASS_VERBS
    if any(w in reading for w in words[:3]) or stores:
        draft.facts.add("reads-service-secret")


def terraform(draft: Draft) -> None:
    words = _verbs(draft)
    if (
        (words[:1] != ["plan"] and ("destroy" in words[:3] or draft.has("-destroy", "--destroy")))
        or words[:2] in (["state", "rm"], ["workspace", "delete"], ["state", "push"], ["stack", "rm"])
        or words[:1]
        in (
            ["taint"],
            ["force-unlock"],
        )
    ):
        draft.facts.add("service-destroys")
    elif draft.has("-auto-approve", "--auto-approve", "--yes", "-y") and words[:1] in (["apply"], ["up"], ["deploy"]):
        draft.facts.add("service-changes")


def kubectl(draft: Draft) -> None:
    words = _verbs(draft)
    if _is_dry(draft):
        return
    if (
        any(w in ("delete", "drain") for w in words[:3])
        or ("replace" in words[:2] and draft.has("--force"))
        or ("scale" in words[:2] and "--replicas=0" in draft.argv)
    ):
        draft.facts.add("service-destroys")
    if "get" in words[:2] and any(w.startswith("secret") for w in words) and (draft.has("-o", "--output")):
        draft.facts.add("reads-service-secret")
    if any('"privileged":' in a or "hostPID" in a or "hostPath" in a for a in draft.argv[1:]):
        draft.facts.add("container-escape")
    if "proxy" in words[:2] and any(a.startswith("--address") for a in draft.argv):
        draft.facts.add("listens")


def helm(draft: Draft) -> None:
    if not _is_dry(draft) and any(
        w in ("uninstall", "delete", "rollback", "destroy", "del") for w in _verbs(draft)[:2]
    ):
        draft.facts.add("service-destroys")


def forge(draft: Draft) -> None:
    """gh, glab and the like."""
    words = _verbs(draft)
    changing = ("delete", "archive", "transfer", "remove", "delete-asset", "disable", "rename")
    if any(w in changing for w in words[1:3]) and not _is_dry(draft):
        draft.facts.add("service-destroys")
    if words[:1] == ["api"] and (draft.value("-X", "--method") or "").upper() == "DELETE":
        draft.facts.add("service-destroys")
    if words[:2] == ["auth", "token"]:
        draft.facts.add("reads-service-secret")
    if words[:2] == ["gist", "create"]:
        draft.facts.add("copies-out")


def restic(draft: Draft) -> None:
    if not _is_dry(draft) and any(w in ("forget", "prune", "delete", "purge", "remove") for w in draft.operands[:2]):
        draft.facts.add("service-destroys")


def agent(draft: Draft) -> None:
    """Coding agents started without their own questions."""
    yes = ("--dangerously-skip-permissions", "--yolo", "--full-auto", "--dangerously-bypass-approvals-and-sandbox")
    if draft.has(*yes) or (draft.program == "gemini" and "-y" in draft.argv):
        draft.facts.add("skips-approval")


def openclaw(draft: Draft) -> None:
    words = draft.operands
    if (
        (
            (words[:1] == ["approvals"] and words[1:2] in (["set"], ["allowlist"], ["allow"]))
            or words[:2] == ["config", "set"]
        )
        or words[:1] in (["uninstall"], ["reset"])
        or words[:2] in (["plugins", "disable"], ["gateway", "stop"])
    ):
        draft.facts.add("tampers-guard")


_SERVICES = names(
    "gsutil doctl linode-cli hcloud flyctl fly heroku vercel netlify wrangler supabase firebase railway render"
    " serverless sls eksctl kops rancher nomad consul ibmcloud oci aliyun tccli scw exo cf ovhai stripe b2 mc s5cmd"
    " s3cmd rclone velero kafka-topics kafka-topics.sh kafka-configs kafka-delete-records.sh rabbitmqctl"
    " rabbitmqadmin nats etcdctl zkCli.sh planetscale pscale neonctl turso upstash atlas circleci argocd flux"
    " istioctl kubeadm minikube kind k3d packer vagrant multipass virsh vboxmanage VBoxManage govc esxcli openstack"
    " swift nova cinder ansible-galaxy sam copilot amplify eb auth0 okta twilio newrelic datadog-ci sentry-cli ldcli"
    " algolia meilisearch pm2 dokku caprover gitlab-runner drone travis bq buildkite-agent twine"
    " consul-template kn odo tkn cilium linkerd crossplane dagger proxmox-backup-client pvesh qm"
)

EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(_SERVICES, service),
    "aws": aws,
    **dict.fromkeys(("gcloud", "az"), cloud),
    **dict.fromkeys(names("vault op bw doppler pass lpass security secret-tool gopass chamber keyctl"), secret_store),
    **dict.fromkeys(names("terraform tofu terragrunt pulumi cdk cdktf"), terraform),
    **dict.fromkeys(names("kubectl oc k3s microk8s"), kubectl),
    **dict.fromkeys(("helm", "helmfile"), helm),
    **dict.fromkeys(names("gh hub glab tea"), forge),
    **dict.fromkeys(("restic", "borg", "kopia", "duplicity"), restic),
    **dict.fromkeys(names("claude codex gemini opencode aider goose cursor-agent amp qwen"), agent),
    "openclaw": openclaw,
}
