"""A MIDI keyboard with lamps on a JACK server, in a process of its own: a JACK client does not
outlive its server."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import jack

if TYPE_CHECKING:
    from latentpad.benchmarks.jack_server import JackServer

OWN_IN, OWN_OUT = "latentpad-midi:latentpad", "latentpad-out:latentpad"

KEYBOARD = """
import collections, sys, jack
client = jack.Client("JackKeyboard", no_start_server=True)
keys = client.midi_outports.register("out")
lamps = client.midi_inports.register("in")
waiting = collections.deque()

@client.set_process_callback
def process(frames):
    keys.clear_buffer()
    while waiting:
        keys.write_midi_event(0, waiting.popleft())
    for _, data in lamps.incoming_midi_events():
        print(bytes(data).hex(" "), flush=True)

client.activate()
print("ready", flush=True)
for line in sys.stdin:
    waiting.append(bytes.fromhex(line))
while waiting:
    pass
client.close()
"""


class JackKeyboard:
    """A MIDI keyboard on the JACK server: "JackKeyboard:out", and its lamps at "JackKeyboard:in".

    It sends any bytes, as they are.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", KEYBOARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        os.set_blocking(self._process.stdout.fileno(), False)
        self._lamps = ""

    def play(self, *messages: str) -> None:
        """Send chunks of bytes, in hexadecimal."""
        assert self._process.stdin is not None
        for message in messages:
            print(message, file=self._process.stdin, flush=True)

    def lamps(self, seconds: float = 0.0) -> list[str]:
        """All messages that its lamps were sent so far; it waits for further ones."""
        assert self._process.stdout is not None
        until = time.monotonic() + seconds
        while select.select([self._process.stdout], [], [], max(until - time.monotonic(), 0))[0]:
            self._lamps += os.read(self._process.stdout.fileno(), 1 << 16).decode()
        return self._lamps.splitlines()

    def unplug(self) -> None:
        try:
            self._process.communicate(timeout=2)  # its input ends, and so does it
        except subprocess.TimeoutExpired:  # its server has gone
            self._process.kill()
            self._process.communicate()

    def crash(self) -> None:
        """End without a word."""
        self._process.kill()
        self._process.communicate()


def until(
    condition: Callable[[], bool], what: str, again: Callable[[], None] | None = None
) -> None:
    """Wait, doing `again` ten times a second: what is sent to a connection that JACK has not
    made yet is lost."""
    for k in range(1500):
        if again is not None and k % 10 == 0:
            again()
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within 15 s")


def wire(server: JackServer) -> None:
    """Connect the keyboard to the virtual ports."""
    patchbay = jack.Client("patchbay", no_start_server=True, servername=server.name)
    names = [OWN_IN, OWN_OUT]
    until(lambda: all(patchbay.get_ports(name) for name in names), "the ports in JACK")
    patchbay.connect("JackKeyboard:out", OWN_IN)
    patchbay.connect(OWN_OUT, "JackKeyboard:in")
    patchbay.close()
