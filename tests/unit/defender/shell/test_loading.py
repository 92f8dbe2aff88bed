"""Options that make a program load code from a place where anybody may write."""

import shlex

import pytest

from gw.defender.shell.draft import Draft
from gw.defender.shell.loading import LOADS, loads_code
from gw.model.decision import Span


def loads(line: str) -> bool:
    argv = shlex.split(line)
    return argv[0] in LOADS and loads_code(Draft(argv[0], argv, [0] * len(argv), Span(0, 0)))


@pytest.mark.parametrize(
    "line",
    [
        "java -javaagent:/tmp/x.jar -jar app.jar",
        "gcc -fplugin=/tmp/x.so a.c",
        "ld -plugin /dev/shm/x.so",
        "node -r /tmp/x.js app.js",
        "php -d auto_prepend_file=/var/tmp/x.php a.php",
        "nginx -c /tmp/n.conf",
        "vim -S ./x.vim",
        "openvpn --config /tmp/x",
        "awk -l /tmp/x a",
        "patchelf --add-needed /tmp/x.so bin/app",
        "ld.so --preload /tmp/x.so ./app",
        "gdb -x /tmp/x.gdb",
    ],
)
def test_from_where_anybody_may_write(line: str) -> None:
    assert loads(line)


@pytest.mark.parametrize(
    "line",
    [
        "java -javaagent:lib/jmx.jar -jar app.jar",
        "node -r ./instrument.js app.js",
        "node app.js /tmp/x",
        "gcc -o /tmp/a a.c",
        "php -d memory_limit=-1 a.php",
        "nginx -c /etc/nginx/nginx.conf",
        "ls -r /tmp/x",
    ],
)
def test_ordinary(line: str) -> None:
    assert not loads(line)
