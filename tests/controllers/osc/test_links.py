"""OSC over TCP, with real sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest
from pythonosc.tcp_client import SimpleTCPClient

from latentpad.controllers.osc import links
from latentpad.controllers.osc.framing import Framing, LengthPrefix, Slip
from latentpad.controllers.osc.packet import Message, decode, encode, encode_bundle
from latentpad.controllers.outcomes import OutcomeKind
from latentpad.engine.control.instrument import Instrument
from tests.controllers.reached import Reached, until

FRAMINGS = pytest.mark.parametrize("framing", [Slip, LengthPrefix])


class Client:
    """A TCP client with one of the framings."""

    def __init__(self, port: int, framing: type[Framing] = Slip, *, buffer: int = 0) -> None:
        self.tcp = socket.socket()
        if buffer:
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.tcp.settimeout(10)
        self.tcp.connect(("127.0.0.1", port))
        self._framing = framing()
        self.got: list[Message] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.tcp.close()

    def send(self, *packets: bytes) -> None:
        self.tcp.sendall(b"".join(map(self._framing.frame, packets)))

    def receive(self, address: str) -> Message:
        """The next message with this address."""
        while True:
            for message in [m for m in self.got if m.address == address]:
                self.got.remove(message)
                return message
            data = self.tcp.recv(65536)
            assert data, "the connection was closed"
            for packet in self._framing.feed(data):
                self.got += decode(packet).messages


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument) as reached:
        yield reached


@FRAMINGS
def test_commands_come_over_tcp_with_both_framings(
    reached: Reached, framing: type[Framing]
) -> None:
    with Client(reached.port, framing) as client:
        client.send(encode("/gain", (-10.0,)), encode_bundle([encode("/mode", ("shot",))]))
        until(lambda: reached.value("/mode") == ("shot",))
    assert reached.value("/gain") == (-10.0,)


@FRAMINGS
def test_a_stream_may_come_byte_by_byte(reached: Reached, framing: type[Framing]) -> None:
    with Client(reached.port, framing) as client:
        client.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framing().frame(encode("/gain", (-11.0,))):
            client.tcp.sendall(bytes([byte]))
        until(lambda: reached.value("/gain") == (-11.0,))


@FRAMINGS
def test_feedback_goes_back_on_the_connection(reached: Reached, framing: type[Framing]) -> None:
    with Client(reached.port, framing) as client:
        client.send(encode("/sync"))
        assert client.receive("/gain").args == reached.value("/gain")
        reached.set("/gain", -20.0)
        assert client.receive("/gain").args == (-20.0,)


def test_a_port_that_sync_names_does_not_matter_on_a_connection(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.send(encode("/sync", (9001,)))
        assert client.receive("/gain").args == reached.value("/gain")


def test_its_own_changes_do_not_come_back(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.send(encode("/sync"))
        client.receive("/gain")
        client.send(encode("/gain", (-14.0,)))
        until(lambda: reached.value("/gain") == (-14.0,))
        reached.set("/texture", 0.125)
        client.receive("/texture")
        assert not [m for m in client.got if m.address == "/gain"]


@FRAMINGS
def test_what_was_clamped_or_refused_is_answered_without_sync(
    reached: Reached, framing: type[Framing]
) -> None:
    with Client(reached.port, framing) as client:
        client.send(encode("/texture", (7.0,)))
        assert client.receive("/texture").args == (1.0,)
        client.send(encode("/expander", ("none such",)))
        address, reason = client.receive("/refused").args
        assert address == "/expander" and "none such" in str(reason)


def test_a_monitor_is_served_on_the_connection(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.send(encode("/monitor", (1,)), encode("/gain", (-15.0,)))
        while client.receive("/heard").args != ("/gain", -15.0, "ok"):
            pass


def test_python_osc_s_tcp_client_is_understood_and_answered(reached: Reached) -> None:
    client = SimpleTCPClient("127.0.0.1", reached.port)
    client.send_message("/gain", -16.0)
    until(lambda: reached.value("/gain") == (-16.0,))
    client.close()


def test_a_client_that_ends_with_a_finger_down_leaves_no_sound(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.send(encode("/pad/2/touch", (1,)), encode("/note", (64, 100)))
        until(lambda: reached.instrument.down(2))
    until(lambda: not reached.instrument.down(2), seconds=1)
    until(lambda: not reached.osc.links)


def test_what_another_connection_holds_is_kept(reached: Reached) -> None:
    with Client(reached.port) as stays:
        stays.send(encode("/pad/1/touch", (1,)))
        with Client(reached.port) as goes:
            goes.send(encode("/pad/2/touch", (1,)))
            until(lambda: reached.instrument.down(1) and reached.instrument.down(2))
        until(lambda: not reached.instrument.down(2))
        assert reached.instrument.down(1)


def test_a_stream_that_is_no_osc_is_closed_and_told(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.tcp.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.tcp.recv(100) == b""
    until(lambda: reached.outcomes)
    assert reached.outcomes[0].kind is OutcomeKind.MALFORMED
    assert reached.osc.counts.malformed == 1


def test_a_packet_that_is_no_osc_does_not_end_the_connection(reached: Reached) -> None:
    with Client(reached.port) as client:
        client.send(encode("/gain", (-17.0,)), b"/nonsense", encode("/texture", (0.75,)))
        until(lambda: reached.value("/texture") == (0.75,))
    assert reached.osc.counts.malformed == 1


def test_there_are_so_many_connections_and_no_more(reached: Reached) -> None:
    clients = [Client(reached.port) for _ in range(links.LINKS)]
    until(lambda: len(reached.osc.links) == links.LINKS)
    with Client(reached.port) as another:
        with pytest.raises(ConnectionError):
            while another.tcp.recv(100):
                pass
            raise ConnectionResetError  # closed without a reset
        assert any("turned away" in line for line in reached.said)
    for client in clients:
        client.tcp.close()


def test_a_client_that_does_not_read_takes_no_memory_and_gets_the_newest(reached: Reached) -> None:
    with Client(reached.port, buffer=16 * 1024) as client:
        client.send(encode("/sync"))
        until(lambda: reached.osc.links)
        (link,) = reached.osc.links
        name = "x" * 900
        for n in range(2000):  # much more than the system buffers
            reached.loop.call_soon_threadsafe(link.send, "/pack", (f"{n} {name}",))
        until(lambda: link.waits)
        while client.receive("/pack").args != (f"1999 {name}",):
            pass


def test_a_reset_is_as_good_as_a_close(reached: Reached) -> None:
    client = Client(reached.port)
    client.send(encode("/pad/3/touch", (1,)))
    until(lambda: reached.instrument.down(3))
    client.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.tcp.close()
    until(lambda: not reached.instrument.down(3), seconds=1)
