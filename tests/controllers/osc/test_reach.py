"""UDP and TCP on both versions of IP."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from latentpad.controllers.osc import interfaces, reach
from latentpad.controllers.osc.client import ask
from latentpad.controllers.osc.packet import decode, encode
from latentpad.controllers.osc.reach import PortTaken
from latentpad.engine.control.instrument import Instrument
from tests.controllers.reached import Reached, until


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument) as reached:
        yield reached


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_commands_come_by_ipv4_and_ipv6_and_are_answered(reached: Reached, host: str) -> None:
    answers = ask(encode("/texture", (7.0,)), host, reached.port)
    assert [m.args for m in answers if m.address == "/texture"] == [(1.0,)]
    sender = next(o.sender for o in reached.outcomes)
    assert sender.group in ("osc 127.0.0.1", "osc ::1")


def test_feedback_goes_to_an_ipv6_host(reached: Reached) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.settimeout(10)
        udp.bind(("::1", 0))
        udp.sendto(encode("/sync"), ("::1", reached.port))
        addresses: set[str] = set()
        while "/gain" not in addresses:
            addresses |= {m.address for m in decode(udp.recv(65536)).messages}


def test_tcp_listens_on_ipv6_too(reached: Reached) -> None:
    with socket.create_connection(("::1", reached.port), timeout=10) as tcp:
        packet = encode("/gain", (-21.0,))
        tcp.sendall(len(packet).to_bytes(4, "big") + packet)
        until(lambda: reached.value("/gain") == (-21.0,))


def test_a_link_local_address_with_its_interface_is_reached(instrument: Instrument) -> None:
    """Every machine with an interface has one; a phone may find the instrument by it."""
    with Reached(instrument, lan=True) as reached:
        interface = next(name for _, name in socket.if_nameindex() if name != "lo")
        scope = socket.if_nametoindex(interface)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.settimeout(10)
            try:
                udp.bind(("", 0, 0, scope))
                local = link_local(interface)
            except OSError:
                local = "::1"
            udp.sendto(encode("/texture", (7.0,)), (local, reached.port, 0, scope))
            assert decode(udp.recv(65536)).messages[0].args == (1.0,)


def link_local(interface: str) -> str:
    listed = subprocess.run(
        ["cat", "/proc/net/if_inet6"], capture_output=True, text=True, check=True
    ).stdout
    for line in listed.splitlines():
        digits, *_, name = line.split()
        if name == interface and digits.startswith("fe80"):
            return ":".join(digits[k : k + 4] for k in range(0, 32, 4))
    return "::1"


def test_the_network_reaches_it_on_both_versions_of_ip(instrument: Instrument) -> None:
    with Reached(instrument, lan=True) as reached:
        host, port = reached.osc.address
        assert (host, port) == ("::", reached.port)
        for n, address in enumerate(interfaces.addresses(host)):
            ask(encode("/gain", (-30.0 - n,)), address, reached.port)
            until(lambda n=n: reached.value("/gain") == (-30.0 - n,), address)  # type: ignore[misc]


def test_this_machine_alone_reaches_it_without_lan(reached: Reached) -> None:
    for address in interfaces.addresses("0.0.0.0"):
        with pytest.raises(OSError), socket.create_connection((address, reached.port), timeout=1):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_taken_port_names_its_holder_and_the_option(host: str) -> None:
    with reach.tcp(host, 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} is taken by .*pid .*--http-port"):
            reach.tcp(host, port, option="--http-port")


def test_where_tcp_is_taken_udp_plays_and_the_terminal_says_so(instrument: Instrument) -> None:
    reached = Reached(instrument)
    with reach.tcp("127.0.0.1", reached.port), reached:
        ask(encode("/gain", (-22.0,)), "127.0.0.1", reached.port)
        assert reached.value("/gain") == (-22.0,)
        assert any("OSC over TCP" in line and "is taken" in line for line in reached.said)


def test_where_the_http_port_is_taken_osc_plays_and_the_terminal_says_so(
    instrument: Instrument,
) -> None:
    with Reached(instrument) as first:
        second = Reached(instrument)
        second.http._port = first.http.port or 0
        with second:
            assert any("--http-port" in line for line in second.said)
            ask(encode("/gain", (-23.0,)), "127.0.0.1", second.port)
            assert second.value("/gain") == (-23.0,)


def test_without_aiohttp_osc_plays_and_the_terminal_says_so(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentpad.controllers.http.controller.find_spec", lambda name: None)
    with Reached(instrument) as reached:
        assert reached.said == [
            "note   no OSCQuery and no page: the package aiohttp is not installed"
        ]
        ask(encode("/gain", (-24.0,)), "127.0.0.1", reached.port)
        assert reached.value("/gain") == (-24.0,)


def test_where_ipv6_is_missing_ipv4_plays(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, reached = reach.udp, Reached(instrument, lan=True)

    def without_ipv6(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(99, "Cannot assign requested address")
        return made(host, port)

    monkeypatch.setattr(reach, "udp", without_ipv6)
    with reached:
        assert reached.osc.address[0] == "0.0.0.0"
        ask(encode("/gain", (-25.0,)), "127.0.0.1", reached.port)
        assert reached.value("/gain") == (-25.0,)


def test_what_the_system_drops_is_counted_and_told(reached: Reached) -> None:
    done = threading.Event()
    reached.loop.call_soon_threadsafe(done.wait, 20)
    packet = encode("/texture", (0.5,))
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        for _ in range(20_000):  # much more than its buffer holds
            udp.sendto(packet, ("127.0.0.1", reached.port))
    done.set()
    until(lambda: any("has dropped" in line for line in reached.said))
    until(lambda: reached.osc.counts.packets + reached.osc.dropped == 20_000)


def test_a_pattern_acts_on_all_that_it_matches(reached: Reached) -> None:
    ask(encode("/pad/[2-4]/touch", (1,)), "127.0.0.1", reached.port)
    assert [n for n in range(1, 11) if reached.instrument.down(n)] == [2, 3, 4]
    ask(encode("/PAD/*/touch", (0,)), "127.0.0.1", reached.port)
    assert not any(map(reached.instrument.down, range(1, 11)))


def test_of_many_values_by_pattern_the_newest_counts(reached: Reached) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        for k in range(500):
            packet = encode("/pad/*/xy", (k / 1000, 0.5))
            udp.sendto(packet, ("127.0.0.1", reached.port))
        until(lambda: reached.value("/pad/10/xy") == (pytest.approx(0.499), 0.5))
    assert reached.value("/pad/1/xy") == (pytest.approx(0.499), 0.5)


def test_choices_are_taken_in_any_case(reached: Reached) -> None:
    ask(encode("/Mode", ("SHOT",)), "127.0.0.1", reached.port)
    assert reached.value("/mode") == ("shot",)
