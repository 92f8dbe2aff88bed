#!/bin/bash
# Builds dist/clawgate_<version>_<arch>.deb and its checksums. `make deb` runs this.
#   --release   a profile-guided interpreter
# Exit status 77: this machine cannot (not root, no archive in reach); anything else but 0: the package is broken.
# Works on any Debian or Ubuntu machine as root; everything is compiled in a Debian 11 root, so one package serves every
# distribution with glibc 2.31 or newer. Downloads and the runtime are cached outside the tree (CLAWGATE_CACHE).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
# shellcheck source=packaging/versions.env
. "$here/versions.env"
# shellcheck source=packaging/chroot.sh
. "$here/chroot.sh"

case ${1:-} in
--release) export CLAWGATE_PGO=1 ;;
"") ;;
*) sed -n '2,6p' "$0" | cut -c3-; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || unable "needs root (it makes a Debian root folder); try: sudo make deb"
missing=""
for pair in debootstrap:debootstrap unshare:util-linux dpkg-parsechangelog:dpkg-dev objdump:binutils git:git python3:python3-venv; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
if [ -n "$missing" ]; then
    say "installing:$missing"
    apt-get update -qq || unable "apt-get update failed"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null || unable "cannot install$missing"
fi
mkdir -p "$CACHE"
exec 9>"$CACHE/lock" # one build at a time: they share the root
flock 9

made=$("$here/build-runtime.sh")
read -r root runtime <<<"$(tail -n 1 <<<"$made")"

# Wheels: fetched here, checked against the hashes in the tree, installed in the root without a network.
wheels=$CACHE/wheels-$(cat "$here"/requirements*.txt | sha256sum | cut -c1-12)-$ARCH
if [ ! -e "$wheels/.done" ]; then
    say "fetching wheels"
    machine=$(uname -m)
    for list in requirements.txt requirements-build.txt; do
        [ -x "$CACHE/pip/bin/pip" ] || python3 -m venv "$CACHE/pip"
        "$CACHE/pip/bin/python" -m pip download -q --dest "$wheels" --require-hashes --no-deps --only-binary=:all: \
            --python-version 313 --implementation cp --platform "manylinux_2_28_$machine" \
            --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" -r "$here/$list" ||
            unable "cannot fetch the wheels of $list"
    done
    touch "$wheels/.done"
fi

version=$(dpkg-parsechangelog -l "$top/debian/changelog" -S Version)
epoch=$(dpkg-parsechangelog -l "$top/debian/changelog" -S Timestamp)
declared=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$top/gw/__init__.py")
[ "$declared" = "$version" ] || die "gw/__init__.py says $declared, debian/changelog says $version"

say "building clawgate $version for $ARCH"
rm -rf "$root$PREFIX" "$root/opt/re2" "$root/build"
tar -C "$root" -xf "$runtime"
source=$root/build/clawgate-$version
mkdir -p "$source"
# What git tracks, as it is in the working tree: never a stray file, and modes that no umask decides.
git -C "$top" ls-files -z | (cd "$top" && tar -c --mode=go=u,go-w --null --no-recursion --ignore-failed-read -T - 2>/dev/null) | tar -x -C "$source"
rm -rf "$root/opt/wheels"
cp -r "$wheels" "$root/opt/wheels"
log=$CACHE/package.log
SOURCE_DATE_EPOCH=$epoch in_root "$root" sh -c "cd /build/clawgate-$version && dpkg-buildpackage -b -us -uc -rfakeroot" >"$log" 2>&1 ||
    { tail -30 "$log" >&2; die "the package did not build, see $log"; }

mkdir -p "$top/dist"
cp "$root/build/clawgate_${version}_$ARCH.deb" "$top/dist/"
"$here/check-deb.sh" "$top/dist/clawgate_${version}_$ARCH.deb"
(cd "$top/dist" && sha256sum ./*.deb >SHA256SUMS)
say "dist/clawgate_${version}_$ARCH.deb: $(stat -c %s "$top/dist/clawgate_${version}_$ARCH.deb" | numfmt --to=iec)"
