"""Programs that exist for one purpose: attack, mining, scanning, loading a machine.

Adds facts to drafts. Invariant: the name decides, so asking such a program for help does not count.
"""

import re

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names

ATTACK = names(
    "hydra medusa ncrack msfvenom msfconsole msfcli sqlmap john hashcat aircrack-ng airodump-ng aireplay-ng ettercap"
    " bettercap responder mimikatz mimipenguin lazagne linpeas linpeas.sh winpeas linenum.sh pspy pspy64 pspy32"
    " crackmapexec cme netexec nxc evil-winrm bloodhound-python kerbrute impacket-secretsdump secretsdump.py empire"
    " merlin sliver sliver-client sliver-server covenant nikto gobuster dirb ffuf wfuzz feroxbuster nuclei wpscan"
    " beef-xss setoolkit arpspoof dsniff macof slowloris goldeneye t50 reaver exploit-suggester"
    " linux-exploit-suggester.sh les.sh enum4linux enum4linux-ng smbmap"
    " responder.py weevely veil patator crowbar sandcat sandcat.go sandcat.go-linux unshadow"
)
MINERS = names(
    "xmrig xmr-stak minerd cpuminer ethminer nbminer t-rex lolminer phoenixminer cgminer bfgminer ccminer nanominer"
    " teamredminer xmrig-proxy kdevtmpfsi kinsing"
)
_RANGE = re.compile(r"/(?:[1-9]|[12]\d)$|\.\d+-\d+(?:$|\.)|\.\*")


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
