#!/bin/sh
# Writes bash, zsh and fish completions for the commands of the tree it runs in.
set -eu
dest=${1:?destination folder}
python=/usr/lib/clawgate/python/bin/python3.13
site=$dest/usr/lib/clawgate/site
write() { # SHELL FILE
    mkdir -p "$(dirname "$dest$2")"
    _CLAWGATE_COMPLETE=${1}_source "$python" -IB -c \
        "import sys; sys.path.insert(0, '$site'); sys.argv[0] = 'clawgate'; from gw.cli.entry import main; main()" >"$dest$2"
    [ -s "$dest$2" ]
}
write bash /usr/share/bash-completion/completions/clawgate
write zsh /usr/share/zsh/vendor-completions/_clawgate
write fish /usr/share/fish/vendor_completions.d/clawgate.fish
