#!/bin/sh
# Leaves tests, stubs, C sources and the loops and resolvers we do not use out of the installed packages; licences stay.
set -eu
site=${1:?folder of the packages}
rm -rf "${site:?}/bin" "$site/gevent/tests" "$site/gevent/testing" "$site/greenlet/tests" "$site/prometheus_client/twisted" \
    "$site/prometheus_client/aiohttp" "$site/prometheus_client/bridge" "$site/prometheus_client/django" \
    "$site/gevent/libuv" "$site/gevent/resolver/cares."* "$site/zope/interface/tests" "$site/zope/interface/common" \
    "$site/zope/event/tests" "$site/certifi/tests" "$site/cffi"
(cd "$site/rich" && rm -f markdown.py syntax.py traceback.py _win32_console.py _windows*.py _inspect.py diagnose.py layout.py \
    prompt.py logging.py)
# Character widths of the newest Unicode only; who asks for older ones gets these.
(
    cd "$site/rich/_unicode_data"
    newest=$(find . -name 'unicode*.py' -printf '%f\n' | sort -V | tail -n 1)
    find . -name 'unicode*.py' ! -name "$newest" -delete
    echo "VERSIONS = (\"$(echo "$newest" | sed 's/^unicode//; s/\.py$//; s/-/./g')\",)" >_versions.py
)
rm -rf "$site/urllib3/contrib/emscripten" "$site/urllib3/contrib/pyopenssl.py" "$site/gevent/resolver/dnspython.py" \
    "$site/gevent/ares.py" "$site/gevent/backdoor.py" "$site/gevent/_ffi" "$site/gevent/libev/_corecffi."* \
    "$site/gevent/libev/corecffi.py" "$site/gevent/libev/watcher.py" "$site/click/testing.py" "$site/click/_winconsole.py" \
    "$site/prometheus_client/parser.py" "$site/prometheus_client/openmetrics/parser.py" "$site/charset_normalizer/cli"
find "$site" \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) \
    -type f ! -path '*/gw/*' -delete
find "$site" -name '__pycache__' -prune -exec rm -rf {} +
# Records of files that are no longer there would only mislead.
find "$site" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
# Modules are imported, never run.
find "$site" -type f \( -name '*.so*' -o -name '*.py' \) -exec chmod 644 {} +
find "$site" -name '*.py' -exec sed -i '1{/^#!/d}' {} +
