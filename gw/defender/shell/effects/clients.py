"""Programs that fetch or send over HTTP, FTP, SSH copies and DNS.

Adds facts, fetched names and the origin of the output to drafts. Invariant: what is fetched to standard output is told
apart from what is saved.
"""

import re
from collections.abc import Iterator

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_private, is_secret, normalise
from gw.defender.shell.stream import EMPTY, EXPANDED, FETCHED, HOST, ISSUED, LOCAL, SECRET, UNRESOLVED, Stream

_FROM_NETWORK = Stream(None, FETCHED)
_METADATA = (
    "169.254.169.254", "169.254.170.2", "//2852039166", "//0xa9fea9fe", "//025177524776", "container_metadata_uri",
    "metadata.google.internal", "100.100.100.200", "fd00:ec2::254",
    "metadata.azure", "metadata/identity/oauth2", "/computemetadata/",
)  # fmt: skip
# Services made for receiving whatever is sent, or for sharing it anonymously.
_DROPS = names(
    "webhook.site requestbin pipedream.net ngrok burpcollaborator oastify.com interact.sh .oast. transfer.sh file.io"
    " 0x0.st pastebin.com/api termbin.com dpaste hastebin ix.io sprunge.us anonfiles gofile.io tmpfiles.org beeceptor"
    " hookbin canarytokens discord.com/api/webhooks discordapp.com/api/webhooks api.telegram.org/bot"
    " trycloudflare.com serveo.net loca.lt bashupload catbox.moe .onion exfil requestcatcher postb.in"
)

_CURL_VALUED = names(
    "-o --output -d --data -H --header -X --request -u --user -A --user-agent -b --cookie -c --cookie-jar -e"
    " --referer -F --form -T --upload-file -K --config -m --max-time -x --proxy -w --write-out -C --continue-at -r"
    " --range -y -Y -z --time-cond -E --cert --key --cacert --capath --connect-timeout --retry --data-raw"
    " --data-binary --data-urlencode --data-ascii --form-string --resolve --connect-to --url -D --dump-header"
    " --interface --limit-rate --max-redirs --retry-delay --retry-max-time --json --variable --output-dir"
    " --netrc-file --engine --ciphers --proto --max-filesize --unix-socket --stderr --trace --trace-ascii -Q --quote"
    " -t --telnet-option -P --ftp-port --cert-type --pass --oauth2-bearer"
)
_HERE = re.compile(r"(?:https?://)?(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?=[:/]|$)")
_BODY = names("-d --data --data-binary --data-ascii --data-urlencode -F --form --json")
_TEXT = names("--data-raw --form-string -H --header -A --user-agent -b --cookie -u --user -e --referer --oauth2-bearer")
_HARMLESS = names("--help -h --version -V --manual -M")


def _touches_secret(draft: Draft, path: str) -> bool:
    path = normalise(path, draft.cwd)
    return is_secret(path) or is_private(path)


def sends_file(draft: Draft, path: str) -> None:
    draft.reads += (normalise(path, draft.cwd),)
    draft.facts.add("sends-secret" if _touches_secret(draft, path) else "sends-file")


def sends_marked(draft: Draft, marks: int) -> None:
    """Something with these marks leaves the machine."""
    if marks & SECRET:
        draft.facts.add("sends-secret")
    elif marks & HOST:
        draft.facts.add("sends-host")
    elif marks & LOCAL:
        draft.facts.add("sends-file")


def _sends_address(draft: Draft, address: str, marks: int) -> None:
    """An address that comes whole from a local list says nothing about the list; one with something behind it does."""
    sends_marked(draft, marks & ~LOCAL if address[:1] in "$`{" else marks)


def sends_input(draft: Draft) -> None:
    """Its standard input leaves the machine."""
    stdin = draft.stdin
    if stdin is None:
        return
    sends_marked(draft, SECRET if stdin.marks & ISSUED else stdin.marks)
    if stdin.text is None and not stdin.marks & (SECRET | HOST | LOCAL):
        draft.facts.add("sends-input")


def _sends_body(draft: Draft, body: str, marks: int) -> None:
    """A request body: text, a file (`@name`, `field=@name`), or the input (`@-`)."""
    field, equals, value = body.partition("=")
    name = value if equals and value[:1] in ("@", "<") and not field.startswith("@") else body
    if name[:1] in ("@", "<"):
        path = name[1:].partition(";")[0]
        if path in ("-", "/dev/stdin"):
            sends_input(draft)
        else:
            sends_file(draft, path)
    sends_marked(draft, marks)


def options(draft: Draft, valued: frozenset[str]) -> Iterator[tuple[str, str, int]]:
    """(option, value, marks) for each option, ("", word, marks) for each operand, the way getopt reads them."""
    argv, marks = draft.argv, draft.marks
    i = 1
    while i < len(argv):
        word = argv[i]
        if word[:2] == "--":
            option, equals, value = word.partition("=")
            if not equals and option in valued and i + 1 < len(argv):
                i += 1
                value = argv[i]
            yield option, value, marks[i]
        elif word[:1] == "-" and len(word) > 1:
            for at, letter in enumerate(word[1:], 2):
                option = "-" + letter
                if option in valued:
                    value = word[at:]
                    if not value and i + 1 < len(argv):
                        i += 1
                        value = argv[i]
                    yield option, value, marks[i]
                    break
                yield option, "", marks[i]
        else:
            yield "", word, marks[i]
        i += 1


def curl(draft: Draft) -> None:
    urls: list[str] = []
    saved = unknown = named = shown = False
    for option, value, marks in options(draft, _CURL_VALUED):
        if option in ("", "--url"):
            urls.append(value)
            saved = saved or named
            _sends_address(draft, value, marks)
        elif option in ("-o", "--output"):
            saved = value not in ("-", "/dev/stdout")
            if saved:
                draft.writes += (normalise(value, draft.cwd),)
        elif option == "--data-urlencode" and "@" in value and "=" not in value:
            sends_file(draft, value.partition("@")[2])
        elif option in _BODY:
            _sends_body(draft, value, marks)
        elif option in ("-T", "--upload-file"):
            _sends_body(draft, "@" + value, marks)
        elif option in _TEXT:
            sends_marked(draft, marks)
        elif option in ("-X", "--request") and value.upper() == "DELETE":
            draft.facts.add("http-delete")
        elif option in ("-K", "--config"):
            unknown = True
        elif option in ("-O", "-J", "-I", "--remote-name", "--head"):
            saved = True
        elif option == "--no-remote-name":
            shown = True  # one of the addresses at least
        elif option in ("--remote-name-all", "--no-remote-name-all"):
            named = option == "--remote-name-all"  # for the addresses that follow
        elif option == "--engine":
            draft.facts.add("loads-library")
        elif option == "--unix-socket" and value.endswith(("docker.sock", "containerd.sock", "podman.sock")):
            draft.facts.add("mounts-host")  # whoever talks to it can start a container with anything in it
        elif option in _HARMLESS:
            return
    _targets(draft, urls)
    if draft.facts and urls and all(_HERE.match(url) for url in urls):
        draft.facts -= {"sends-file", "sends-input"}  # it stays on this machine
    for url in urls:
        if url.startswith("file:"):
            draft.reads += (normalise(url[5:].replace("//", "", 1), draft.cwd),)
    if saved and not shown:
        draft.output = EMPTY
    elif urls and not unknown:
        draft.output = _FROM_NETWORK


def _targets(draft: Draft, urls: list[str]) -> None:
    draft.fetches += tuple(urls)
    for url in urls:
        lowered = url.lower()
        if any(host in lowered for host in _METADATA):
            draft.facts.add("reads-metadata")
        if "/_delete_by_query" in lowered or lowered.endswith("/_close"):
            draft.facts.add("database-destroys")
        if any(host in lowered for host in _DROPS):
            draft.facts.add("drop-site")


_WGET_VALUED = names(
    "-O --output-document -o --output-file -a --append-output -i --input-file -U --user-agent --header --post-data"
    " --post-file --body-data --body-file --method -P --directory-prefix -t --tries -T --timeout -w --wait -Q --quota"
    " -A -R -D -l --level --user --password --http-user --http-password -e --execute --referer --limit-rate -B --base"
    " --ca-certificate"
)


def wget(draft: Draft) -> None:
    urls: list[str] = []
    output = folder = ""
    for option, value, marks in options(draft, _WGET_VALUED):
        if not option:
            urls.append(value)
            _sends_address(draft, value, marks)
        elif option in ("-O", "--output-document"):
            output = value
        elif option in ("--post-file", "--body-file"):
            sends_file(draft, value)
        elif option in ("--post-data", "--body-data", "--header", "-U", "--user-agent", "--referer"):
            sends_marked(draft, marks)
        elif option == "--method" and value.upper() == "DELETE":
            draft.facts.add("http-delete")
        elif option in ("-P", "--directory-prefix"):
            folder = value.rstrip("/") + "/"
        elif option in ("-i", "--input-file"):
            draft.reads += (normalise(value, draft.cwd),)
        elif option in ("--spider", *_HARMLESS):
            draft.output = EMPTY
            return
    _targets(draft, urls)
    if output in ("-", "/dev/stdout"):
        draft.output = _FROM_NETWORK
        return
    draft.output = EMPTY
    saved = [output] if output else [folder + u.rstrip("/").rpartition("/")[2] for u in urls]
    draft.writes += draft.paths(saved)


_SAVING = frozenset(("lwp-download", "aria2c", "axel", "snarf"))  # under the last part of the address


def fetch(draft: Draft) -> None:
    _targets(draft, [o for o in draft.operands[:4] if "." in o or ":" in o])
    saved = draft.value("-o", "--output", "-d", "-O", "-OutFile", "-Destination")
    if saved is None or saved == "-":
        draft.output = _FROM_NETWORK
        if draft.program in _SAVING and draft.operands:
            draft.writes += draft.paths([draft.operands[-1].rpartition("/")[2]])
    else:
        draft.output = EMPTY
        draft.writes += (normalise(saved, draft.cwd),)


def httpie(draft: Draft) -> None:
    fetch(draft)
    if draft.operands[:1] in (["DELETE"], ["delete"]):
        draft.facts.add("http-delete")
    for argument, marks in zip(draft.argv[1:], draft.marks[1:], strict=True):
        name, at, path = argument.rpartition("@")
        if at and (not name or name.isidentifier()):
            sends_file(draft, path)
        sends_marked(draft, marks)
    sends_input(draft)


def mail(draft: Draft) -> None:
    """A letter with a file in it, or attached to it."""
    attached = draft.value("-a", "-A", "--attach") if draft.program != "sendmail" else None
    if attached:
        sends_file(draft, attached)
    if draft.stdin is not None:
        sends_marked(draft, draft.stdin.marks & ~HOST)


def _is_remote(word: str) -> bool:
    return ":" in word.partition("/")[0]


_SCP_VALUED = names("-i -F -o -P -l -c -S -J -D -X -b -B -R -s")


def scp(draft: Draft) -> None:
    operands = [value for option, value, _ in options(draft, _SCP_VALUED) if not option]
    remote = [o for o in operands if _is_remote(o)]
    draft.fetches += tuple(r.partition(":")[0] for r in remote)
    if not remote:
        return
    if operands[-1] in remote:
        local = [o for o in operands if o not in remote]
        draft.reads += draft.paths(local)
        draft.facts.add("sends-secret" if any(_touches_secret(draft, p) for p in local) else "copies-out")
    else:
        here = operands[-1] in (".", "./")
        saved = [r.rpartition("/")[2].rpartition(":")[2] for r in remote] if here else operands[-1:]
        draft.writes += draft.paths(saved)


def transfer(draft: Draft) -> None:
    draft.fetches += tuple(draft.operands[:1])
    words = " ".join(draft.argv)
    if draft.stdin is not None and draft.stdin.text:
        words += " " + draft.stdin.text[:1024]
    if re.search(r"\bm?put\s|\bmirror\s+(?:-\w*R|--reverse)", words[:2048]) or (
        draft.program == "tftp" and draft.has("-p")
    ):
        draft.facts.add("sends-file")


def sftp(draft: Draft) -> None:
    scp(draft)
    transfer(draft)


def benchmark(draft: Draft) -> None:
    """ab: `-p file` and `-u file` are sent with every request."""
    body = draft.value("-p", "-u")
    if body:
        sends_file(draft, body)


def lookup(draft: Draft) -> None:
    """Names looked up leave the machine as surely as a request does."""
    for word, marks in zip(draft.argv[1:], draft.marks[1:], strict=True):
        told = marks & (HOST | SECRET) and ("." in word or draft.program == "ping")
        told = told or bool(marks & LOCAL and draft.program == "ping" and draft.has("-p"))
        # a whole name may come from a list of names; in front of a domain it is content
        if told or ("." in word and (marks & LOCAL or (marks & EXPANDED and marks & UNRESOLVED))):
            draft.facts.add("sends-secret" if marks & SECRET else "sends-host")


def say(draft: Draft) -> None:
    """Programs that send their words: finger, whois -h, rlogin -l, lp -h."""
    draft.fetches += tuple(draft.operands[:1])
    asks_elsewhere = draft.program == "rlogin" or draft.has("-h", "-H") or any("@" in o for o in draft.operands)
    for mark in draft.marks[1:] if asks_elsewhere else ():
        sends_marked(draft, mark)
    if draft.program in ("lp", "lpr") and draft.has("-h", "-H"):
        for path in draft.paths([o for o in draft.operands if o != draft.value("-h", "-H")]):
            sends_file(draft, path)


def put(draft: Draft) -> None:
    """Programs that do nothing else than bring files away."""
    if draft.has("--help", "--version"):
        return
    for word in draft.operands:
        sends_file(draft, word)


def ping_file(draft: Draft) -> None:
    if draft.has("--flood"):
        draft.facts.add("exhausts")
    sent = draft.value("--file", "-E")
    if sent:
        sends_file(draft, sent)


EFFECTS: dict[str, Effect] = {
    "curl": curl,
    **dict.fromkeys(("whois", "finger", "rlogin", "lp", "lpr"), say),
    **dict.fromkeys(("ncftpput", "ftpput", "mega-put", "transfer", "croc", "wormhole"), put),
    **dict.fromkeys(("hping3", "nping"), ping_file),
    **dict.fromkeys(("wget", "wget2"), wget),
    **dict.fromkeys(("http", "https", "httpie", "xh"), httpie),
    **dict.fromkeys(
        ("aria2c", "axel", "lynx", "w3m", "links", "elinks", "fetch", "lwp-request", "lwp-download", "GET"), fetch
    ),
    **dict.fromkeys(("iwr", "irm", "Invoke-WebRequest", "Invoke-RestMethod", "Start-BitsTransfer", "snarf"), fetch),
    **dict.fromkeys(("scp", "pscp"), scp),
    "sftp": sftp,
    "ab": benchmark,
    **dict.fromkeys(("mail", "mailx", "mutt", "neomutt", "sendmail", "msmtp", "swaks"), mail),
    **dict.fromkeys(("ftp", "tftp", "lftp", "smbclient", "ncftp", "cadaver"), transfer),
    **dict.fromkeys(("dig", "nslookup", "host", "drill", "ping", "resolvectl", "kdig"), lookup),
}
