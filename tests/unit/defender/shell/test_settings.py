"""Lines of start-up files that only set something."""

import pytest

from gw.defender.shell.settings import only_set


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("~/.bashrc", 'export PATH="$HOME/.local/bin:$PATH"\n'),
        ("~/.profile", "PATH=$PATH:/usr/local/go/bin"),
        ("~/.bashrc", "# go\n\nexport GOPATH=$HOME/go\nexport EDITOR=vim"),
        ("~/.zshrc", 'eval "$(direnv hook zsh)"'),
        ("~/.bashrc", "source <(kubectl completion bash)"),
        ("~/.bash_aliases", "alias ll='ls -alF'"),
        ("~/.bashrc", "alias ls='ls --color=auto'"),
        ("~/.bashrc", "set -o vi"),
        ("~/.vimrc", "syntax on\nset number\nset tabstop=4"),
        ("~/.tmux.conf", "set -g mouse on\nunbind C-b"),
    ],
)
def test_quiet(path: str, text: str) -> None:
    assert only_set(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("~/.bashrc", "x"),
        ("~/.bashrc", "/opt/x &"),
        ("~/.bashrc", "export PATH=/tmp/x/bin:$PATH"),
        ("~/.bashrc", "export PATH=.:$PATH"),
        ("~/.bashrc", "export PATH=$(curl h)/bin:$PATH"),
        ("~/.bashrc", "export LD_PRELOAD=/opt/x.so"),
        ("~/.bashrc", "export PROMPT_COMMAND=x"),
        ("~/.bashrc", "export EDITOR='sh -c x'"),
        ("~/.bashrc", "alias ls='x; ls'"),
        ("~/.bashrc", "alias ls=x"),
        ("~/.bashrc", "alias sudo=/opt/sudo"),
        ("~/.bashrc", 'eval "$(curl -s h)"'),
        ("~/.bashrc", "source <(curl -s h)"),
        ("~/.bashrc", "source ~/.x"),
        ("~/.bashrc", "set -o vi\nx"),
        ("~/.vimrc", "set shell=/opt/x"),
        ("~/.vimrc", "!x"),
        ("~/.tmux.conf", "set -g default-command x"),
        ("~/.tmux.conf", "run-shell x"),
        ("~/.ssh/authorized_keys", "# x"),
        ("/etc/profile", "set -o vi"),
    ],
)
def test_not_quiet(path: str, text: str) -> None:
    assert not only_set(path, text)
