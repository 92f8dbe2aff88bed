"""Orders to many machines, as the command line that does the same."""

import shlex

import pytest

from gw.defender.shell.nested import inner_finder


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("ansible all -a 'ls -l'", "ls -l"),
        ("ansible all -m shell -a 'ls -l'", "ls -l"),
        ("ansible all -m shell -a 'cmd=ls chdir=/'", "ls"),
        ("ansible all -m ansible.builtin.user -a 'name=x groups=sudo,adm uid=0'", "useradd -u 0 -G sudo,adm x"),
        ("ansible all -m user -a 'name=x state=absent'", "userdel x"),
        ("ansible all -m copy -a 'src=x dest=/bin/x mode=4755'", "install -m 4755 x /bin/x"),
        ("ansible all --module-name=copy -a 'content=\"a b\" dest=/etc/x'", "printf %s 'a b' > /etc/x"),
        ("ansible all -m file -a 'path=/srv state=absent'", "rm -rf /srv"),
        ("ansible all -m file -a 'path=/srv mode=777'", "chmod 777 /srv"),
        ("ansible all -m file -a 'src=/a dest=/b state=link'", "ln -s /a /b"),
        ("ansible all -m lineinfile -a \"path=/etc/x line='a b'\"", "printf '%s\\n' 'a b' >> /etc/x"),
        ("ansible all -m service -a 'name=x state=stopped'", "systemctl stop x"),
        ("ansible all -m systemd -a 'name=x state=restarted'", "systemctl restart x"),
        ("ansible all -m get_url -a 'url=http://h/x dest=/bin/x'", "curl -o /bin/x http://h/x"),
        ("ansible all -m cron -a \"name=x job='id -u'\"", "echo '* * * * * id -u' | crontab -"),
        ("ansible all -m authorized_key -a 'user=x key=k'", "echo k >> ~x/.ssh/authorized_keys"),
        ("ansible all -m fetch -a 'src=/etc/shadow dest=x'", "cat /etc/shadow"),
        ("ansible all -m reboot", "reboot"),
        ("salt '*' cmd.run 'ls -l'", "ls -l"),
        ("salt '*' user.add x", "useradd x"),
        ("salt '*' file.append /etc/x 'a b'", "echo 'a b' >> /etc/x"),
        ("salt-ssh '*' -r 'ls -l'", "ls -l"),
        ("bolt command run 'ls -l' -t all", "ls -l"),
    ],
)
def test_meant(command: str, meant: str) -> None:
    argv = shlex.split(command)
    find = inner_finder(argv[0])
    assert find is not None
    assert [inner.text for inner in find(argv)] == [meant]


@pytest.mark.parametrize(
    "command",
    [
        "ansible all -m ping",
        "ansible all -m shell",
        "ansible all -m shell -a id --check",
        "ansible all -m setup -a filter=x",
        "ansible all -m file -a path=/srv",
        "salt '*' test.ping",
        "salt '*' file.append /etc/x",
        "bolt plan run x",
    ],
)
def test_nothing_is_run_there(command: str) -> None:
    argv = shlex.split(command)
    find = inner_finder(argv[0])
    assert find is not None and find(argv) == []
