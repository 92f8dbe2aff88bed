#!/bin/bash
# Checks a built package for what its users were promised: size, no symbol above GLIBC_2.31, no dependency whose name
# differs between Ubuntu 20.04 and 24.04, no path of the build machine.
set -euo pipefail
deb=${1:?package}
command -v objdump >/dev/null || { echo "error: objdump (binutils) is needed" >&2; exit 77; }
[ "$(stat -c %s "$deb")" -le $((16 * 1024 * 1024)) ] || { echo "error: package larger than 16 MB" >&2; exit 1; }
installed=$(dpkg-deb -f "$deb" Installed-Size)
[ "$installed" -le $((60 * 1024)) ] || { echo "error: installed size $installed KiB is above 60 MB" >&2; exit 1; }
if dpkg-deb -f "$deb" Depends | grep -E 'libssl|libffi|libreadline|libncurses|libre2|python3'; then
    echo "error: a dependency whose name changes between releases" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$deb" "$work"
highest=$(find "$work" -type f \( -name '*.so*' -o -path '*/bin/*' \) -exec sh -c \
    'for f; do objdump -T "$f" 2>/dev/null | grep -o "GLIBC_2\.[0-9.]*"; done; true' sh {} + | sort -uV | tail -n 1)
[ "$(printf '%s\nGLIBC_2.31\n' "$highest" | sort -V | tail -n 1)" = GLIBC_2.31 ] ||
    { echo "error: needs $highest, above GLIBC_2.31" >&2; exit 1; }
if grep -rlE "${CLAWGATE_CACHE:-$HOME/.cache}/" "$work" | head -3 | grep .; then
    echo "error: a path of the build machine is in the package" >&2
    exit 1
fi
echo "package $(stat -c %s "$deb") bytes, installed $installed KiB, highest symbol $highest"
