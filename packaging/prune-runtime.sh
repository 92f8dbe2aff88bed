#!/bin/sh
# Leaves out of a CPython tree what a service never loads: headers, static library, build configuration, GUI, tests,
# the documentation and debugging tools, process pools, asyncio (the event loop is gevent's), XML, code pages of old.
set -eu
root=${1:?folder of the runtime}
lib=$root/lib/python3.13
rm -rf "$root/include" "$root/share" "$root/lib/pkgconfig"
cd "$lib"
rm -rf test idlelib tkinter turtledemo ensurepip pydoc_data config-* turtle.py _pyrepl venv unittest xmlrpc dbm curses \
    asyncio multiprocessing xml concurrent/futures/process.py \
    pydoc.py doctest.py pdb.py mailbox.py _pydecimal.py _pyio.py pickletools.py __phello__ antigravity.py this.py
# hashlib has its own SHA-2, SHA-3, MD5 and BLAKE2; the OpenSSL ones would bring a second copy of libcrypto (5.7 MB on
# disk, 3.6 MB of memory in every process). _ssl keeps the one it needs.
rm -f lib-dynload/_hashlib.*
rm -f encodings/cp[0-9]* encodings/mac_* encodings/iso* encodings/koi8* encodings/kz1048* encodings/ptcp* encodings/big5* \
    encodings/gb* encodings/euc_* encodings/shift_* encodings/johab* encodings/hz* encodings/hp_* encodings/tis*
rm -f lib-dynload/_codecs_* lib-dynload/_test* lib-dynload/_xxtestfuzz* lib-dynload/xx* lib-dynload/_ctypes_test* lib-dynload/_multiprocessing* \
    lib-dynload/_asyncio* lib-dynload/_elementtree* lib-dynload/_multibytecodec* lib-dynload/_lsprof* lib-dynload/_curses* \
    lib-dynload/pyexpat* plistlib.py imaplib.py ftplib.py smtplib.py poplib.py cProfile.py profile.py pstats.py \
    trace.py webbrowser.py optparse.py modulefinder.py wave.py fileinput.py statistics.py bdb.py tabnanny.py compileall.py \
    symtable.py pyclbr.py shelve.py sched.py zipapp.py filecmp.py rlcompleter.py cmd.py \
    argparse.py configparser.py logging/config.py code.py codeop.py tarfile.py _pydatetime.py graphlib.py __hello__.py _distutils_system_mod.py \
    _osx_support.py _ios_support.py _android_support.py _aix_support.py
find "$root" -name '*.a' -delete
find "$root" -name '__pycache__' -prune -exec rm -rf {} +
find "$root/bin" -type f ! -name python3.13 -delete
find "$root/bin" -type l -delete
# Modules are imported, never run.
find "$lib" -name '*.py' -type f -exec chmod 644 {} + -exec sed -i '1{/^#!/d}' {} +
