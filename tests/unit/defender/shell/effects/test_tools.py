"""Programs with one purpose."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("python3 lazagne.py all", "attack-tool"),
    ("./linpeas_linux_amd64", "attack-tool"),
    ("./LaZagne all", "attack-tool"),
    ("impacket-psexec a@h", "attack-tool"),
    ("./xmrig-6.21.0 -o pool", "mines"),
    ("bash linpeas.sh", "attack-tool"),
    ("msfvenom -p linux/x64/shell_reverse_tcp", "makes-payload"),
    ("yes > /dev/null", "exhausts"),
    ("hydra -l root h", "attack-tool"),
    ("./linpeas.sh", "attack-tool"),
    ("xmrig -o pool", "mines"),
    ("/opt/xmrig", "mines"),
    ("masscan 10.0.0.0/8", "scans-network"),
    ("nmap 192.0.2.0/24", "scans-network"),
    ("nmap 192.0.2.1-254", "scans-network"),
    ("nmap --script=./x.nse h", "shell-escape"),
    ("stress-ng --cpu 8", "exhausts"),
    ("yes > big", "fills-disk"),
    ("nmap -sS -p- h", "scans-network"),
    ("nmap --script vuln h", "scans-network"),
    ("enum4linux h", "attack-tool"),
]
MISSES = [
    ("python3 john.py", "attack-tool"),
    ("bash crunch.sh", "attack-tool"),
    ("node-v20", "attack-tool"),
    ("msfvenom --help", "makes-payload"),
    ("yes | head", "exhausts"),
    ("hydra --help", "attack-tool"),
    ("nmap 192.0.2.1", "scans-network"),
    ("echo xmrig", "mines"),
    ("yes | apt install x", "fills-disk"),
    ("yes > /dev/null", "fills-disk"),
    ("hydra -h", "attack-tool"),
    ("nmap -p 80 h", "scans-network"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
