"""Copying, linking, modes, owners."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("yq -i '.mode = 1' /etc/clawgate/clawgate.yaml", "tampers-guard"),
    ("vim -es -c '%d' -c wq /etc/passwd", "changes-accounts-file"),
    ("ex -sc '%s/a/b/|x' /etc/hosts", "writes-system"),
    ("shuf -e x -o /etc/cron.d/x", "writes-startup"),
    ("gpg --export-secret-key me", "reads-secret"),
    ("find . -exec cp /dev/null {} +", "truncates"),
    ("cp /dev/null app.db", "truncates"),
    ("sed -i d app.py", "truncates"),
    ("setfacl -b -R /", "changes-root"),
    ("perl -pi -e s/a/b/ ~/.bashrc", "writes-startup"),
    ("sudoedit /etc/sudoers", "edits-sudoers"),
    ("cp /bin/bash /tmp/x", "copies-shell"),
    ("ln -s /bin/sh git-x", "copies-shell"),
    ("cp -t /tmp /bin/sh", "copies-shell"),
    ("chmod u+s x", "setuid"),
    ("chmod 4755 x", "setuid"),
    ("chmod 06755 x", "setuid"),
    ("install -m 6777 a b", "setuid"),
    ("chmod -R 777 /", "changes-root"),
    ("chmod -R 700 /etc", "changes-root"),
    ("chmod 777 /etc", "opens-access"),
    ("chmod 666 /etc/passwd", "opens-access"),
    ("chmod -R a+w /srv/x", "opens-access"),
    ("chown -R me /usr", "changes-root"),
    ("chown me /etc/shadow", "opens-access"),
    ("chattr +i x", "locks-files"),
    ("setfacl -m u:me:rwx /etc", "opens-access"),
    ("touch -r a b", "changes-times"),
    ("touch -- --checkpoint=1", "shell-escape"),
    ("> '/srv/--checkpoint-action=exec=sh x'", "shell-escape"),
    ("strings /dev/sda2", "reads-secret"),
    ("ln /etc/shadow x", "reads-secret"),
    ("gawk -i inplace '{print}' /etc/passwd", "changes-accounts-file"),
    ("grep -a token /swapfile", "reads-secret"),
    ("touch -d yesterday /bin/x", "changes-times"),
    ("tee /dev/sda", "overwrites-disk"),
    ("echo x > /proc/sysrq-trigger", "writes-kernel"),
    ("sed -i s/a/b/ ~/.bashrc", "writes-startup"),
    ("sed '1w /etc/cron.d/x' f", "writes-startup"),
    ("tar xf a.tar -C /etc/systemd", "writes-startup"),
    ("tar cf a.tar --remove-files src", "deletes-tree"),
    ("sort -o /etc/hosts a", "writes-system"),
    ("cat ~/.ssh/id_rsa", "reads-secret"),
    ("grep x /etc/shadow", "reads-secret"),
    ("ln -sf /dev/null x", "truncates"),
    ("7z a x.7z src -sdel", "deletes-tree"),
    ("zip -m x.zip src", "deletes-tree"),
    ("ccencrypt -K k notes", "encrypts-files"),
    ("tar cf user@h:/a.tar src", "copies-out"),
    ("tar c x | gpg -c --batch --passphrase y > z", "encrypts-files"),
]
MISSES = [
    ("yq '.mode' /etc/clawgate/clawgate.yaml", "tampers-guard"),
    ("vim -c 'set nu' /etc/hosts", "writes-system"),
    ("cp /dev/null app.log", "truncates"),
    ("sed -i 1d app.py", "truncates"),
    ("perl -pi -e s/a/b/ notes.txt", "writes-startup"),
    ("perl -ne print ~/.bashrc", "writes-startup"),
    ("cp a b", "copies-shell"),
    ("chmod 755 x", "setuid"),
    ("chmod g+s dir", "setuid"),
    ("chmod -R 755 ./app", "changes-root"),
    ("chown -R me /usr/local", "changes-root"),
    ("chown root:root /etc/x", "opens-access"),
    ("chmod -R a+w ./x", "opens-access"),
    ("touch x", "changes-times"),
    ("touch -d yesterday x", "changes-times"),
    ("setfacl -m u:me:rwx ./x", "opens-access"),
    ("sed s/a/b/ ~/.bashrc", "writes-startup"),
    ("grep -e /etc/shadow notes", "reads-secret"),
    ("chattr -R -V x", "locks-files"),
    ("7z a x.7z src", "deletes-tree"),
    ("ccencrypt -d notes.cpt", "encrypts-files"),
    ("chmod 600 ~/.ssh/config", "writes-startup"),
    ("strings app", "reads-secret"),
    ("tar xf user@h:/a.tar", "copies-out"),
    ("gpg -c notes", "encrypts-files"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
