"""Programs that performers and makers own: each steers the instrument, and gets feedback.

`setup.sh test` installs them: liblo's tools, Node with its package osc, Pure Data, SuperCollider.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import ThreadingOSCUDPServer
from pythonosc.tcp_client import SimpleTCPClient
from pythonosc.udp_client import SimpleUDPClient

from latentpad.engine.control.instrument import Instrument
from latentpad.engine.parameters import METRICS, ROW, TABLE
from tests.controllers.reached import Reached, free_for_all, until

PROGRAMS = Path(__file__).parent / "clients"
STARTS_S = 60.0  # what a program may take to start: SuperCollider compiles its library


def needs(program: str) -> pytest.MarkDecorator:
    """On Linux `setup.sh test` brings the program; elsewhere it may be there or not."""
    absent = sys.platform != "linux" and shutil.which(program) is None
    return pytest.mark.skipif(absent, reason=f"{program} is not installed")


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument) as reached:
        yield reached


@contextmanager
def running(words: Sequence[str], **environment: str) -> Iterator[list[str]]:
    """The lines that a program prints, while it runs."""
    program = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.PIPE, text=True,
        errors="replace", env=os.environ | environment,
    )  # fmt: skip
    lines: list[str] = []

    def follow() -> None:
        assert program.stdout is not None
        for line in program.stdout:
            lines.append(line.strip())

    reading = threading.Thread(target=follow)
    reading.start()
    try:
        yield lines
    finally:
        program.kill()
        program.wait()
        reading.join()


def plays(reached: Reached, lines: list[str]) -> None:
    """What the program sends arrives, and what another changes comes to it."""
    until(lambda: reached.value("/gain") == (-20.0,), str(lines), STARTS_S)
    until(lambda: reached.value("/pad/1/xy") == (0.25, 0.75), str(lines))
    until(lambda: reached.feedback.followed, str(lines))
    reached.set("/texture", 0.125)
    until(lambda: any("/texture" in line and "0.125" in line for line in lines), str(lines))
    assert not reached.outcomes


def node(program: str, *words: str) -> list[str]:
    return ["node", str(PROGRAMS / program), *words]


MODULES = str(Path(sys.prefix) / "node" / "node_modules")


@needs("node")
def test_node_s_osc_by_udp(reached: Reached) -> None:
    words = node("udp.js", str(reached.port), str(free_for_all()))
    with running(words, NODE_PATH=MODULES) as lines:
        plays(reached, lines)


@needs("node")
def test_node_s_osc_by_tcp(reached: Reached) -> None:
    with running(node("tcp.js", str(reached.port)), NODE_PATH=MODULES) as lines:
        plays(reached, lines)


@needs("node")
def test_node_s_oscquery_reads_the_tree_and_listens(reached: Reached) -> None:
    with running(node("oscquery.js", str(reached.http.port)), NODE_PATH=MODULES) as lines:
        plays(reached, lines)
    told = json.loads(lines[0])
    assert told["host"]["oscPort"] == reached.port
    methods = {method["full_path"]: method for method in told["methods"]}
    missing = {row.address.format(n=1) for row in TABLE} - methods.keys()
    # For this client a node with others below it is no method.
    assert all(any(path.startswith(f"{each}/") for path in methods) for each in missing)
    (metric,) = methods["/metric"]["arguments"]
    assert metric["type"] == "s" and metric["range"]["vals"] == list(METRICS)
    (gain,) = methods["/gain"]["arguments"]
    assert gain["type"] == "f" and gain["range"]["max"] == ROW["/gain"].high


@needs("pd")
def test_pure_data_s_netsend_and_oscformat(reached: Reached) -> None:
    ports = f"ports {reached.port} {free_for_all()}"
    words = ["pd", "-nogui", "-noaudio", "-nomidi", "-send", ports, "-open"]
    with running([*words, str(PROGRAMS / "udp.pd")]) as lines:
        plays(reached, lines)


@needs("sclang")
def test_supercollider_s_language(reached: Reached) -> None:
    words = ["sclang", str(PROGRAMS / "udp.scd"), str(reached.port)]
    # It brings a browser for its help, which needs a display, and a user who is not root.
    headless = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    with running(words, **headless) as lines:
        plays(reached, lines)


@pytest.mark.parametrize("url", ["osc.udp://127.0.0.1", "osc.tcp://127.0.0.1"])
def test_liblo_s_oscsend_and_oscdump(reached: Reached, url: str) -> None:
    own = str(free_for_all())
    with running(["oscdump", "-L", own]) as lines:

        def send(*words: str) -> None:
            subprocess.run(["oscsend", f"{url}:{reached.port}", *words], check=True, timeout=20)

        send("/gain", "f", "-20")
        send("/pad/xy", "ff", "0.25", "0.75")
        subprocess.run(["oscsend", f"osc.udp://127.0.0.1:{reached.port}", "/sync", "i", own])
        plays(reached, lines)


def test_python_osc_by_udp(reached: Reached) -> None:
    """What comes back is read by its server: its client reads no bundles."""
    lines: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *args: lines.append(f"{address} {args}"))
    with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        client = SimpleUDPClient("127.0.0.1", reached.port)
        client.send_message("/sync", server.server_address[1])
        client.send_message("/gain", -20.0)
        client.send_message("/pad/xy", [0.25, 0.75])
        plays(reached, lines)
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_python_osc_by_tcp(reached: Reached, mode: str) -> None:
    client = SimpleTCPClient("127.0.0.1", reached.port, mode=mode)
    client.send_message("/sync", [])
    client.send_message("/gain", -20.0)
    client.send_message("/pad/xy", [0.25, 0.75])
    lines: list[str] = []
    with following(client, lines):
        plays(reached, lines)


@contextmanager
def following(client: SimpleTCPClient, lines: list[str]) -> Iterator[None]:
    """Note what comes back to a client of python-osc."""
    over = threading.Event()

    def follow() -> None:
        while not over.is_set():
            for message in client.get_messages(0.1):
                lines.append(f"{message.address} {message.params}")

    reading = threading.Thread(target=follow)
    reading.start()
    yield
    over.set()
    reading.join()
