"""gw/net/pump: one connection's life, its limits, and that nobody else notices a bad neighbour."""

import gc
import logging
import socket
import struct
import time
import weakref

import gevent
import pytest

from gw import hub
from gw._native.wsframe import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, encode, encode_close
from gw.net import pump
from gw.net.listener import ServerOptions
from tests.oracle import wsframe as oracle
from tests.support.wsclient import WsClient
from tests.unit.net.ring import Script, ring

MASK = b"mask"


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_goes_in_and_an_answer_comes_out(size: int, opcode: int) -> None:
    with ring(message_bytes=1_000_000) as r, WsClient(r.port) as client:
        client.send(b"x" * size, opcode)
        assert client.text() == b"x" * size


def test_one_byte_at_a_time() -> None:
    with ring() as r, WsClient(r.port) as client:
        for byte in encode(TEXT, "aé€😀".encode(), True, True) + encode(PING, b"p", True, True):
            client.send_raw(bytes([byte]))
            hub.sleep(0)
        assert client.text() == "aé€😀".encode()
        assert client.receive() == (PONG, b"p")


def test_fragments_and_a_ping_between_them() -> None:
    with ring() as r, WsClient(r.port) as client:
        client.send(b"one ", TEXT, fin=False)
        client.send(b"!", PING)
        client.send(b"two ", CONTINUATION, fin=False)
        client.send(b"three", CONTINUATION)
        assert [client.receive(), client.receive()] == [(PONG, b"!"), (TEXT, b"one two three")]


def test_bytes_right_behind_the_request_are_not_lost() -> None:
    early = encode(TEXT, b"first", True, True) + encode(TEXT, b"second", True, True)[:-2]
    with ring() as r, WsClient(r.port, early=early) as client:
        assert client.text() == b"first"
        assert r.peers[0].messages == [b"first"]


def test_what_is_said_at_opening_comes_first() -> None:
    with ring(on_open=lambda peer: peer.link.send(b"challenge")) as r, WsClient(r.port) as client:
        assert client.text() == b"challenge"


def test_answers_of_one_turn_leave_in_one_write() -> None:
    """The client's first read after a batch finds all of its answers."""
    with ring() as r, WsClient(r.port) as client:
        client.send_raw(encode(TEXT, b"q", True, True) * 16)
        assert client.sock.recv(65536) == encode(TEXT, b"q") * 16


def test_sends_outside_a_turn_are_joined_too() -> None:
    with ring() as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        link = r.peers[0].link
        for i in range(3):
            link.send(b"%d" % i)
        link.send_frame(encode(TEXT, b"frame"))
        assert link.buffered_bytes == 3 * 3 + 7
        assert [client.text() for _ in range(4)] == [b"0", b"1", b"2", b"frame"]
        assert link.buffered_bytes == 0


# --- violations ------------------------------------------------------------------------------------------------------

VIOLATIONS = [
    ("compressed (RSV1)", b"\xc1\x80" + MASK, 1002),
    ("reserved opcode", b"\x83\x80" + MASK, 1002),
    ("not masked", oracle.encode(TEXT, b"x"), 1002),
    ("garbage", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
    ("long ping", oracle.encode(PING, bytes(126), mask=MASK), 1002),
    ("fragmented ping", oracle.encode(PING, b"", fin=False, mask=MASK), 1002),
    ("continuation of nothing", oracle.encode(CONTINUATION, b"x", mask=MASK), 1002),
    ("length not minimal", b"\x81\xfe\x00\x05" + MASK + b"12345", 1002),
    ("bad UTF-8", oracle.encode(TEXT, b"\xff", mask=MASK), 1007),
    ("surrogate", oracle.encode(TEXT, b"\xed\xa0\x80", mask=MASK), 1007),
    ("too big", oracle.encode(TEXT, b"x" * 1001, mask=MASK), 1009),
    ("announced too big", b"\x82\xff" + (1 << 62).to_bytes(8, "big") + MASK, 1009),
    ("too big in fragments", oracle.encode(TEXT, b"x" * 600, fin=False, mask=MASK)
     + oracle.encode(CONTINUATION, b"x" * 600, mask=MASK), 1009),
    ("empty fragments", oracle.encode(TEXT, b"", fin=False, mask=MASK)
     + oracle.encode(CONTINUATION, b"", fin=False, mask=MASK) * 9, 1008),
    ("close with half a code", oracle.encode(CLOSE, b"\x03", mask=MASK), 1002),
    ("close code 1005", oracle.encode(CLOSE, b"\x03\xed", mask=MASK), 1002),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), [row[1:] for row in VIOLATIONS], ids=[row[0] for row in VIOLATIONS])
def test_a_violation_closes_that_connection_with_its_code(data: bytes, code: int) -> None:
    with ring(message_bytes=1000, fragments=8) as r, WsClient(r.port) as bystander, WsClient(r.port) as client:
        client.send(b"before")
        client.send_raw(data)
        assert client.text() == b"before"
        assert client.closing()[0] == code
        assert client.receive() is None
        client.close()
        r.settle(lambda: len(r.server) == 1)
        assert [end[0] for end in r.peers[1].ends] == [code]
        bystander.send(b"still here")
        assert bystander.text() == b"still here"


def test_the_close_frame_survives_unread_input() -> None:
    """Closing with input unread would reset the connection before the peer saw why."""
    with ring(message_bytes=1000) as r, WsClient(r.port) as client:
        client.sock.settimeout(0.2)
        try:
            client.send_raw(oracle.encode(TEXT, b"x" * 2000, mask=MASK) + bytes(300_000))
        except OSError:
            pytest.fail("reset while sending")
        assert client.closing()[0] == 1009


def test_a_truncated_frame_is_a_lost_connection() -> None:
    with ring() as r:
        with WsClient(r.port) as client:
            client.send_raw(encode(TEXT, b"half of this", True, True)[:-6])
            r.settle(lambda: len(r.server) == 1)
        r.settle(lambda: len(r.server) == 0)
        assert (r.peers[0].messages, r.peers[0].ends) == ([], [(1006, "")])


def test_a_reset_is_a_lost_connection() -> None:
    with ring() as r:
        client = WsClient(r.port)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        r.settle(lambda: bool(r.peers) and bool(r.peers[0].ends))
        assert r.peers[0].ends == [(1006, "")]


def test_a_half_closed_peer_still_gets_its_answer() -> None:
    with ring() as r, WsClient(r.port) as client:
        client.send(b"last words")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.text() == b"last words"
        assert client.receive() is None
        r.settle(lambda: r.peers[0].ends == [(1006, "")])


# --- closing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "told"), [(1000, 1000), (4321, 4321), (1005, 1005)])
def test_a_peers_close_is_answered_in_kind(sent: int, told: int) -> None:
    with ring() as r, WsClient(r.port) as client:
        client.send_raw(encode_close(sent, "bye" if sent != 1005 else "", True))
        assert client.closing() == (told, "")
        assert client.receive() is None
        assert r.peers[0].ends == [(told, "bye" if sent != 1005 else "")]


def test_our_close_flushes_first_and_waits_for_the_answer() -> None:
    def refuse(peer: Script, data: bytes) -> bool:
        peer.link.send(b"no")
        peer.link.close(1008, "refused")
        peer.link.send(b"never")
        return True

    with ring(on_message=refuse) as r, WsClient(r.port) as client:
        client.send(b"hello")
        assert client.text() == b"no"
        assert client.closing() == (1008, "refused")
        assert len(r.server) == 1
        client.send(b"ignored")
        client.send_raw(encode_close(1008, "", True))
        assert client.receive() is None
        assert r.peers[0].messages == [b"hello"]
        assert r.peers[0].ends == [(1008, "refused")]


def test_a_peer_that_does_not_answer_our_close_is_dropped_in_time() -> None:
    with ring(close_grace_s=0.05) as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        began = time.monotonic()
        r.peers[0].link.close(1000)
        assert client.closing() == (1000, "")
        r.settle(lambda: len(r.server) == 0)
        assert time.monotonic() - began > 0.03


def test_closing_twice_says_it_once() -> None:
    with ring() as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        r.peers[0].link.close(1000, "first")
        r.peers[0].link.close(1001, "second")
        assert client.closing() == (1000, "first")
        assert client.say_goodbye() == (1006, "")
        r.settle(lambda: r.peers[0].ends == [(1000, "first")])


def test_nothing_keeps_a_closed_connection_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        with ring(message_bytes=1 << 20) as r:
            with WsClient(r.port) as client:
                client.send(b"x" * 500_000)
                assert len(client.text()) == 500_000
                peer = r.peers.pop()
                peer.link.call_later(60, peer.opened)
                references = [weakref.ref(peer)]
                del peer
            r.settle(lambda: len(r.server) == 0)
            hub.sleep(0.01)
            assert [reference() for reference in references] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize("where", ["opened", "message"])
def test_a_fault_of_ours_closes_that_connection_alone(where: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(peer: Script, *_: bytes) -> bool:
        raise ZeroDivisionError

    faults = {"on_open": fail} if where == "opened" else {"on_message": fail}
    with ring(**faults) as r, WsClient(r.port) as client:  # type: ignore[arg-type]
        client.send(b"x")
        assert client.closing() == (1011, "internal error")
    assert "peer.crashed" in [record.message for record in caplog.records]


# --- timers and life -------------------------------------------------------------------------------------------------


def test_call_later_fires_once_unless_cancelled_or_closed() -> None:
    fired: list[str] = []
    with ring() as r, WsClient(r.port):
        r.settle(lambda: len(r.peers) == 1)
        link = r.peers[0].link
        assert isinstance(link, pump.Connection)
        link.call_later(0.01, lambda: fired.append("cancelled"))()
        link.call_later(0.01, lambda: fired.append("due"))
        r.settle(lambda: bool(fired))
        link.call_later(0.01, lambda: fired.append("closed"))
        link.abort()
        link.call_later(0, lambda: fired.append("after"))()
        hub.sleep(0.05)
    assert fired == ["due"]


def test_a_timer_that_fails_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with ring() as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        r.peers[0].link.call_later(0, lambda: 1 // 0)
        assert client.closing() == (1011, "internal error")


def test_a_silent_peer_is_pinged_and_then_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump.limits, "PONG_TIMEOUT_S", 1.2)  # a machine may stand still for a moment
    with ring(ServerOptions(ping_interval_s=0.8)) as r, WsClient(r.port) as alive, WsClient(r.port) as dead:

        def answer() -> None:
            while alive.receive() == (PING, b""):
                alive.send(b"", PONG)

        task = gevent.spawn(answer)
        assert dead.receive() == (PING, b"")
        assert dead.closing() == (1011, "keepalive ping timeout")
        r.settle(lambda: bool(r.peers[1].ends))
        assert (r.peers[0].ends, len(r.server)) == ([], 1)
        task.kill()


# --- pressure --------------------------------------------------------------------------------------------------------


def test_a_peer_can_pause_and_resume_without_losing_anything() -> None:
    with ring(on_message=lambda peer, data: len(peer.messages) % 3 != 0) as r, WsClient(r.port) as client:
        sent = [b"%d" % i for i in range(200)]
        client.send_raw(b"".join(encode(TEXT, text, True, True) for text in sent))
        peer = None
        for count in range(3, 200, 3):
            r.settle(lambda count=count: len(r.peers[0].messages) == count)
            peer = r.peers[0]
            hub.sleep(0.001)
            assert len(peer.messages) == count
            peer.link.resume()
        r.settle(lambda: r.peers[0].messages == sent)
        assert peer is not None
        peer.link.resume()


def test_a_close_behind_paused_messages_is_heard_after_them() -> None:
    with ring(on_message=lambda peer, data: False) as r, WsClient(r.port) as client:
        client.send_raw(encode(TEXT, b"1", True, True) + encode(TEXT, b"2", True, True) + encode_close(1000, "", True))
        r.settle(lambda: r.peers[0].messages == [b"1"])
        r.peers[0].link.resume()
        r.settle(lambda: r.peers[0].messages == [b"1", b"2"])
        assert r.peers[0].ends == []
        r.peers[0].link.resume()
        assert client.closing() == (1000, "")


def test_a_violation_behind_paused_messages_waits_its_turn() -> None:
    with ring(on_message=lambda peer, data: len(peer.messages) > 1) as r, WsClient(r.port) as client:
        client.send_raw(encode(TEXT, b"1", True, True) + encode(TEXT, b"2", True, True) + b"\x83\x80mask")
        r.settle(lambda: r.peers[0].messages == [b"1"])
        r.peers[0].link.resume()
        assert client.closing()[0] == 1002
        assert r.peers[0].messages == [b"1", b"2"]


def test_a_consumer_that_does_not_read_is_closed_with_a_real_frame() -> None:
    budget = 2_000_000
    with ring(buffered_bytes=budget) as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        peer = r.peers[0]
        body = b"x" * 100_000
        for _ in range(400):
            peer.link.send(body)
            assert peer.link.buffered_bytes <= budget + len(body) + 200
            hub.sleep(0)
        code, reason = client.closing()  # reading at last, within the grace
        assert (code, reason) == (1008, "slow consumer")
        r.settle(lambda: peer.ends == [(1008, "slow consumer")])


def test_a_consumer_that_never_reads_is_gone_after_the_grace() -> None:
    with ring(buffered_bytes=1_000_000, close_grace_s=0.05) as r, WsClient(r.port):
        r.settle(lambda: len(r.peers) == 1)
        peer = r.peers[0]
        for _ in range(200):
            peer.link.send(b"x" * 100_000)
        r.settle(lambda: len(r.server) == 0)
        assert peer.ends == [(1008, "slow consumer")]
        assert peer.link.buffered_bytes == 0


def test_a_burst_that_the_kernel_takes_is_not_a_slow_consumer() -> None:
    with ring(buffered_bytes=300_000) as r, WsClient(r.port) as client:
        r.settle(lambda: len(r.peers) == 1)
        for _ in range(8):
            r.peers[0].link.send(b"x" * 60_000)
        for _ in range(8):
            assert len(client.text()) == 60_000


def test_a_ping_flood_that_reads_nothing_is_bounded() -> None:
    """Its pongs fill the kernel's buffer, then ours up to the choke, then it is simply not read any more."""
    with ring() as r, WsClient(r.port) as client, WsClient(r.port) as other:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sock.settimeout(0.05)
        flood = encode(PING, bytes(125), True, True) * 800_000
        with pytest.raises(OSError):
            client.send_raw(flood)
        r.settle(lambda: len(r.peers) == 2)
        assert r.peers[0].link.buffered_bytes < 4 * pump.CHOKE_BYTES
        other.send(b"hello")
        assert other.text() == b"hello"
        client.sock.settimeout(30)
        assert client.receive() == (PONG, bytes(125))


def test_a_choked_peer_that_reads_again_is_served_on() -> None:
    with ring(message_bytes=1 << 20) as r, WsClient(r.port) as client:
        count, body = 60, b"x" * 1_000_000
        writer = gevent.spawn(lambda: [client.send(body) for _ in range(count)])
        hub.sleep(0.2)
        assert len(r.peers[0].messages) < count
        for _ in range(count):
            assert len(client.text()) == len(body)
        writer.get(timeout=30)


def test_a_chatty_peer_does_not_starve_the_others() -> None:
    turns: list[str] = []

    def note(peer: Script, data: bytes) -> bool:
        turns.append(data[:1].decode())
        return True

    with ring(on_message=note) as r, WsClient(r.port) as chatty, WsClient(r.port) as quiet:
        r.settle(lambda: len(r.peers) == 2)
        chatty.send_raw(encode(TEXT, b"chatter", True, True) * 3000)
        quiet.send(b"quiet")
        r.settle(lambda: turns.count("c") == 3000)
        assert turns.index("q") <= 4 * pump.limits.MESSAGES_PER_TURN
        assert r.peers[0].messages == [b"chatter"] * 3000
