#!/bin/bash
# The package test as CI runs it: build the package, boot Debian 11 and 13, install, prove, remove (see run.py).
# Prints one line that begins with "package test:" and says passed, skipped with the reason, or failed. Exit status 1 only
# when the package is broken; a machine that cannot run this, or not in time, is no reason for a red build.
#   CLAWGATE_CI_SMOKE=0        skip
#   CLAWGATE_CI_SMOKE_S=1800   seconds the whole may take
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
limit=${CLAWGATE_CI_SMOKE_S:-1800}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

verdict() { echo "package test: $* (${SECONDS} s)"; }
skip() { verdict "skipped: $*"; exit 0; }
last() { grep -vE '^ *$' "$log" | tail -n 1; }

[ "${CLAWGATE_CI_SMOKE:-1}" != 0 ] || skip "switched off by CLAWGATE_CI_SMOKE=0"
[ "$(id -u)" = 0 ] || skip "not root"
command -v apt-get >/dev/null || skip "not a Debian or Ubuntu machine"
unshare --mount --propagation private mount -t tmpfs none /mnt 2>/dev/null || skip "no mount namespaces here"

missing=""
for pair in systemd-nspawn:systemd-container debootstrap:debootstrap apt-ftparchive:apt-utils gpg:gnupg; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
        >"$log" 2>&1 </dev/null || skip "cannot install$missing: $(last)"
fi

run() { # WHAT COMMAND...: status 77 and running out of time are reasons to skip, other failures are the package's
    local what=$1 status=0
    shift
    timeout --kill-after=60 $((limit - SECONDS > 1 ? limit - SECONDS : 1)) "$@" 2>&1 </dev/null | tee "$log" || status=$?
    case $status in
    0) ;;
    77) skip "$what: $(last)" ;;
    124 | 137) skip "$what: not done within $limit s" ;;
    *) verdict "FAILED: $what: $(last)"; exit 1 ;;
    esac
}

run "building the package" "$top/packaging/build-deb.sh"
version=$(dpkg-parsechangelog -l "$top/debian/changelog" -S Version)
deb=$top/dist/clawgate_${version}_$(dpkg --print-architecture).deb
# Once more when it fails: real machines boot here, and a busy host may miss a deadline; a broken package fails twice.
run "on booted machines" sh -c 'python3 "$0" "$1" || { status=$?; [ $status != 77 ] || exit 77; python3 "$0" "$1"; }' \
    "$top/packaging/smoke/run.py" "$deb"
verdict "passed on Debian 11 and 13"
