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
from types import ModuleType


def load_without_openssl() -> None:
    """Import the HTTP libraries without the four megabytes that OpenSSL takes in memory and nobody here needs of them.

    http.client imports ssl to offer HTTPS to clients: it gets a stand-in that fetches the real one when it is used, so
    that HTTPSConnection is there for those who expect it (prometheus_client). hashlib imports OpenSSL to be faster, and
    expects that it may be missing. Who imports ssl afterwards (net/tls) gets the real one.
    """
    if "http.client" not in sys.modules and "ssl" not in sys.modules:
        sys.modules["ssl"] = stand_in = ModuleType("ssl")
        vars(stand_in)["__getattr__"] = lambda name: getattr(import_module("ssl"), name)
        import_module("http.client")
        del sys.modules["ssl"]
    if "hashlib" not in sys.modules and "_hashlib" not in sys.modules:
        sys.modules["_hashlib"] = None  # type: ignore[assignment]  # how an import is made to fail
        import_module("hashlib")
        del sys.modules["_hashlib"]


load_without_openssl()
