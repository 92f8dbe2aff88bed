"""Programs that talk to the network: who fetches, who sends what, who listens, who hands a shell to the other side.

Adds facts and fetched names to drafts. Invariant: what is fetched to standard output is told apart from what is saved.
"""

import re

from gw.defender.shell.draft import Draft
from gw.defender.shell.files import Effect
from gw.defender.shell.interpreters import SHELLS
from gw.defender.shell.paths import is_secret, is_weak_secret, normalise
from gw.defender.shell.stream import DECODED, EXPANDED, FETCHED, HOST, LOCAL, SECRET, UNRESOLVED, Stream

URL = re.compile(r"(?:https?|ftps?|sftp|scp|gopher|dict|tftp|smb|ldap|telnet)://[^\s'\"]+")
METADATA = ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "100.100.100.200", "fd00:ec2::254", "metadata.azure")
DROPS = (
    "webhook.site", "requestbin", "pipedream.net", "ngrok", "burpcollaborator", "oastify.com", "interact.sh", "oast.", "transfer.sh", "file.io", "0x0.st", "pastebin.com", "paste.", "termbin.com", "dpaste", "hastebin",
    "ix.io", "sprunge.us", "anonfiles", "gofile.io", "tmpfiles.org", "beeceptor", "hookbin", "canarytokens", "discord.com/api/webhooks", "discordapp.com/api/webhooks", "api.telegram.org/bot", "exfil", "trycloudflare.com", "localtunnel", "serveo.net", "loca.lt", "bashupload", "catbox.moe", ".onion",
)  # fmt: skip

_CURL_VALUED = frozenset(
    "-o --output -d --data -H --header -X --request -u --user -A --user-agent -b --cookie -c --cookie-jar -e --referer -F --form -T --upload-file -K --config -m --max-time -x --proxy -w --write-out -C -r --range -y -Y -z -E --cert --key --cacert --connect-timeout --retry --data-raw --data-binary --data-urlencode --resolve --url -D --dump-header --interface --limit-rate --max-redirs --retry-delay --retry-max-time --json --variable --output-dir --netrc-file".split()
)


def _touches_secret(draft: Draft, path: str) -> bool:
    path = normalise(path.lstrip("@<"), draft.cwd)
    return is_secret(path) or is_weak_secret(path)


def _sends(draft: Draft, body: str, marks: int = 0) -> None:
    """Grade a request body: a file (`@name`), the input (`@-`), or text with substitutions in it."""
    name = body.rpartition("=@")[2] if "=@" in body else body
    if name.startswith(("@", "<")) or "=@" in body or "=<" in body:
        target = name.lstrip("@<").partition(";")[0]
        if target in ("-", "/dev/stdin"):
            _sends_input(draft)
        else:
            draft.reads.append(normalise(target, draft.cwd))
            draft.facts.add("sends-secret" if _touches_secret(draft, target) else "sends-file")
    if marks & SECRET:
        draft.facts.add("sends-secret")
    elif marks & (HOST | LOCAL):
        draft.facts.add("sends-host")


def _sends_input(draft: Draft) -> None:
    marks = draft.stdin.marks if draft.stdin is not None else 0
    if marks & SECRET:
        draft.facts.add("sends-secret")
    elif marks & HOST:
        draft.facts.add("sends-host")
    elif draft.stdin is not None and draft.stdin.text is None:
        draft.facts.add("sends-file" if marks & LOCAL else "sends-input")


def curl(draft: Draft) -> None:
    argv, marks = draft.argv, draft.marks
    i, method = 1, ""
    saved = remote_name = head_only = help_only = unknown = False
    urls: list[str] = []
    while i < len(argv):
        word = argv[i]
        value, value_marks = "", 0
        option = word
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            if not equals and option in _CURL_VALUED and i + 1 < len(argv):
                i += 1
                value, value_marks = argv[i], marks[i]
        elif word[:1] == "-" and len(word) > 1:
            for at, letter in enumerate(word[1:], 2):
                option = "-" + letter
                if option in _CURL_VALUED:
                    if word[at:]:
                        value, value_marks = word[at:], marks[i]
                    elif i + 1 < len(argv):
                        i += 1
                        value, value_marks = argv[i], marks[i]
                    break
                remote_name = remote_name or letter in "OJ"
                head_only = head_only or letter == "I"
        else:
            urls.append(word)
            if marks[i] & SECRET:
                draft.facts.add("sends-secret")
            elif marks[i] & HOST:
                draft.facts.add("sends-host")
            elif marks[i] & LOCAL:
                draft.facts.add("sends-file")
            i += 1
            continue
        if option in ("-o", "--output"):
            saved = value not in ("-", "/dev/stdout")
            if saved:
                draft.writes.append(normalise(value, draft.cwd))
        elif option in ("-d", "--data", "--data-binary", "--data-urlencode", "-F", "--form", "--json"):
            _sends(draft, value, value_marks)
        elif option in ("-T", "--upload-file"):
            _sends(draft, "@" + value, value_marks)
        elif option in ("--data-raw", "-H", "--header", "-A", "--user-agent", "-b", "--cookie", "-u", "--user", "-e", "--referer"):
            if value_marks & SECRET:
                draft.facts.add("sends-secret")
            elif value_marks & (HOST | LOCAL):
                draft.facts.add("sends-host")
            elif option in ("-b", "--cookie", "-H") and value.startswith("@"):
                _sends(draft, value)
        elif option in ("-X", "--request"):
            method = value
        elif option == "--url":
            urls.append(value)
        elif option in ("-K", "--config"):
            unknown = True
        elif option in ("--remote-name", "--remote-name-all"):
            remote_name = True
        elif option in ("--no-remote-name-all", "--no-remote-name"):
            remote_name = False
        elif option in ("--head",):
            head_only = True
        elif option in ("--help", "--version", "-V", "--manual"):
            help_only = True
        elif option in ("--engine",):
            draft.facts.add("loads-library")
        i += 1
    if help_only:
        return
    draft.fetches += urls
    if method.upper() in ("DELETE",):
        draft.facts.add("http-delete")
    _targets(draft, urls)
    for url in urls:
        if url.startswith("file:"):
            draft.reads.append(normalise(url[5:].replace("//", "", 1), draft.cwd))
    if urls and not (saved or remote_name or head_only or unknown):
        draft.output = Stream(None, FETCHED)


def _targets(draft: Draft, urls: list[str]) -> None:
    for url in urls:
        if any(host in url for host in METADATA):
            draft.facts.add("reads-metadata")
        lowered = url.lower()
        if any(host in lowered for host in DROPS):
            draft.facts.add("drop-site")


def wget(draft: Draft) -> None:
    urls = [o for o in draft.operands if "." in o or ":" in o]
    output = draft.value("-O", "--output-document")
    compact = next((a for a in draft.argv[1:] if a[:1] == "-" and a[1:2] != "-" and a.endswith("O-")), None)
    draft.fetches += [u for u in urls if u not in (output,)]
    for option in ("--post-file", "--body-file"):
        if (value := draft.value(option)) is not None:
            _sends(draft, "@" + value)
    for option in ("--post-data", "--body-data", "--header", "-U", "--user-agent"):
        for i, argument in enumerate(draft.argv):
            if argument.startswith(option) and draft.marks[i] & (SECRET | HOST | LOCAL):
                draft.facts.add("sends-secret" if draft.marks[i] & SECRET else "sends-host")
    for i, argument in enumerate(draft.argv[1:], 1):
        if draft.marks[i] & (SECRET | HOST | LOCAL) and "://" in argument:
            draft.facts.add("sends-secret" if draft.marks[i] & SECRET else "sends-host")
    _targets(draft, urls)
    if draft.has("--spider", "--help", "--version"):
        return
    if output == "-" or compact or output == "/dev/stdout":
        draft.output = Stream(None, FETCHED)
    elif output:
        draft.writes.append(normalise(output, draft.cwd))
    else:
        draft.writes += [normalise(u.rstrip("/").rpartition("/")[2], draft.cwd) for u in urls]


def fetcher(draft: Draft) -> None:
    draft.fetches += draft.operands[:4]
    _targets(draft, draft.operands)
    if not draft.has("-o", "--output", "--download", "-d", "-OutFile"):
        draft.output = Stream(None, FETCHED)


def httpie(draft: Draft) -> None:
    fetcher(draft)
    for i, argument in enumerate(draft.argv[1:], 1):
        if "=@" in argument or "@" in argument.partition("/")[0] and ":" not in argument:
            _sends(draft, argument)
        if draft.marks[i] & SECRET:
            draft.facts.add("sends-secret")
    if draft.stdin is not None:
        _sends_input(draft)


def _is_shell_text(text: str) -> bool:
    word = text.strip("'\"").split(" ")[0].rpartition("/")[2]
    return word in SHELLS or word in ("cmd.exe", "cmd", "powershell", "powershell.exe", "pwsh", "busybox")


def netcat(draft: Draft) -> None:
    executes = draft.has("--exec", "--sh-exec", "--lua-exec", "-e", "-c") and not draft.has("-z")
    listens = draft.has("-l", "--listen")
    shell = any(_is_shell_text(a.rpartition("=")[2]) for a in draft.argv[1:]) or any(_is_shell_text(a[2:]) for a in draft.argv[1:] if a[:2] in ("-e", "-c"))
    clustered = any(a[:1] == "-" and a[1:2] != "-" and ("e" in a or "c" in a) for a in draft.argv[1:])
    hosts = [o for o in draft.operands if not o.isdigit() and "/" not in o]
    draft.fetches += hosts[:1]
    if shell and (executes or clustered or draft.program not in ("nc",)):
        draft.facts.add("bind-shell" if listens else "reverse-shell")
    elif executes and (listens or hosts) and any(a.startswith(("/", "./", "'")) for a in draft.operands):
        draft.facts.add("bind-shell" if listens else "reverse-shell")
    elif listens:
        draft.facts.add("listens")
        draft.output = Stream(None, FETCHED)
    elif not draft.has("-z"):
        if draft.stdin is not None:
            _sends_input(draft)
        draft.output = Stream(None, FETCHED)


_SOCAT_EXEC = ("exec:", "system:", "shell:")
_SOCAT_NET = ("tcp", "udp", "openssl", "ssl", "sctp", "socks", "proxy", "vsock", "dtls")


def socat(draft: Draft) -> None:
    operands = [o.lower() for o in draft.operands]
    networked = any(o.startswith(_SOCAT_NET) for o in operands) or any(":" in o and o.rpartition(":")[2][:2].isdigit() for o in operands)
    executes = any(o.startswith(_SOCAT_EXEC) for o in operands)
    listens = any("listen" in o.partition(":")[0] or "-l:" in o for o in operands)
    terminal = any(o.startswith("file:") and "tty" in o or o.startswith("pty") for o in operands)
    if networked and executes:
        draft.facts.add("bind-shell" if listens else "reverse-shell")
    elif executes:
        draft.facts.add("shell-escape")
    elif listens and terminal:
        draft.facts.add("shell-listener")
    elif listens:
        draft.facts.add("listens")
        draft.output = Stream(None, FETCHED)
    elif networked:
        draft.output = Stream(None, FETCHED)
        _sends_input(draft)
    for operand in draft.operands:
        kind, _, rest = operand.partition(":")
        name = rest.partition(",")[0]
        if kind.lower() in ("file", "open", "gopen") and name.startswith(("/", "~", ".")):
            (draft.writes if "creat" in rest else draft.reads).append(normalise(name, draft.cwd))
            if networked and "creat" not in rest and not terminal:
                draft.facts.add("sends-secret" if _touches_secret(draft, name) else "sends-file")


def telnet(draft: Draft) -> None:
    draft.fetches += draft.operands[:1]
    draft.output = Stream(None, FETCHED)
    if draft.stdin is not None:
        _sends_input(draft)


def openssl(draft: Draft) -> None:
    words = draft.operands
    if words[:1] == ["s_client"]:
        draft.output = Stream(None, FETCHED)
        _sends_input(draft)
        if "-connect" in draft.argv:
            draft.fetches.append(words[1] if len(words) > 1 else "")
    elif words[:1] == ["s_server"]:
        draft.facts.add("shell-listener" if draft.has("-quiet") else "listens")
    elif draft.has("-d") and words[:1] in (["enc"], ["base64"], ["aes-256-cbc"]) and "-out" not in draft.argv:
        draft.output = Stream(None, DECODED)
    if "-engine" in draft.argv or "-provider" in draft.argv:
        draft.facts.add("loads-library")
    for option in ("-in", "-key", "-inkey"):
        if option in draft.argv:
            at = list(draft.argv).index(option)
            draft.reads += [normalise(p, draft.cwd) for p in draft.argv[at + 1 : at + 2]]


def scp(draft: Draft) -> None:
    remote = [o for o in draft.operands if ":" in o.partition("/")[0]]
    local = [o for o in draft.operands if o not in remote and "=" not in o]
    draft.fetches += [r.partition(":")[0] for r in remote]
    if remote and draft.operands and draft.operands[-1] in remote:
        draft.reads += [normalise(p, draft.cwd) for p in local]
        draft.facts.add("sends-secret" if any(_touches_secret(draft, p) for p in local) else "copies-out")
    elif remote and draft.operands:
        draft.writes.append(normalise(draft.operands[-1], draft.cwd))


def ssh(draft: Draft) -> None:
    if any(a in ("-R", "-w") or a.startswith(("-R", "-w")) for a in draft.argv[1:]):
        draft.facts.add("tunnels")
    if draft.stdin is not None:
        marks = draft.stdin.marks
        if marks & SECRET:
            draft.facts.add("sends-secret")
    draft.output = Stream(None, FETCHED)
    if draft.operands:
        draft.fetches.append(draft.operands[0])


def dns(draft: Draft) -> None:
    if any(draft.marks[i] & (HOST | SECRET | LOCAL) or (draft.marks[i] & EXPANDED and draft.marks[i] & UNRESOLVED and "." in a) for i, a in enumerate(draft.argv) if i):
        draft.facts.add("sends-host")
    elif any("$(" in a or "`" in a for a in draft.argv[1:]):
        draft.facts.add("sends-host")


def ftp(draft: Draft) -> None:
    draft.fetches += draft.operands[:1]
    if draft.has("put", "mput") or "put" in " ".join(draft.argv):
        draft.facts.add("sends-file")


def server(draft: Draft) -> None:
    draft.facts.add("listens")


def tunnel(draft: Draft) -> None:
    if not draft.has("--help", "--version", "-h"):
        draft.facts.add("tunnels")


def cryptcat(draft: Draft) -> None:
    netcat(draft)


EFFECTS: dict[str, Effect] = {
    "curl": curl, "wget": wget, "wget2": wget, "http": httpie, "https": httpie, "httpie": httpie, "xh": httpie, "aria2c": fetcher, "axel": fetcher, "lynx": fetcher, "w3m": fetcher, "links": fetcher, "fetch": fetcher, "lwp-request": fetcher, "lwp-download": fetcher, "GET": fetcher,
    "iwr": fetcher, "irm": fetcher, "Invoke-WebRequest": fetcher, "Invoke-RestMethod": fetcher, "Start-BitsTransfer": fetcher,
    "nc": netcat, "ncat": netcat, "netcat": netcat, "nc.traditional": netcat, "nc.openbsd": netcat, "cryptcat": netcat, "rcat": netcat, "rustcat": netcat, "pwncat": netcat, "socket": netcat, "nc.exe": netcat, "sbd": netcat, "dbd": netcat,
    "socat": socat, "telnet": telnet, "openssl": openssl, "scp": scp, "sftp": scp, "ssh": ssh, "dig": dns, "nslookup": dns, "host": dns, "drill": dns, "ping": dns, "whois": dns, "finger": dns, "ftp": ftp, "tftp": ftp, "lftp": ftp, "smbclient": ftp, "ncftp": ftp,
    "ngrok": tunnel, "cloudflared": tunnel, "frpc": tunnel, "bore": tunnel, "localtunnel": tunnel, "gost": tunnel, "ligolo": tunnel, "iodine": tunnel, "dnscat": tunnel, "dnscat2": tunnel, "sshuttle": tunnel, "ptunnel": tunnel, "revsocks": tunnel, "gs-netcat": tunnel,
}  # fmt: skip
