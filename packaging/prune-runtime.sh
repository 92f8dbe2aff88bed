#!/bin/sh
# Leaves out of a CPython tree what a service never loads: headers, static library, build configuration, GUI, tests.
set -eu
root=${1:?folder of the runtime}
lib=$root/lib/python3.13
rm -rf "$root/include" "$root/share" "$lib/test" "$lib/idlelib" "$lib/tkinter" "$lib/turtledemo" "$lib/ensurepip" \
    "$lib/pydoc_data" "$lib"/config-* "$lib/turtle.py" "$lib/_pyrepl" "$lib/venv" "$root/lib/pkgconfig"
find "$root" -name '*.a' -delete
find "$root" -name '__pycache__' -prune -exec rm -rf {} +
find "$root/bin" -type f ! -name python3.13 -delete
find "$root/bin" -type l -delete
