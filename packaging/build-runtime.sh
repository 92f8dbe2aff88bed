#!/bin/bash
# Makes the private runtime (CPython, static OpenSSL and RE2) in a Debian 11 root and keeps it in the cache.
# Prints the root folder and the runtime archive. Needs root, debootstrap and a Debian archive keyring.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/versions.env
. "$here/versions.env"
# shellcheck source=packaging/chroot.sh
. "$here/chroot.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || unable "install debian-archive-keyring first"

root=$(make_root "$BUILD_SUITE" root-build build-essential debhelper fakeroot pkg-config zlib1g-dev libbz2-dev \
    liblzma-dev libsqlite3-dev uuid-dev libffi-dev unicode-data python3-six perl)
sources=$root/etc/apt/sources.list.d/sources.list
if [ ! -e "$sources" ]; then
    cp "$keyring" "$root/usr/share/keyrings/clawgate-build.gpg"
    site=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$root/etc/apt/sources.list" | head -n 1)
    for suite in $(printf '%s\n' "$PYTHON_SUITE" "$OPENSSL_SUITE" "$RE2_SUITE" | sort -u); do
        echo "deb-src [signed-by=/usr/share/keyrings/clawgate-build.gpg] $site $suite main"
    done >"$sources"
    in_root "$root" apt-get update -qq || { rm "$sources"; unable "no Debian archive in reach"; }
fi

rm -rf "$root/packaging"
mkdir "$root/packaging"
cp "$here/runtime.sh" "$here/versions.env" "$root/packaging/"
say "fetching the runtime's sources"
versions=$(in_root "$root" /packaging/runtime.sh fetch 2>"$CACHE/fetch.log") || { cat "$CACHE/fetch.log" >&2; unable "cannot fetch the sources"; }
key=$( (echo "$versions"; cat "$here/runtime.sh" "$here/versions.env"; echo "$ARCH ${CLAWGATE_PGO:-}") | sha256sum | cut -c1-16)
runtime=$CACHE/runtime-$key.tar
if [ ! -e "$runtime" ]; then
    say "building the runtime (5 to 10 minutes, once): $(echo "$versions" | paste -sd' ')"
    rm -rf "$root$PREFIX" "$root/opt/dep" "$root/opt/re2"
    in_root "$root" /packaging/runtime.sh build >"$CACHE/runtime-$key.log" 2>&1 ||
        { tail -20 "$CACHE/runtime-$key.log" >&2; die "runtime build failed, see $CACHE/runtime-$key.log"; }
    echo "$versions" >"$root$PREFIX/python/SOURCES"
    tar -C "$root" -cf "$runtime.part" ".$PREFIX/python" ./opt/re2
    mv "$runtime.part" "$runtime"
fi
echo "$root $runtime"
