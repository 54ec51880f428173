"""A program that opens the MIDI ports of one API and sends what they receive to its parent.

It is a process of its own because libjack frees the clients of a dead server without RtMidi's
knowledge; closing such a client crashes the process. So this process exits at once when its JACK
server ends, and the parent starts another. Also, JACK calls back on its audio thread, which here
does not wait for a busy interpreter.

`serve` is spawned (engine/process.py) and sends "says" (a `line`), "opened" and "closed" (a
`port`), "disconnected" (a `port` that stays, and nothing is connected to it any more), "midi" (a
`port` and its `changes`, each the fields of `Change`), "lost" (a `count` of changes), and "here" at
each check of the ports.

    python -m latentpad.controllers.midi.process

prints the names of the present ports, as JSON, one per line.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from latentpad.controllers.midi.courier import Courier
from latentpad.controllers.midi.lamps import OUT_CLIENT, Lamps
from latentpad.controllers.midi.wiring import AlsaWiring, JackWiring, Wiring

POLL = 0.5
"""Seconds between two checks of the ports, at most: JACK gives notice of changes, others do not."""

OWN_PORT, OWN_CLIENT = "latentpad", "latentpad-midi"
OWN_NAMES = (OWN_CLIENT, OUT_CLIENT)
ORDER_BYTES = 1 << 16


def apis() -> dict[str, int]:
    """The MIDI systems that RtMidi was built with, by the names used here."""
    import rtmidi

    known = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "coremidi": rtmidi.API_MACOSX_CORE,
    }
    compiled = rtmidi.get_compiled_api()
    return {name: api for name, api in known.items() if api in compiled}


def label(api: str, port: str) -> str:
    """A port's name for the performer, as JACK may show the same device as ALSA."""
    return f"{port} (JACK)" if api == "jack" else port


def match(wanted: str, ports: Sequence[str]) -> str | None:
    """The port meant by `wanted`: the equal name, else the first that contains it in any case.

    ALSA's client numbers ("20:0") change each time a device is plugged in, and are ignored.
    """
    if wanted in ports:
        return wanted
    without_number = re.sub(r" \d+:\d+$", "", wanted).casefold()
    return next((port for port in ports if without_number in port.casefold()), None)


class MidiFeed:
    """The ports of one API, watched by one thread. `courier` gets what they receive, and the words
    of `serve`, from RtMidi's threads too."""

    def __init__(
        self, api: str, wanted: Sequence[str], courier: Courier, orders: socket.socket
    ) -> None:
        self._name = api
        self._api = apis()[api]
        self._wanted = wanted
        self._courier = courier
        self._orders = orders
        self._lamps = Lamps(self._api)
        self._virtual: Any = None  # the virtual port; it also lists the other ports
        self._wiring: Wiring | None = None
        self._open: dict[str, Any] = {}
        self._own_name = ""  # of the virtual port, in its MIDI system
        self._connected = False  # something is connected to it
        self._last_line = ""
        self._next_poll = 0.0
        self._wake_receiver, self._wake_sender = os.pipe()
        os.set_blocking(self._wake_sender, False)

    def turn(self, words: socket.socket) -> bool:
        """Wait until something is to be done, and do it. False when the control process has closed
        `words`."""
        watched: list[Any] = [words, self._wake_receiver, self._orders]
        pause_s = max(self._next_poll - time.monotonic(), 0.0)
        readable, _, _ = select.select(watched, [], [], pause_s)
        if words in readable:
            return False
        if self._orders in readable:
            order = json.loads(self._orders.recv(ORDER_BYTES))
            self._lamps.send(order["port"], order["messages"])
        if self._wake_receiver in readable:
            os.read(self._wake_receiver, 4096)
            self._next_poll = 0.0
        if time.monotonic() >= self._next_poll:
            self._next_poll = time.monotonic() + POLL
            self.poll()
            self._courier.tell("here")
        return True

    def poll(self) -> None:
        """Open the ports that have appeared, close those that have gone, and tell of those whose
        last connection has gone."""
        import rtmidi

        try:
            if self._virtual is None:
                self._virtual = self._open_own()
            ports = self._virtual.get_ports()
        except rtmidi.RtMidiError:
            self._say(
                {
                    "alsa": "no ALSA sequencer here (is snd-seq loaded?): MIDI from JACK only",
                    "jack": "no JACK server is running: JACK MIDI comes when one does",
                }.get(self._name, f"{self._name} gives no MIDI ports")
            )
            return
        self._last_line = ""
        for gone in set(self._open).difference(ports):
            _leave(self._open.pop(gone))
            self._lamps.close(label(self._name, gone))
            self._courier.tell("closed", port=label(self._name, gone))
        for wanted in self._wanted:
            port = match(wanted, [port for port in ports if not port.startswith(OWN_NAMES)])
            if port is None or port in self._open:
                continue
            with suppress(rtmidi.RtMidiError):  # it has gone since it was listed
                midi = rtmidi.MidiIn(self._api, name=OWN_CLIENT)
                midi.open_port(ports.index(port), OWN_PORT)
                self._open[port] = midi
                self._listen(midi, port)
        for port in self._open:
            self._lamps.open(label(self._name, port), port)
        self._look_at_wires()

    def close(self) -> None:
        """Close all ports; a JACK server is slow to remove clients that only disappear."""
        for midi in (*self._open.values(), self._virtual):
            if midi is not None:
                _leave(midi)
        self._lamps.close_all()
        if self._wiring is not None:
            self._wiring.close()

    def _open_own(self) -> Any:
        import rtmidi

        # Another name than that of the audio client, which JACK would otherwise rename.
        midi = rtmidi.MidiIn(self._api, name=OWN_CLIENT)
        self._wiring = self._wiring or self._look_up_wiring()
        others = self._wiring.inputs(OWN_CLIENT) if self._wiring else {}
        midi.open_virtual_port(OWN_PORT)
        if self._wiring:
            own = self._wiring.inputs(OWN_CLIENT).keys() - others.keys()
            self._own_name = next(iter(own), "")
        self._lamps.open_own(label(self._name, OWN_PORT), OWN_PORT)
        self._listen(midi, OWN_PORT)
        return midi

    def _look_up_wiring(self) -> Wiring | None:
        if self._name == "alsa":
            return AlsaWiring()
        if self._name == "jack":
            try:
                return JackWiring(f"{OWN_PORT}-watch", self._wake)
            except (ImportError, OSError):  # OSError: no libjack in the system
                self._say("without JACK-Client, JACK MIDI does not come back when JACK restarts")
        return None

    def _look_at_wires(self) -> None:
        """Tell when the last connection of the virtual port has gone: what it holds is let go."""
        if self._wiring is None:
            return
        connected = self._wiring.inputs(OWN_CLIENT).get(self._own_name, False)
        if self._connected and not connected:
            self._courier.tell("disconnected", port=label(self._name, OWN_PORT))
        self._connected = connected

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake_sender, b".")

    def _listen(self, midi: Any, port: str) -> None:
        name = label(self._name, port)
        self._courier.tell("opened", port=name)
        midi.set_callback(lambda event, _: self._courier.receive(name, event[0]))

    def _say(self, line: str) -> None:
        if line != self._last_line:
            self._last_line = line
            self._courier.tell("says", line=line)


def _leave(midi: Any) -> None:
    midi.close_port()
    midi.delete()  # otherwise its JACK client stays until this process ends


def serve(
    api: str,
    wanted: Sequence[str],
    plain: Sequence[str],
    orders: socket.socket,
    words: socket.socket,
) -> None:
    """Main function of the process; returns when the control process closes `words`.

    `wanted` are the names of ports to open, `plain` is as in `Courier`. What comes on `orders` is
    sent to devices: a datagram of JSON with the `port` and the `messages`.
    """
    os.setsid()  # not stopped by Ctrl-Z: a stopped JACK client would block the others
    os.environ["JACK_NO_START_SERVER"] = "1"
    courier = Courier(words, plain)
    courier.start()
    feed = MidiFeed(api, wanted, courier, orders)
    while feed.turn(words):
        pass
    feed.close()
    os._exit(0)


def main() -> None:
    import rtmidi

    os.environ["JACK_NO_START_SERVER"] = "1"
    for name, api in apis().items():
        with suppress(rtmidi.RtMidiError):  # this system is not available
            for port in rtmidi.MidiIn(api, name=f"{OWN_PORT}-list").get_ports():
                print(json.dumps(label(name, port)))


if __name__ == "__main__":
    main()
