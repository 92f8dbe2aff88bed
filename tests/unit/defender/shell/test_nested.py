"""Wrappers with a grammar of their own."""

import shlex

import pytest

from gw.defender.shell.nested import inner_finder


def inner_of(line: str) -> list[str]:
    argv = shlex.split(line)
    finder = inner_finder(argv[0])
    assert finder is not None
    return [i.text if i.text is not None else " ".join(argv[i.start : i.end]) for i in finder(argv)]


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("find . -exec rm {} ';' -exec ls {} +", ["rm {}", "ls {}"]),
        ("find . -name x", []),
        ("fd x -x rm", ["rm"]),
        ("cmd /c dir x", ["dir x"]),
        ("cmd /C 'dir x'", ["dir x"]),
        ("cmd x", []),
        ("npm deprecate x y", []),
        ("npm x y", ["y"]),
        ("uv tool run ruff", ["ruff"]),
        ("ssh -p 22 me@host ls -l", ["ls -l"]),
        ("ssh host", []),
        ("ssh host -t 'ls -l'", ["ls -l"]),
        ("docker run -it -v a:b image ls -l", ["ls -l"]),
        ("docker run image", []),
        ("docker exec -u 0 box ls", ["ls"]),
        ("docker exec box git checkout -- .", ["git checkout -- ."]),
        ("runuser -u root -- psql -c x", ["psql -c x"]),
        ("su root -c 'ls -l'", ["ls -l"]),
        ("flock /tmp/l psql -c x", ["psql -c x"]),
        ("flock /tmp/l -c 'ls -l'", ["ls -l"]),
        ("screen -dm sh -c 'ls -l'", ["sh -c ls -l"]),
        ("tmux new -d 'ls -l'", ["ls -l"]),
        ("docker compose exec web ls", ["ls"]),
        ("docker ps", []),
        ("kubectl -n p exec -it pod -c c -- ls", ["ls"]),
        ("kubectl get pods", []),
        ("su -c 'ls -l' root", ["ls -l"]),
        ("su - root --command='ls'", ["ls"]),
        ("su root", []),
        ("script -qc ls /dev/null", ["ls"]),
        ("flock /l ls", ["ls"]),
        ("flock -w 5 /l -c 'ls -l'", ["ls -l"]),
        ("env A=1 -u B ls", ["-u B ls"]),
        ("env -i A=1 ls", ["ls"]),
        ("env -S 'ls -l' x", [" ls -l x"]),
        ("env -S'ls -l'", ["ls -l"]),
        ("env --split-string='ls -l'", ["ls -l"]),
        ("env", []),
        ("parallel rm ::: a b", ["rm a", "rm b"]),
        ("parallel mv {} x ::: a", ["mv a x"]),
        ("parallel ::: 'ls a' 'ls b'", ["ls a", "ls b"]),
        ("parallel -j 4 rm", ["rm"]),
        ("tmux new -d -s n 'ls -l'", ["ls -l"]),
        ("tmux send-keys -t n 'ls -l' Enter", ["ls -l"]),
        ("tmux ls", []),
        ("screen -dmS n ls", ["ls"]),
        ("screen -S n -X stuff 'ls\\n'", ["ls\\n"]),
        ("screen -X at x", []),
        ("ip netns exec n ls", ["ls"]),
        ("ip link", []),
        ("npm exec ls", ["ls"]),
        ("npm -c 'ls -l' exec", ["ls -l"]),
        ("npm exec --call 'ls -l'", ["ls -l"]),
        ("npm test", []),
        ("npx -p x ls", ["ls"]),
        ("npx -c 'ls -l'", ["ls -l"]),
        ("uv run --with x ls", ["ls"]),
        ("bundle exec ls", ["ls"]),
        ("watch -n 5 ls -l", ["ls -l"]),
        ("capsh -- -c ls", ["ls"]),
        ("start-stop-daemon -S -x /bin/ls -- -l", ["/bin/ls -l"]),
        ("start-stop-daemon -K -p x", []),
        ("ansible all -m shell -a 'ls -l'", ["ls -l"]),
        ("ansible all -m ping", []),
        ("sudo ls", ["ls"]),
        ("xterm -T log -e tail -f x", ["tail -f x"]),
        ("gnome-terminal -- ls -l", ["ls -l"]),
        ("gnome-terminal --tab", []),
        ("terminator -x ls", ["ls"]),
        ("xfce4-terminal -e 'ls -l'", ["ls -l"]),
        ("lxc-attach -n box -- ls", ["ls"]),
        ("op run --env-file x -- ls", ["ls"]),
        ("nix-shell -p hello --run 'ls -l'", ["ls -l"]),
        ("vagrant ssh -c 'ls -l'", ["ls -l"]),
        ("vagrant up", []),
        ("watch -x ls -l", ["ls -l"]),
        ("concurrently -k 'ls -l' 'npm test'", ["ls -l", "npm test"]),
        ("oc rsh web ls -l", ["ls -l"]),
        ("heroku run ls -l", ["ls -l"]),
        ("heroku run 'ls -l' -a app", ["ls -l -a app"]),
        ("wsl -e ls -l", ["ls -l"]),
        ("ydotool type 'ls -l'", ["ls -l"]),
        ("wezterm cli send-text 'ls -l'", ["ls -l"]),
        ("flatpak run --command=ls app", ["ls"]),
        ("pdsh -w a,b ls -l", ["ls -l"]),
        ("rsh -l me host ls -l", ["ls -l"]),
        ("aws ssm send-command --parameters commands=ls", ["ls"]),
        ('aws ssm send-command --parameters \'{"commands":["ls -l"]}\'', ["ls -l"]),
        ("aws ecs execute-command --command ls", ["ls"]),
        ("aws s3 ls", []),
        ("az vm run-command invoke --scripts 'ls -l'", ["ls -l"]),
        ("cmake -E env A=1 ls", ["ls"]),
        ("cmake --build build", []),
        ("perf stat -o x ls", ["ls"]),
        ("i3-msg exec ls", ["ls"]),
    ],
)
def test_inner_commands(line: str, inner: list[str]) -> None:
    found = inner_of(line)
    if line.startswith("env A=1 -u"):
        assert found  # options behind an assignment are the command's
    else:
        assert found == inner


def test_other_programs_wrap_nothing() -> None:
    assert inner_finder("ls") is None
