"""How far a deletion reaches."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("find /opt/app -type f ! -name README -exec rm -f {} +", "deletes-many"),
    ("find . -path ./x -prune -o -type f -delete", "deletes-tree"),
    ("find . -path ./x -prune -o -type f -print0 | xargs -0 rm -f", "deletes-many"),
    ("find /var/log -mtime -2 -delete", "wipes-logs"),
    ("xargs -i rm -rf {}", "deletes-tree"),
    ("find /var/log -name '*.gz' -mtime +90 -delete", "deletes-tree"),
    ("cd src && rm -rf *", "deletes-tree"),
    ("cd build && rm -rf ../*", "deletes-tree"),
    ("find / -mtime +1 -exec rm -f {} +", "deletes-many"),
    ("rm -f src/*", "deletes-many"),
    ("rm src/*.py", "deletes-many"),
    ("rm -f ~/.ssh/id_rsa", "deletes-many"),
    ("rm ~/.bashrc", "deletes-many"),
    ("xargs rm < list", "deletes-many"),
    ("fd . -X rm -rf", "deletes-tree"),
    ("rimraf src", "deletes-tree"),
    ("npx rimraf /", "deletes-root"),
    ("trash-empty", "deletes-tree"),
    ("find . -mtime -1 -delete", "deletes-tree"),
    ('find src -name "*.py" -delete', "deletes-tree"),
    ("rm -rf /", "deletes-root"),
    ("rm -r ~", "deletes-root"),
    ("rm -rf /etc/*", "deletes-root"),
    ("rm -rf /home/alice", "deletes-root"),
    ("rm -rf --no-preserve-root x", "deletes-root"),
    ("find / -delete", "deletes-root"),
    ("mv /etc /dev/null", "deletes-root"),
    ("mv / /backup", "deletes-root"),
    ("rsync -a --delete /dev/null/ /srv/", "deletes-root"),
    ("rm -rf src", "deletes-tree"),
    ("rm -rf *", "deletes-tree"),
    ("rm -rf ../..", "deletes-tree"),
    ("ls | xargs rm -rf", "deletes-tree"),
    ("find . -delete", "deletes-tree"),
    ("rm *", "deletes-many"),
    ("rm /etc/*", "deletes-many"),
    ("find /usr -name x -delete", "deletes-many"),
    ("rsync -a --delete a/ b/", "deletes-mirror"),
    ("rsync --remove-source-files a b", "deletes-mirror"),
    ("rsync a.txt host:", "copies-out"),
    ("shred x", "shreds"),
    ("shred /dev/sda", "overwrites-disk"),
    ("rm /dev/sda", "overwrites-disk"),
    ("truncate -s0 x", "truncates"),
    ("truncate --size=0 x", "truncates"),
    ("find . -name '*' -delete", "deletes-tree"),
    ("find src -delete -empty", "deletes-tree"),
    ("rm -rf x/../src", "deletes-tree"),
    ("find . ! -name keep -delete", "deletes-tree"),
    ("find ~ -mtime +1 -delete", "deletes-many"),
]
MISSES = [
    ("find . -type f ! -name '*.c' -name 'x*' -exec rm {} +", "deletes-many"),
    ("rm -rf ~/.openclaw/workspace/tmp", "deletes-tree"),
    ("find . -path './x/*' -delete", "deletes-tree"),
    ("find /var/log -name '*.gz' -mtime +90 -delete", "wipes-logs"),
    ("cd build && rm -rf *", "deletes-tree"),
    ("find / -name x -exec rm -i {} +", "deletes-many"),
    ("rm -f dist/*", "deletes-many"),
    ("rm -f dist/*.js", "deletes-many"),
    ("rm -f *.log", "deletes-many"),
    ("rm a.py", "deletes-many"),
    ("rm notes.txt", "deletes-many"),
    ("rimraf dist", "deletes-tree"),
    ("find . -mtime +30 -delete", "deletes-tree"),
    ('find . -name "*.bak" -delete', "deletes-tree"),
    ("find . -name __pycache__ -exec rm -rf {} +", "deletes-tree"),
    ('find . -name "*.pyc" | xargs rm', "deletes-many"),
    ("rm notes.txt", "deletes-many"),
    ("rm -rf /tmp/x", "deletes-tree"),
    ("rm -rf node_modules", "deletes-tree"),
    ("find . -name '*.o' -delete", "deletes-tree"),
    ("find /var/log -name '*.gz' -delete", "deletes-many"),
    ("truncate -s 10M x", "truncates"),
    ("rsync host:a.txt .", "copies-out"),
    ("mv a b", "deletes-tree"),
    ("rsync -avn --delete a/ b/", "deletes-mirror"),
    ("rsync --dry-run -a --delete a h:b", "copies-out"),
    ("shred --help", "shreds"),
    ("rm -rf target/debug", "deletes-tree"),
    ("rm -rf ./tmp/x", "deletes-tree"),
    ('d=$(mktemp -d); rm -rf "$d"', "deletes-tree"),
    ("find /var/log -name '*.gz' -delete", "deletes-many"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
