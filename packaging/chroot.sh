# shellcheck shell=bash
# Sourced by the other scripts: runs commands inside a root folder, with /proc mounted in a private mount namespace only
# (a copied chroot with /proc in it would fill the disk with kcore).

CACHE=${CLAWGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clawgate}/deb
ARCH=$(dpkg --print-architecture)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
unable() { printf 'error: %s\n' "$*" >&2; exit 77; } # this machine's fault or the network's, not the package's
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The Debian mirror: CLAWGATE_DEBIAN_MIRROR, else the one this machine's apt already uses for Debian, else debootstrap's own.
mirror() {
    if [ -n "${CLAWGATE_DEBIAN_MIRROR:-}" ]; then
        echo "$CLAWGATE_DEBIAN_MIRROR"
    else
        # shellcheck disable=SC2016
        apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m1 '/debian$' || true
    fi
}

# in_root ROOT COMMAND...: a clean environment, no network namespace of its own.
in_root() {
    local root=$1
    shift
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c '
        root=$1; shift
        mount -t proc proc "$root/proc"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}" CLAWGATE_PGO="${CLAWGATE_PGO:-}" JOBS="$(nproc)" \
            chroot "$root" "$@"' sh "$root" "$@"
}

# make_root SUITE NAME PACKAGES...: a debootstrapped folder with those packages, made once; prints its path.
make_root() {
    local suite=$1 name=$2
    shift 2
    local key root mirror_url
    key=$(printf '%s\n' "$suite" "$ARCH" "$@" | sha256sum | cut -c1-12)
    root=$CACHE/$name-$key
    if [ ! -e "$root/.done" ]; then
        say "making a Debian $suite root (once)"
        rm -rf "$root"
        mkdir -p "$root"
        mirror_url=$(mirror)
        # shellcheck disable=SC2086
        debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" $mirror_url >"$root.log" 2>&1 ||
            { tail -5 "$root.log" >&2; unable "debootstrap $suite failed, see $root.log"; }
        cp /etc/resolv.conf "$root/etc/resolv.conf"
        printf 'APT::Install-Recommends "0";\n' >"$root/etc/apt/apt.conf.d/90clawgate"
        in_root "$root" apt-get update -qq >>"$root.log" 2>&1 || unable "no Debian archive in reach, see $root.log"
        [ $# -eq 0 ] || in_root "$root" apt-get install -y -qq "$@" >>"$root.log" 2>&1 ||
            { tail -5 "$root.log" >&2; unable "cannot install the build packages, see $root.log"; }
        touch "$root/.done"
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    echo "$root"
}
