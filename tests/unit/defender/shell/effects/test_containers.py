"""What containers may take from the machine, and what goes with them."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("docker stop clawgate", "tampers-guard"),
    ("docker plugin install --grant-all-permissions x", "container-escape"),
    ("crictl rmp -fa", "container-destroys"),
    ("docker image prune -a", "container-destroys"),
    ("docker volume prune -f", "container-destroys"),
    ("docker run -v /etc/shadow:/s alpine", "mounts-host"),
    ("docker cp ~/.netrc c:/x", "reads-secret"),
    ("docker run --privileged alpine", "container-escape"),
    ("docker run --privileged=false --privileged alpine", "container-escape"),
    ("docker run -v /var/run/docker.sock:/s alpine", "container-escape"),
    ("docker run -v/run/docker.sock:/s alpine", "container-escape"),
    ("docker run --pid=host alpine", "container-escape"),
    ("docker run --cap-add SYS_ADMIN alpine", "container-escape"),
    ("docker run --security-opt seccomp=unconfined alpine", "container-escape"),
    ("docker run --device /dev/sda alpine", "container-escape"),
    ("docker -H unix:///var/run/docker.sock ps", "container-escape"),
    ("nsenter -t 1 -m sh", "container-escape"),
    ("lxc init u x -c security.privileged=true", "container-escape"),
    ("docker run -v /:/host alpine", "mounts-host"),
    ("docker run --mount type=bind,source=/etc,target=/e alpine", "mounts-host"),
    ("docker run x.example/tools/xmrig:latest", "mines"),
    ("docker system prune -f", "container-destroys"),
    ("docker rm -f web", "container-destroys"),
    ("docker volume rm data", "container-destroys"),
    ("docker compose down -v", "container-destroys"),
    ("docker stop $(docker ps -q)", "container-destroys"),
    ("docker swarm leave --force", "container-destroys"),
    ("lxc delete box", "container-destroys"),
    ("nsenter -t 1 -m ls", "container-escape"),
    ("nsenter --target=1 -m ls", "container-escape"),
]
MISSES = [
    ("docker image prune -f", "container-destroys"),
    ("docker builder prune", "container-destroys"),
    ("docker system prune --help", "container-destroys"),
    ("crictl rm x", "container-destroys"),
    ("docker run -v ./etc:/etc alpine", "mounts-host"),
    ("docker cp c:/x .", "reads-secret"),
    ("docker run --privileged=false alpine", "container-escape"),
    ("docker run alpine --privileged", "container-escape"),
    ("docker run --network host alpine", "container-escape"),
    ("docker run --device /dev/dri alpine", "container-escape"),
    ("docker run -v $PWD:/app alpine", "mounts-host"),
    ("docker run x.example/xmrig-exporter", "mines"),
    ("docker rm web", "container-destroys"),
    ("docker stop web", "container-destroys"),
    ("docker compose down", "container-destroys"),
    ("nsenter -t 42 -m sh", "container-escape"),
    ("nsenter -t 9 -m ls -la", "container-escape"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
