"""A program that opens the MIDI ports of one API and sends what they receive to its parent.

It is a process of its own because libjack frees the clients of a dead server without RtMidi's
knowledge; closing such a client crashes the process. So this process exits at once when its JACK
server ends, and the parent starts another. Also, JACK calls back on its audio thread, which here
does not wait for a busy interpreter.

`serve` is spawned (engine/process.py) and sends "says" (a `line`), "opened" and "closed" (a
`port`), "midi" (a `port` and its `data`, bytes), and "here" at each check of the ports.

    python -m latentpad.controllers.midi.process

prints the names of the present ports, as JSON, one per line.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from latentpad.engine.process import send_message

POLL = 1.0
"""Seconds between two checks of the ports; RtMidi gives no notice of changes."""

OWN_PORT = "latentpad"


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
    """The ports of one API. `send` is called with the messages of `serve`, by RtMidi's threads
    too."""

    def __init__(self, api: str, wanted: Sequence[str], send: Callable[..., None]) -> None:
        self._name = api
        self._api = apis()[api]
        self._wanted = wanted
        self._send_message = send
        self._virtual: Any = None  # the virtual port; it also lists the other ports
        self._watch: Any = None
        self._open: dict[str, Any] = {}
        self._last_line = ""

    def poll(self) -> None:
        """Open the ports that have appeared, close those that have gone."""
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
            self._send_message("closed", port=label(self._name, gone))
        for wanted in self._wanted:
            port = match(wanted, ports)
            if port is None or port in self._open:
                continue
            with suppress(rtmidi.RtMidiError):  # it has gone since it was listed
                midi = rtmidi.MidiIn(self._api, name=f"{OWN_PORT}-midi")
                midi.open_port(ports.index(port), OWN_PORT)
                self._open[port] = midi
                self._listen(midi, port)

    def close(self) -> None:
        """Close all ports; a JACK server is slow to remove clients that only disappear."""
        for midi in (*self._open.values(), self._virtual):
            if midi is not None:
                _leave(midi)
        if self._watch is not None:
            self._watch.close()

    def _open_own(self) -> Any:
        import rtmidi

        # Another name than that of the audio client, which JACK would otherwise rename.
        midi = rtmidi.MidiIn(self._api, name=f"{OWN_PORT}-midi")
        if self._name == "jack":
            self._watch = self._end_with_jack()
        midi.open_virtual_port(OWN_PORT)
        self._listen(midi, OWN_PORT)
        return midi

    def _end_with_jack(self) -> Any:
        """Exit this process when the server ends, before its clients are used again."""
        try:
            import jack
        except (ImportError, OSError):  # OSError: no libjack in the system
            self._say("without JACK-Client, JACK MIDI does not come back when JACK restarts")
            return None
        watch = jack.Client(f"{OWN_PORT}-watch", no_start_server=True)
        watch.set_shutdown_callback(lambda status, reason: os._exit(0))
        watch.activate()
        return watch

    def _listen(self, midi: Any, port: str) -> None:
        name = label(self._name, port)
        self._send_message("opened", port=name)
        midi.set_callback(lambda event, _: self._send_message("midi", port=name, data=event[0]))

    def _say(self, line: str) -> None:
        if line != self._last_line:
            self._last_line = line
            self._send_message("says", line=line)


def _leave(midi: Any) -> None:
    midi.close_port()
    midi.delete()  # otherwise its JACK client stays until this process ends


def serve(api: str, wanted: Sequence[str], words: socket.socket) -> None:
    """Main function of the process; returns when the control process closes `words`."""
    os.setsid()  # not stopped by Ctrl-Z: a stopped JACK client would block the others
    os.environ["JACK_NO_START_SERVER"] = "1"
    # If the parent does not read, messages are lost: JACK's thread must not wait.
    words.setblocking(False)
    send = partial(send_message, words)
    feed = MidiFeed(api, wanted, send)
    while True:
        feed.poll()
        send("here")
        if select.select([words], [], [], POLL)[0]:
            break
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
