"""Builtins that change the walk."""

import pytest

from tests.support.commands import argv_of, facts_of


@pytest.mark.parametrize(
    "command",
    [
        "cd / && rm -rf *",
        "cd /srv; cd ..; rm -rf *",
        "ssh host <<< 'rm -rf /'",
        "pushd /etc; rm -rf *",
        "eval 'rm -rf /'",
        "eval rm -rf /",
        "trap 'rm -rf /' EXIT",
        "alias x='rm -rf'; x /",
        "alias x='rm -rf /'",
        "export V='rm -rf /'; $V",
        "declare v=rm; $v -rf /",
        "echo 'rm -rf /' | at now",
        "echo '* * * * * rm -rf /' | crontab -",
        "(crontab -l; echo '@daily rm -rf /') | crontab -",
        "read x <<< 'rm'; $x -rf /",
        "printf -v x rm; $x -rf /",
        "echo 'rm -rf /' > x; source ./x",
        'set -- rm -rf /; "$@"',
        "set -- x rm; shift; $1 -rf /",
        "hash -p /bin/rm ls; ls -rf /",
        "mapfile -C 'rm -rf /' -c 1 x",
        "complete -C 'rm -rf /' x",
        "alias v=python3; v -c \"os.system('rm -rf /')\"",
        "alias v='nice -n 9 python3'; v -c \"os.system('rm -rf /')\"",
        "alias v='X=1 sh'; v -c 'rm -rf /'",
        "make -f - <<< $'all:\\n\\t@rm -rf /'",
        "printf 'all:\\n\\trm -rf /' > Makefile; make",
        "source /dev/fd/3 3<<< 'rm -rf /'",
    ],
)
def test_what_they_run_is_walked(command: str) -> None:
    assert "deletes-root" in facts_of(command)


@pytest.mark.parametrize(
    "command", ['eval "$(ssh-agent -s)"', 'eval "$(pyenv init -)"', "eval $(direnv hook bash)", "cd - && rm -rf build"]
)
def test_ordinary_use(command: str) -> None:
    assert not facts_of(command) & {"deletes-root", "deletes-tree", "executes-input"}


def test_a_subshell_keeps_its_folder_to_itself() -> None:
    assert "deletes-root" not in facts_of("(cd /); rm -rf *")
    assert argv_of("read a b <<< '1 2'; p $a $b") == ("p", "1", "2")
