"""Programs that open raw connections: nc, socat, telnet, openssl, ssh, tunnels, small servers.

Adds facts to drafts; a program that joins a shell to a connection is graded here, pipes are graded by relations.
Invariant: a flag cluster such as `-lvpe` says the same as its letters.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.clients import options, sends_file, sends_input
from gw.defender.shell.interpreters import SHELLS
from gw.defender.shell.names import names
from gw.defender.shell.nested import SSH_VALUED
from gw.defender.shell.paths import is_temporary, normalise
from gw.defender.shell.stream import DECODED, FETCHED, LOCAL, SECRET, Stream

_FROM_NETWORK = Stream(None, FETCHED)
# Whoever talks to one of these can start a container with anything in it.
SERVICE_SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "podman.sock")
_OTHER_SHELLS = frozenset(("cmd.exe", "cmd", "powershell", "powershell.exe", "pwsh", "busybox"))


def _is_shell(text: str) -> bool:
    word = text.strip("'\" ").partition(" ")[0].rpartition("/")[2]
    return word in SHELLS or word in _OTHER_SHELLS


def netcat(draft: Draft) -> None:
    attached = any(a[:3] in ("-e/", "-c/") for a in draft.argv)
    if not attached and draft.has("-z", "-h", "--help", "--version"):
        if draft.has("-z") and any("-" in o and o.replace("-", "").isdigit() for o in draft.operands):
            draft.facts.add("scans-network")
        return
    listens = (
        draft.has("-l", "--listen", "-L", "-s") if draft.program == "socket" else draft.has("-l", "--listen", "-L")
    )
    if any(o.endswith(SERVICE_SOCKETS) for o in draft.operands):
        draft.facts.add("mounts-host")
    hosts = [o for o in draft.operands if not o.isdigit() and "/" not in o and not _is_shell(o)]
    draft.fetches += tuple(hosts[:1])
    if _executes(draft) and (listens or hosts):
        draft.facts.add("bind-shell" if listens else "reverse-shell")
        return
    draft.output = _FROM_NETWORK
    if "rlwrap" in draft.wrappers:
        draft.facts.add("shell-listener")
    elif listens:
        draft.facts.add("listens")
    _sends_raw(draft)
    if any("/" in o and not o.startswith("-") for o in draft.operands[2:]):
        draft.facts.add("sends-raw")  # `nc host port 0/tmp/pipe`: a redirect gone wrong is still a shell to be


_FLUSHES = re.compile(r"\bflush_?(?:all|db)\b", re.I)


def _sends_raw(draft: Draft) -> None:
    """What goes out over a bare connection; a program that only greets (`echo quit | telnet`) sends nothing."""
    if draft.stdin is not None and draft.stdin.text and _FLUSHES.search(draft.stdin.text, 0, 256):
        draft.facts.add("database-destroys")
    sends_input(draft)
    if draft.facts & {"sends-file", "sends-input"}:
        draft.facts.add("sends-raw")


def _executes(draft: Draft) -> bool:
    """Whether a program is to be joined to the connection."""
    if draft.has("--exec", "--sh-exec", "--lua-exec", "-e") or (draft.program == "socket" and draft.has("-p")):
        return True
    words = [
        *draft.operands,
        *(a.rpartition("=")[2] for a in draft.argv[1:] if a[:2] == "--"),
        *(a[2:] for a in draft.argv[1:]),
    ]
    shell = any(_is_shell(w) for w in words if w)
    return shell and (
        draft.has("-c", "-r") or "toybox" in draft.wrappers or draft.program not in ("nc", "ncat", "netcat")
    )


_SOCAT_EXECUTES = ("exec:", "system:", "shell:", "sh-c:", "cmd:")
_SOCAT_NETWORK = ("tcp", "udp", "openssl", "ssl", "sctp", "socks", "proxy", "vsock", "dtls", "ws:", "wss:")


def socat(draft: Draft) -> None:
    operands = [o.lower() for o in draft.operands]
    executes = any(o.startswith(_SOCAT_EXECUTES) for o in operands)
    networked = any(o.startswith(_SOCAT_NETWORK) or o.rpartition(":")[2][:2].isdigit() for o in operands)
    kinds = [o.partition(":")[0] for o in operands]
    listens = any("listen" in k or k.endswith("-l") for k in kinds)
    terminal = any(
        o.startswith(("file:", "pty", "open:")) and ("tty" in o or "raw" in o or o.startswith("pty")) for o in operands
    )
    if executes:
        draft.facts.add(("bind-shell" if listens else "reverse-shell") if networked else "shell-escape")
    elif terminal and networked:
        draft.facts.add("shell-listener")
    elif networked:
        draft.output = _FROM_NETWORK
        if listens:
            draft.facts.add("listens")
        _sends_raw(draft)
    for operand in draft.operands:
        kind, _, rest = operand.partition(":")
        name, _, options = rest.partition(",")
        if name.endswith(SERVICE_SOCKETS):
            draft.facts.add("mounts-host")
        if kind.lower() in ("file", "open", "gopen", "create") and name[:1] in ("/", "~", "."):
            if "creat" in options or kind.lower() == "create":
                draft.writes += (normalise(name, draft.cwd),)
            elif networked and not terminal:
                sends_file(draft, name)
                draft.facts.add("sends-raw")


def telnet(draft: Draft) -> None:
    draft.fetches += tuple(draft.operands[:1])
    draft.output = _FROM_NETWORK
    _sends_raw(draft)


def openssl(draft: Draft) -> None:
    verb = "".join(draft.operands[:1])
    if verb == "s_client":
        draft.output = _FROM_NETWORK
        draft.fetches += tuple(draft.after("-connect"))
        _sends_raw(draft)
    elif verb == "s_server":
        draft.facts.add("shell-listener" if draft.has("-quiet") else "listens")
    elif draft.has("-d") and verb not in ("x509", "req", "rsa", "dgst") and "-out" not in draft.argv:
        draft.output = Stream(None, DECODED)
    elif verb in ("enc", "aes-256-cbc", "smime", "cms") and draft.wrappers[-1:] in (("find",), ("xargs",)):
        draft.facts.add("encrypts-files")
    for option in ("-in", "-key", "-inkey"):
        draft.reads += draft.paths(draft.after(option))
    draft.writes += draft.paths(draft.after("-out"))
    if draft.has("-engine", "-provider"):
        draft.facts.add("loads-library")


def ssh(draft: Draft) -> None:
    for option, value, _ in options(draft, SSH_VALUED | {"-M"} if draft.program == "autossh" else SSH_VALUED):
        if not option:
            break
        if option in ("-R", "-w", "-g") or (option in ("-L", "-D") and value.startswith(("0.0.0.0:", "*:"))):
            _opens_tunnel(draft)
    if draft.stdin is not None and draft.stdin.text is None:
        if draft.stdin.marks & SECRET:
            draft.facts.add("sends-secret")
        elif draft.stdin.marks & LOCAL:
            draft.facts.add("copies-out")
    draft.output = _FROM_NETWORK
    draft.fetches += tuple(draft.operands[:1])


def web_shell(draft: Draft) -> None:
    """Programs that show a terminal of this machine in a browser."""
    if not draft.has("--help", "--version", "-h", "-v"):
        draft.facts.add("bind-shell")


def login_server(draft: Draft) -> None:
    if any(_is_shell(o) for o in draft.operands):
        draft.facts.add("bind-shell")  # a shell where a login should be
    elif not draft.has("-t", "-T", "-V", "--help", "-h"):
        draft.facts.add("listens")


_GATEWAY_PORT = "18789"


def _opens_tunnel(draft: Draft) -> None:
    draft.facts.add("tunnels")
    if any(_GATEWAY_PORT in word for word in draft.argv[1:]):
        draft.facts.add("tampers-guard")  # whoever finds its other end speaks to the agent's own gateway


def tunnel(draft: Draft) -> None:
    if not draft.has("--help", "--version", "-h") and draft.operands[:1] not in ([], ["version"], ["help"]):
        _opens_tunnel(draft)


def network(draft: Draft) -> None:
    """Joining somebody's network: `wg-quick up /tmp/x.conf`, `openvpn /tmp/x.ovpn`, `zerotier-cli join x`."""
    if draft.operands[:1] == ["join"] or any(is_temporary(path) for path in draft.paths()):
        draft.facts.add("tunnels")


def notebook(draft: Draft) -> None:
    """jupyter: whoever reaches it without a password runs what he likes."""
    if any(word.rstrip("'\"").endswith(("token=", "password=")) for word in draft.argv[1:]):
        draft.facts.add("listens")


def chisel(draft: Draft) -> None:
    if draft.operands[:1] == ["server"] or any(o.startswith("R:") or "socks" in o for o in draft.operands):
        draft.facts.add("tunnels")


def raw(draft: Draft) -> None:
    draft.facts.add("raw-network")


def serve(draft: Draft) -> None:
    if not draft.has("--help", "--version", "-V", "-t"):
        draft.facts.add("serves-files")


def published(draft: Draft) -> None:
    """`code tunnel`, `tailscale serve`, `tailscale funnel`, `tailscale up --ssh`."""
    opened = draft.has("--ssh", "--advertise-routes", "--advertise-exit-node")
    if opened or draft.operands[:1] in (["tunnel"], ["serve"], ["funnel"]):
        _opens_tunnel(draft)


def xterm(draft: Draft) -> None:
    """A terminal shown on somebody else's screen."""
    display = (draft.value("-display", "--display") or "").rpartition(":")[0]
    if display and display not in ("localhost", "127.0.0.1", "unix"):
        draft.facts.add("reverse-shell")


def terminal(draft: Draft) -> None:
    """`stty raw -echo`: what people type to make a caught shell comfortable."""
    if "raw" in draft.operands and "-echo" in draft.argv:
        draft.facts.add("shell-listener")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(
        names(
            "nc ncat netcat nc6 nc.traditional nc.openbsd cryptcat rcat rustcat pwncat pwncat-cs socket nc.exe ncat.exe"
            " sbd dbd powercat"
        ),
        netcat,
    ),
    **dict.fromkeys(("socat", "websocat"), socat),
    "xterm": xterm,
    "telnet": telnet,
    "openssl": openssl,
    **dict.fromkeys(("ssh", "autossh"), ssh),
    **dict.fromkeys(
        names(
            "ngrok cloudflared frpc frps bore localtunnel lt gost ligolo ligolo-agent ligolo-proxy"
            " iodine dnscat dnscat2 sshuttle ptunnel revsocks playit rathole wstunnel"
        ),
        tunnel,
    ),
    **dict.fromkeys(names("ttyd gotty shellinaboxd wetty tmate upterm sshx gs-netcat"), web_shell),
    **dict.fromkeys(
        names("sshd dropbear telnetd in.telnetd inetd xinetd in.rshd tcpserver rshd vncserver x11vnc x0vncserver xrdp"),
        login_server,
    ),
    "chisel": chisel,
    **dict.fromkeys(("openvpn", "wg-quick", "zerotier-cli", "stunnel", "tor"), network),
    **dict.fromkeys(("jupyter", "jupyter-lab", "jupyter-notebook"), notebook),
    "ztcp": raw,
    **dict.fromkeys(("code", "tailscale"), published),
    **dict.fromkeys(names("httpd http-server serve miniserve dufs webfsd darkhttpd"), serve),
    "stty": terminal,
}
