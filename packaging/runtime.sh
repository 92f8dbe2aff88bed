#!/bin/bash
# Runs inside the Debian 11 root: builds OpenSSL and RE2 as static libraries and CPython against them.
#   runtime.sh fetch     download the sources to /src and print their versions, one a line
#   runtime.sh build     build; leaves CPython under $PREFIX/python and RE2 under /opt/re2
# CLAWGATE_PGO=1 makes a profile-guided interpreter (about 20 % faster, two more minutes): for releases.
set -euo pipefail
# shellcheck source=packaging/versions.env
. "$(dirname "$0")/versions.env"
jobs=${JOBS:-2}
dep=/opt/dep
reproducible="-ffile-prefix-map=/src=."

fetch() {
    mkdir -p /src
    cd /src
    for part in PYTHON OPENSSL RE2; do
        suite=${part}_SUITE source=${part}_SOURCE
        suite=${!suite} source=${!source}
        version=$(cd / && apt-get source --print-uris "$source/$suite" | sed -n "s/.* ${source}_\\(.*\\)\\.dsc .*/\\1/p")
        [ -n "$version" ] || { echo "no source package $source in $suite" >&2; exit 1; }
        if [ ! -e "$source-$version.fetched" ]; then
            # apt checks every file against the signed archive; the .dsc's own signature adds nothing to that.
            apt-get source -qq --download-only "$source/$suite" >&2
            touch "$source-$version.fetched"
        fi
        echo "$source $version"
    done
}

unpack() { # always from the archives, so that two builds are the same build
    cd /src
    rm -rf "${1:?}"
    dpkg-source --no-check -x "$1"_*.dsc "$1"
    cd "$1"
    SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -S Timestamp)
    export SOURCE_DATE_EPOCH
}

build_openssl() {
    unpack "$OPENSSL_SOURCE"
    case $(uname -m) in x86_64) target=linux-x86_64 ;; aarch64) target=linux-aarch64 ;; *) exit 1 ;; esac
    ./Configure "$target" --prefix=$dep --openssldir=/etc/ssl --libdir=lib no-shared no-tests no-docs no-apps no-legacy \
        no-module no-ssl3 no-engine no-zlib CFLAGS="-O2 -fPIC $reproducible"
    make -s -j"$jobs" build_libs
    make -s install_dev
    # glibc 2.31 needs -ldl after libcrypto, which CPython's configure does not add: linker scripts cure it.
    echo "GROUP ( $dep/lib/libcrypto.a -ldl -lpthread )" >$dep/lib/libcrypto.so
    echo "GROUP ( $dep/lib/libssl.a $dep/lib/libcrypto.a -ldl -lpthread )" >$dep/lib/libssl.so
}

build_re2() {
    unpack "$RE2_SOURCE"
    make -s -j"$jobs" REBUILD_TABLES=1 CXXFLAGS="-O3 -fPIC -g0 -std=c++11 $reproducible" obj/libre2.a
    install -D -m644 -t /opt/re2/lib obj/libre2.a
    install -D -m644 -t /opt/re2/include/re2 re2/re2.h re2/set.h re2/stringpiece.h re2/filtered_re2.h
}

build_python() {
    unpack "$PYTHON_SOURCE"
    local pgo=()
    [ "${CLAWGATE_PGO:-}" = 1 ] && pgo=(--enable-optimizations)
    local absent=()
    for module in _tkinter _curses _curses_panel readline _gdbm _dbm; do absent+=("py_cv_module_$module=n/a"); done
    ./configure --prefix="$PREFIX/python" --without-ensurepip --disable-test-modules --without-doc-strings \
        --with-openssl=$dep --with-openssl-rpath=no "${pgo[@]}" "${absent[@]}" \
        CFLAGS="$reproducible" LIBFFI_CFLAGS=" " LIBFFI_LIBS="-l:libffi.a -ldl" \
        LDFLAGS="-Wl,-z,relro -Wl,-z,now -Wl,--exclude-libs,ALL"
    # A short training run: the whole default set takes half an hour.
    make -s -j"$jobs" PROFILE_TASK="-m test --pgo test_json test_re test_struct test_socket test_set test_dict test_long"
    make -s install
    rm -rf "$PREFIX"/python/lib/python3.*/{test,idlelib,tkinter,turtledemo,ensurepip,pydoc_data}
    # CPython builds without ssl and says so only in a summary: fail here instead.
    "$PREFIX"/python/bin/python3.13 -c 'import ssl, _hashlib, _ctypes, _sqlite3, zlib, bz2, lzma, _uuid; print(ssl.OPENSSL_VERSION)'
}

case ${1:-} in
fetch) fetch ;;
build)
    build_openssl
    build_re2
    build_python
    ;;
*) sed -n '2,5p' "$0" | cut -c3-; exit 2 ;;
esac
