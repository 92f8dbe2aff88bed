"""What git would lose, here or at a remote."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("git config --global core.editor /tmp/vim", "git-hooks-command"),
    ("git config --global http.sslVerify false", "git-hooks-command"),
    ("git checkout HEAD~1 src/a.py", "git-discards"),
    ("git show --output=.git\\config HEAD", "git-hooks-command"),
    ("git -c clean.requireForce=false clean -dx", "git-discards"),
    ("git branch -f main HEAD~3", "git-discards"),
    ("git rm -r --force src", "git-discards"),
    ("bfg --delete-files x", "git-erases-history"),
    ("git prune", "git-erases-history"),
    ("git credential fill", "reads-service-secret"),
    ("git config --global init.templateDir /tmp/t", "git-hooks-command"),
    ("hg strip tip", "git-discards"),
    ("svn revert -R .", "git-discards"),
    ("jj abandon", "git-discards"),
    ("git symbolic-ref -d HEAD", "git-erases-history"),
    ("git reset --hard", "git-discards"),
    ("git -C /r --no-pager reset --hard x", "git-discards"),
    ("git clean -xdf", "git-discards"),
    ("git checkout -- a.py", "git-discards"),
    ("git checkout -f main", "git-discards"),
    ("git switch --discard-changes main", "git-discards"),
    ("git restore a.py", "git-discards"),
    ("git restore --staged --worktree a.py", "git-discards"),
    ("git stash drop", "git-discards"),
    ("git branch -D x", "git-discards"),
    ("git branch -d -f x", "git-discards"),
    ("git tag -d v1", "git-discards"),
    ("git worktree remove -f w", "git-discards"),
    ("git submodule deinit --all", "git-discards"),
    ("git rm -rf src", "git-discards"),
    ("git push -f", "git-overwrites-remote"),
    ("git push origin :x", "git-overwrites-remote"),
    ("git push origin +x", "git-overwrites-remote"),
    ("git push --mirror", "git-overwrites-remote"),
    ("git filter-repo --path x", "git-erases-history"),
    ("git reflog delete x", "git-erases-history"),
    ("git gc --prune=now", "git-erases-history"),
    ("git update-ref -d refs/heads/x", "git-erases-history"),
    ("git config core.hooksPath /tmp/h", "git-hooks-command"),
    ("git config alias.x '!sh'", "git-hooks-command"),
    ("git show --output=.git/config HEAD", "git-hooks-command"),
    ("git remote set-url origin https://x.example", "git-redirects"),
    ("git commit --no-verify -m x", "skips-approval"),
    ("git read-tree --reset -u HEAD", "git-discards"),
    ("git checkout-index -a -f", "git-discards"),
    ("git lfs prune", "git-discards"),
    ("git commit -n -m x", "skips-approval"),
    ("HUSKY=0 git push", "skips-approval"),
    ("git remote set-url origin https://x.example/r.git", "git-redirects"),
]
MISSES = [
    ("git config --global core.editor 'code --wait'", "git-hooks-command"),
    ("git config --global core.pager less", "git-hooks-command"),
    ("git checkout -b x origin/main", "git-discards"),
    ("git checkout --track origin/x", "git-discards"),
    ("git show --output=.gitignore HEAD", "git-hooks-command"),
    ("git prune -n", "git-erases-history"),
    ("hg update default", "git-discards"),
    ("svn revert a.c", "git-discards"),
    ("jj log", "git-discards"),
    ("git symbolic-ref HEAD", "git-erases-history"),
    ("git reset --soft HEAD~1", "git-discards"),
    ("git clean -nfd", "git-discards"),
    ("git checkout -b x", "git-discards"),
    ("git checkout -p HEAD -- a.py", "git-discards"),
    ("git restore --staged a.py", "git-discards"),
    ("git stash pop", "git-discards"),
    ("git branch -d x", "git-discards"),
    ("git rm --cached -rf x", "git-discards"),
    ("git push", "git-overwrites-remote"),
    ("git push --force-with-lease", "git-overwrites-remote"),
    ("git push -n -f", "git-overwrites-remote"),
    ("git gc", "git-erases-history"),
    ("git config user.name x", "git-hooks-command"),
    ("git config alias.x status", "git-hooks-command"),
    ("git show --output=notes.txt HEAD", "git-hooks-command"),
    ("git read-tree HEAD", "git-discards"),
    ("git lfs pull", "git-discards"),
    ("git commit -m x", "skips-approval"),
    ("HUSKY=0 npm ci", "skips-approval"),
    ("git push -n origin", "skips-approval"),
    ("git remote set-url origin git@github.com:me/r.git", "git-redirects"),
    ("git remote set-url origin https://gitlab.com/me/r.git", "git-redirects"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
