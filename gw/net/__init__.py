"""The network side of the I/O ring.

    server = serve([("127.0.0.1", 18789)], make_peer, {"/health": health, "/": page}, ServerOptions(...))
    ...
    server.stop()

`make_peer(link, facts)` returns a `ports.Peer` for each WebSocket; `link` is its `ports.Link` and `facts` what the
upgrade request said. A route is a function from `http.Request` to `http.Response`; it runs in a greenlet and may wait.
A key that ends in "/" answers for everything below it, so "/" takes what no other key takes.

Peers run inside the event loop's callbacks: they must not wait, not even for a full queue. What they send during one
turn leaves in one system call. A Peer returns False from `message` to stop reading and calls `link.resume()` later.
"""

import sys
from importlib import import_module
from typing import Final

# What the HTTP libraries import loads OpenSSL, four megabytes resident, for things they do not need it for here:
# http.client to offer HTTPS to clients, hashlib to be faster. Both expect that it may be missing; who imports ssl
# afterwards (net/tls) gets it.
WITHOUT: Final = {"http.client": "ssl", "hashlib": "_hashlib"}

for importer, heavy in WITHOUT.items():
    if importer not in sys.modules and heavy not in sys.modules:
        sys.modules[heavy] = None  # type: ignore[assignment]  # how an import is made to fail
        import_module(importer)
        del sys.modules[heavy]
