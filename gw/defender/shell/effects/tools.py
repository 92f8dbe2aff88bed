"""Programs that exist for one purpose: attack, mining, scanning, loading a machine.

Adds facts to drafts. Invariant: the name decides, so asking such a program for help does not count.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.effects.guards import guard_control, is_guard
from gw.defender.shell.names import names

ATTACK = names(
    "hydra medusa ncrack msfvenom msfconsole msfcli sqlmap john hashcat aircrack-ng airodump-ng aireplay-ng ettercap"
    " bettercap responder mimikatz mimipenguin lazagne linpeas linpeas.sh winpeas linenum.sh pspy pspy64 pspy32"
    " crackmapexec cme netexec nxc evil-winrm bloodhound-python kerbrute impacket-secretsdump secretsdump.py empire"
    " merlin sliver sliver-client sliver-server covenant nikto gobuster dirb ffuf wfuzz feroxbuster nuclei wpscan"
    " beef-xss setoolkit arpspoof dsniff macof slowloris goldeneye t50 reaver exploit-suggester"
    " linux-exploit-suggester.sh les.sh enum4linux enum4linux-ng smbmap"
    " responder.py weevely veil patator crowbar sandcat sandcat.go sandcat.go-linux unshadow"
    # by what they are for: rights, passwords, networks, remote control
    " lse.sh deepce linuxprivchecker linux-smart-enumeration unix-privesc-check beroot traitor peirates kdigger botb"
    " amicontained laudanum pypykatz rubeus sharphound certipy certipy-ad mitm6 evilginx evilginx2 gophish recon-ng"
    " theharvester commix xsser dnschef sslstrip sslsplit wifite mdk3 mdk4 hcxdumptool hcxpcapngtool bully yersinia"
    " routersploit msfrpcd msfdb armitage havoc villain pupy koadic poshc2 brutespray fcrackzip pdfcrack ophcrack"
    " bruteforce-luks bruteforce-salted-openssl truecrack rarcrack cewl crunch hoaxshell ligolo-ng"
    " bloodyad psexec wmiexec smbexec dcomexec atexec ntlmrelayx getnpusers getuserspns ticketer lookupsid"
    " firefox_decrypt hackbrowserdata slowhttptest reverse_ssh sshpiper keimpx trevorspray sprayhound kubeletctl"
)
# In everyday use, so that a script or a build of that name is not taken for the tool.
_WORDS = names(
    "merlin empire john nuclei sliver covenant veil responder crowbar hydra medusa havoc villain traitor crunch bully"
    " ticketer armitage macof koadic laudanum crackmapexec commix"
)
# `linpeas_linux_amd64`, `mimipenguin.sh`, `xmrig-6.21.0`: what follows the name when such a program was fetched.
_BUILD = re.compile(
    r"[._-](?:v?\d|linux|darwin|static|amd64|x64|x86|arm64|small|fat|(?:sh|py|pl|rb|exe|elf|bin|ps1)$)", re.I
)
MINERS = names(
    "xmrig xmr-stak minerd cpuminer ethminer nbminer t-rex lolminer phoenixminer cgminer bfgminer ccminer nanominer"
    " teamredminer xmrig-proxy kdevtmpfsi kinsing"
)
_RANGE = re.compile(r"/(?:[1-9]|[12]\d)$|\.\d+-\d+(?:$|\.)|\.\*")


_TOLD_BY_NAME = ATTACK - _WORDS


def by_stem(program: str) -> Effect | None:
    """What a program does whose name is one of the tables', in any case, or with a version behind it."""
    found = _BUILD.search(program, 0, 64)
    name = (program[: found.start()] if found else program).lower().removeprefix("impacket-")
    if name in _TOLD_BY_NAME:
        return attack
    return mine if name in MINERS else guard_control if is_guard(name) else None


def attack(draft: Draft) -> None:
    if not draft.has("--help", "--version") and draft.argv[1:] not in (["-h"], ["-V"]):
        draft.facts.add("attack-tool")


def payload(draft: Draft) -> None:
    """msfvenom: what it builds gives its maker a shell wherever it runs."""
    attack(draft)
    made = draft.value("-p", "--payload") or ""
    if any(word in made for word in ("reverse", "bind", "meterpreter", "shell", "exec")):
        draft.facts.add("makes-payload")


def mine(draft: Draft) -> None:
    draft.facts.add("mines")


def scan(draft: Draft) -> None:
    draft.facts.add("scans-network")


def nmap(draft: Draft) -> None:
    if any(_RANGE.search(o[:64]) for o in draft.operands):
        draft.facts.add("scans-network")
    loud = draft.has("-sS", "-sU", "-sX", "-sF", "-sN", "-A", "-p-", "-O", "-iL", "-iR", "-D")
    if loud or any(a.startswith("--script") for a in draft.argv):
        draft.facts.add("scans-network")
    if draft.has("--interactive") or any(a.startswith(("--script=/", "--script=.", "--script=$")) for a in draft.argv):
        draft.facts.add("shell-escape")


def stress(draft: Draft) -> None:
    draft.facts.add("exhausts")


def yes(draft: Draft) -> None:
    if draft.redirects:
        draft.facts.add("exhausts" if draft.redirects == ("/dev/null",) else "fills-disk")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(ATTACK - {"msfvenom"}, attack),
    "msfvenom": payload,
    **dict.fromkeys(MINERS, mine),
    **dict.fromkeys(("masscan", "zmap", "rustscan", "arp-scan", "netdiscover", "unicornscan"), scan),
    "nmap": nmap,
    **dict.fromkeys(("stress", "stress-ng"), stress),
    "yes": yes,
}
