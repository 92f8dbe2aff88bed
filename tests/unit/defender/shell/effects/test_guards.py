"""What guards the machine, and what switches it off."""

import pytest

from gw.defender.shell.effects.guards import is_guard
from tests.support.commands import facts_of

HITS = [
    ("mokutil --disable-validation", "disables-guard"),
    ("firewall-cmd --zone=public --set-target=ACCEPT --permanent", "disables-guard"),
    ("sentinelctl unload -a", "disables-guard"),
    ("/var/ossec/bin/wazuh-control stop", "disables-guard"),
    ("auditctl -a never,task", "disables-guard"),
    ("semanage permissive -a httpd_t", "disables-guard"),
    ("pfctl -d", "disables-guard"),
    ("iptables -A INPUT -j DROP", "cuts-network"),
    ("iptables-restore rules", "opens-access"),
    ("firewall-cmd --add-port=1/tcp", "opens-access"),
    ("fail2ban-client stop", "disables-guard"),
    ("ufw disable", "disables-guard"),
    ("iptables -F", "disables-guard"),
    ("iptables -P INPUT ACCEPT", "disables-guard"),
    ("nft flush ruleset", "disables-guard"),
    ("firewall-cmd --panic-off", "disables-guard"),
    ("setenforce 0", "disables-guard"),
    ("auditctl -e 0", "disables-guard"),
    ("aa-teardown", "disables-guard"),
    ("iptables -P INPUT DROP", "cuts-network"),
]
MISSES = [
    ("mokutil --sb-state", "disables-guard"),
    ("auditctl -l", "disables-guard"),
    ("iptables -A INPUT -p tcp --dport 23 -j DROP", "cuts-network"),
    ("firewall-cmd --list-all", "opens-access"),
    ("fail2ban-client status", "disables-guard"),
    ("iptables -L", "disables-guard"),
    ("ufw status", "disables-guard"),
    ("setenforce 1", "disables-guard"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)


def test_guards_by_name() -> None:
    assert is_guard("auditd.service") and is_guard("ossec-agentd") and is_guard("/usr/sbin/falcon-sensor")
    assert not is_guard("clamav-freshclam") and not is_guard("nginx")
