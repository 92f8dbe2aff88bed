#!/bin/sh
# Installs what the build needs from the distribution, and only what is missing: a C++ compiler, Python's headers and
# venv module, RE2's headers. Debian 12, Ubuntu 24.04 and newer; older systems use the .deb instead.
set -eu

missing=""
need() { dpkg -s "$1" >/dev/null 2>&1 || missing="$missing $1"; }

command -v dpkg >/dev/null 2>&1 || { echo "clawgate builds on Debian and Ubuntu; here, install a C++ compiler, Python's and RE2's headers by hand" >&2; exit 0; }
need g++
need pkg-config
need libre2-dev
# Headers and venv of the interpreter in use; a Python outside the package system brings its own.
python=${PYTHON:-python3}
header=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"] + "/Python.h")')
[ -e "$header" ] || need python3-dev
"$python" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv

[ -n "$missing" ] || exit 0
echo "installing:$missing"
as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
