"""gw/net/transport: whose descriptor is whose, and who gets a TLS transport."""

import os
import subprocess
import sys

from gevent import socket

from gw._native.wsframe import TEXT, Decoder, encode
from gw._native.wsstream import Flusher, Outbox
from gw.net.transport import PlainTransport, transport_for


def test_a_plain_socket_gives_its_descriptor_away() -> None:
    ours, theirs = socket.socketpair()
    decoder, outbox = Decoder(max_message_bytes=9), Outbox()
    transport = transport_for(ours)
    assert isinstance(transport, PlainTransport)
    assert ours.fileno() == -1
    stream = transport.stream(decoder, outbox, Flusher(print), 99)
    assert (stream.decoder, stream.outbox) == (decoder, outbox)
    with theirs:
        outbox.push_message(TEXT, b"hi")
        assert outbox.flush(transport.fd) == 0
        assert theirs.recv(9) == b"\x81\x02hi"
        transport.end_writing()
        assert theirs.recv(9) == b""
        theirs.sendall(encode(TEXT, b"yo", True, True))
        assert decoder.receive(transport.fd) == [(TEXT, b"yo")]
        transport.close()


def test_a_gateway_without_tls_never_loads_openssl() -> None:
    program = "import sys, gw.modes.standalone; print(sorted({'ssl', '_ssl', '_hashlib'} & set(sys.modules)))"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # loads hashlib
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, env=environ
    )
    assert done.stdout.strip() == "[]"


def test_what_needs_https_later_still_gets_it() -> None:
    """The metrics' library wants an HTTPSHandler by name, and https requests must work."""
    program = """if True:
        import gw.net, http.client, prometheus_client, urllib.request
        print(urllib.request.HTTPSHandler.__name__)
        try:
            http.client.HTTPSConnection("127.0.0.1", 1, timeout=1).request("GET", "/")
        except ConnectionRefusedError:
            print("refused")
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["HTTPSHandler", "refused"]
