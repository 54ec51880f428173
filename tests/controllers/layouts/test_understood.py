"""A running instrument understands all that the layouts send."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from urllib.parse import urljoin
from urllib.request import urlopen

import py2tosc
import pytest

from latentpad.controllers.layouts import open_stage_control, touchosc
from latentpad.controllers.layouts.touchosc import PHONE, TABLET
from latentpad.controllers.osc.packet import Message, decode, encode
from tests.controllers.layouts import shown
from tests.playing import Playing

SENT = {
    "tablet": list(shown.touchosc_sends(touchosc.document(shown.of_preset(), TABLET))),
    "phone": list(shown.touchosc_sends(touchosc.document(shown.of_preset(), PHONE))),
    "open-stage-control": list(
        shown.open_stage_control_sends(open_stage_control.session(shown.of_preset()))
    ),
}
ANSWER_S = 20.0  # `/preset` of another pack loads it


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    home = tmp_path_factory.mktemp("home")
    program = Playing("--null-audio", "--lan", "--http-port", "0", home=home, folder=home)
    try:
        program.says("ready")
        yield program
    finally:
        program.close()


def wrong(program: Playing, messages: Iterable[Message]) -> dict[str, str]:
    """What the instrument refused, or brought to the end of a range, by its addresses."""
    found = {}
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as udp:
        udp.connect(("127.0.0.1", program.port))
        udp.settimeout(ANSWER_S)
        udp.send(encode("/monitor", (1,)))
        for message in messages:
            udp.send(encode(*message))
            for address, args in _until_heard(udp, message.address):
                if address == "/refused" or str(args[-1]).startswith("clamped"):
                    found[message.address] = str(args[-1])
            time.sleep(0.006)  # the monitor tells of some 200 commands a second
    return found


def _until_heard(udp: socket.socket, address: str) -> Iterator[Message]:
    """All that comes until the monitor has told of a command. The answer to it comes before."""
    while True:
        for message in decode(udp.recv(65_536)).messages:
            yield message
            if message.address == "/heard" and message.args[0] == address:
                return


@pytest.mark.parametrize("name", SENT)
def test_every_message_of_a_layout_is_carried_out_as_it_is(instrument: Playing, name: str) -> None:
    assert len(SENT[name]) > 150
    assert wrong(instrument, SENT[name]) == {}


@pytest.mark.parametrize("name", ["phone", "tablet"])
def test_the_link_that_is_printed_gives_layouts_of_what_is_played(
    instrument: Playing, name: str
) -> None:
    link = re.search(r"http://\S+", instrument.says("layouts for TouchOSC"))
    assert link is not None
    page = urlopen(link[0]).read().decode()
    path = re.search(rf'"(/layouts/{name}.tosc\S*)"', page)
    assert path is not None
    layout = py2tosc.loads(urlopen(urljoin(link[0], path[1])).read())
    assert layout.validate() == []
    assert layout.find_all("haze", type="BUTTON"), "a preset of the bank"
