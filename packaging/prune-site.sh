#!/bin/sh
# Leaves tests, stubs, C sources and the loops and resolvers we do not use out of the installed packages; licences stay.
set -eu
site=${1:?folder of the packages}
rm -rf "${site:?}/bin" "$site/gevent/tests" "$site/gevent/testing" "$site/greenlet/tests" "$site/prometheus_client/twisted" \
    "$site/gevent/libuv" "$site/gevent/resolver/cares."* "$site/zope/interface/tests" "$site/zope/interface/common/tests" \
    "$site/zope/event/tests" "$site/certifi/tests" "$site/cffi"
(cd "$site/rich" && rm -f markdown.py syntax.py traceback.py _win32_console.py _windows*.py _inspect.py diagnose.py)
rm -rf "$site/urllib3/contrib/emscripten" "$site/gevent/resolver/dnspython.py" "$site/gevent/ares.py"
find "$site" \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) \
    -type f ! -path '*/gw/*' -delete
find "$site" -name '__pycache__' -prune -exec rm -rf {} +
# Records of files that are no longer there would only mislead.
find "$site" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
# Modules are imported, never run.
find "$site" -type f \( -name '*.so*' -o -name '*.py' \) -exec chmod 644 {} +
find "$site" -name '*.py' -exec sed -i '1{/^#!/d}' {} +
