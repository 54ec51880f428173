"""mDNS among this machine's own interfaces, with zeroconf as the other side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from zeroconf import ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from latentpad.benchmarks.programs import free_port
from latentpad.controllers.controller import Connection
from latentpad.controllers.discovery import OSC, OSC_TCP, OSCQUERY, DiscoveryController
from latentpad.controllers.osc import interfaces
from latentpad.controllers.osc.packet import decode, encode
from latentpad.engine.control.instrument import Instrument
from tests.controllers.reached import Reached, until


@pytest.fixture
def network() -> Iterator[Zeroconf]:
    zeroconf = Zeroconf()
    yield zeroconf
    zeroconf.close()


class Pad:
    """A program that receives OSC and announces its port."""

    def __init__(self, network: Zeroconf, name: str) -> None:
        self.host = interfaces.addresses("0.0.0.0")[0]
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind((self.host, 0))
        self.udp.settimeout(10)
        port = self.udp.getsockname()[1]
        self.info = ServiceInfo(
            OSC, f"{name}.{OSC}", port, parsed_addresses=[self.host], server="pad.local."
        )
        network.register_service(self.info)

    def receive(self, address: str) -> tuple[object, ...]:
        while True:
            for message in decode(self.udp.recv(65536)).messages:
                if message.address == address:
                    return message.args


def started(
    reached: Reached, http_port: int | None = None, port: int | None = None
) -> DiscoveryController:
    discovery = DiscoveryController(port or reached.port, http_port)
    outcomes = reached.feedback._outcomes
    assert outcomes is not None
    connection = Connection(reached.instrument, outcomes, reached.feedback, reached.said.append)
    asyncio.run_coroutine_threadsafe(discovery.start(connection), reached.loop).result(10)
    return discovery


def stopped(reached: Reached, discovery: DiscoveryController) -> None:
    asyncio.run_coroutine_threadsafe(discovery.stop(), reached.loop).result(10)


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument, lan=True) as reached:
        yield reached


def test_it_announces_its_ports_and_addresses(reached: Reached, network: Zeroconf) -> None:
    discovery = started(reached, 8765)
    found: dict[str, set[int]] = {}

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        info = zeroconf.get_service_info(service_type, name)
        if info is not None and name.startswith("Latentpad on "):
            assert interfaces.addresses("0.0.0.0")[0] in info.parsed_addresses()
            found.setdefault(service_type, set()).add(info.port or 0)

    browser = ServiceBrowser(network, [OSC, OSC_TCP, OSCQUERY], handlers=[changed])
    wanted = {OSC: reached.port, OSC_TCP: reached.port, OSCQUERY: 8765}
    until(lambda: all(port in found.get(kind, ()) for kind, port in wanted.items()))
    browser.cancel()
    stopped(reached, discovery)


def test_a_touchosc_that_announces_its_port_gets_feedback_without_a_message(
    reached: Reached, network: Zeroconf
) -> None:
    discovery = started(reached)
    pad = Pad(network, "My iPad [TouchOSC]")
    assert pad.receive("/gain") == reached.value("/gain")
    reached.set("/gain", -20.0)
    while pad.receive("/gain") != (-20.0,):
        pass
    assert any("My iPad [TouchOSC]" in line for line in reached.said)
    stopped(reached, discovery)


def test_another_program_gets_feedback_when_it_has_sent_something(
    reached: Reached, network: Zeroconf
) -> None:
    discovery = started(reached)
    program = Pad(network, "A sequencer")
    until(lambda: discovery._announced)
    assert reached.feedback.subscribers == []
    with socket.socket(type=socket.SOCK_DGRAM) as sending:
        sending.bind((program.host, 0))
        sending.sendto(encode("/texture", (0.5,)), (program.host, reached.port))
        assert program.receive("/gain") == reached.value("/gain")
    stopped(reached, discovery)


def test_another_instrument_is_sent_nothing(reached: Reached, network: Zeroconf) -> None:
    first = started(reached)
    second = started(reached, port=free_port())
    Pad(network, "A sequencer")
    until(lambda: first._announced and second._announced)
    assert len(first._announced) == len(second._announced) == 1
    stopped(reached, second)
    stopped(reached, first)


def test_without_zeroconf_the_terminal_says_so(
    reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latentpad.controllers.discovery.find_spec", lambda name: None)
    stopped(reached, started(reached))
    assert "nothing is announced: the package zeroconf is not installed" in reached.said[-1]
