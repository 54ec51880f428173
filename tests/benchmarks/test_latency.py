"""`latentpad measure` on a card: JACK's ports stand for its output, its input and the cable."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import jack
import pytest
import sounddevice as sd

from latentpad.benchmarks.card import CardEar
from latentpad.benchmarks.jack_server import JackServer, jack_server
from latentpad.benchmarks.latency import measure
from latentpad.benchmarks.programs import least_program
from latentpad.engine.play.devices import DeviceError, find, refresh
from tests.alone import alone

pytestmark = pytest.mark.listens


@pytest.fixture
def cable() -> Iterator[JackServer]:
    """A server on which every program's outputs lead to every program's inputs.

    PortAudio's list of devices is of the server that runs when it starts, and it does not survive
    that server.
    """
    with jack_server("latentpad-measure") as server:
        refresh()
        client = jack.Client("cable", no_start_server=True)
        client.activate()
        ending = threading.Event()

        def plug() -> None:
            while not ending.wait(0.05):
                ports = [p for p in client.get_ports(is_audio=True) if "system:" not in p.name]
                for out in (p for p in ports if p.is_output and p.name.endswith("_0")):
                    for into in (p for p in ports if p.is_input):
                        if into not in client.get_all_connections(out):
                            try:
                                client.connect(out, into)
                            except jack.JackError:  # it has gone meanwhile
                                time.sleep(0.01)

        thread = threading.Thread(target=plug)
        thread.start()
        yield server
        ending.set()
        thread.join()
        client.close()
        sd._terminate()
    sd._initialize()


def test_a_card_is_measured_over_a_cable(cable: JackServer) -> None:
    with alone():
        report = measure(
            gestures=12, soak=0, block=128, ring=None, say=print, output="system", input="system"
        )
    assert "system, heard by system over a cable" in report
    rows = dict(re.findall(r"^\| (.+?), first change \| (\d+)/12 \|", report, re.MULTILINE))
    assert rows.keys() == {
        "floor", "jump in loop mode", "shot where the point rests", "shot at a new point",
    }  # fmt: skip
    assert all(int(result) >= 9 for result in rows.values()), report
    medians = re.findall(r"first change \| \d+/12 \| ([\d.]+) \|", report)
    assert all(0 < float(median) < 100 for median in medians), report


def test_an_output_without_its_input_is_refused() -> None:
    with pytest.raises(DeviceError, match="belong together"):
        measure(gestures=10, soak=0, block=128, ring=None, say=print, output="system")


def test_a_device_that_is_not_there_is_refused_with_what_there_is(cable: JackServer) -> None:
    with pytest.raises(DeviceError, match=r"'Focusrite' is no input device here; there are: .*sys"):
        measure(
            gestures=10, soak=0, block=128, ring=None, say=print,
            output="system", input="Focusrite",
        )  # fmt: skip


def test_what_cannot_be_opened_is_told_in_a_line(cable: JackServer) -> None:
    with pytest.raises(DeviceError, match=r"the input cannot be opened: .*Invalid sample rate"):
        CardEar(find("system", "input"), 44_100, 1.0)
    cable.device = "9999"
    with (
        pytest.raises(DeviceError, match=r"the output cannot be opened: .*9999"),
        least_program(cable, 128),
    ):
        pass
