#!/bin/sh
# Leaves tests, type stubs of others and C sources out of the installed Python packages; licences stay.
set -eu
site=${1:?folder of the packages}
rm -rf "$site/bin" "$site/gevent/tests" "$site/gevent/testing" "$site/greenlet/tests" "$site/prometheus_client/twisted"
find "$site" \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -type f ! -path '*/gw/*' -delete
find "$site" -name '__pycache__' -prune -exec rm -rf {} +
# Records of files that are no longer there would only mislead.
find "$site" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
find "$site" -name '*.so*' -type f -exec chmod 644 {} +
