"""A small program that holds the MIDI ports of one API and tells its parent what comes.

It is a process of its own because libjack frees a dead server's clients behind RtMidi's back:
closing one then ends the process that does it. So this process ends itself at once when its
JACK server goes, and the parent starts another. And JACK runs the callback on its own audio
thread, which here has no busy interpreter to wait for.

`serve` is spawned (engine/process.py) and says "says" (a `line`), "opened" and "closed" (a
`port`), "midi" (a `port` and its `data`, bytes), and "here" at each look at the ports.

    python -m latentpad.controllers.midi.process

prints the names of the ports there are, as JSON, one a line.
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
"""Seconds between two looks at which ports there are; RtMidi has no other notice."""

OWN_PORT = "latentpad"


def apis() -> dict[str, int]:
    """The MIDI systems RtMidi was built with here, by our names for them."""
    import rtmidi

    known = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "coremidi": rtmidi.API_MACOSX_CORE,
    }
    compiled = rtmidi.get_compiled_api()
    return {name: api for name, api in known.items() if api in compiled}


def label(api: str, port: str) -> str:
    """A port's name for the performer: JACK may show the same device that ALSA shows."""
    return f"{port} (JACK)" if api == "jack" else port


def match(wanted: str, ports: Sequence[str]) -> str | None:
    """The port meant by `wanted`: its very name, else the first that holds it in any case.

    ALSA's client numbers ("20:0") change at each plugging in and do not count.
    """
    if wanted in ports:
        return wanted
    plain = re.sub(r" \d+:\d+$", "", wanted).casefold()
    return next((port for port in ports if plain in port.casefold()), None)


class MidiFeed:
    """The ports of one API. `tell` gets what `serve` says; RtMidi's threads call it too."""

    def __init__(self, api: str, wanted: Sequence[str], tell: Callable[..., None]) -> None:
        self._name = api
        self._api = apis()[api]
        self._wanted = wanted
        self._tell = tell
        self._own: Any = None  # the virtual port; it also knows which other ports there are
        self._watch: Any = None
        self._open: dict[str, Any] = {}
        self._said = ""

    def poll(self) -> None:
        """Open what has come, close what has gone."""
        import rtmidi

        try:
            if self._own is None:
                self._own = self._open_own()
            ports = self._own.get_ports()
        except rtmidi.RtMidiError:
            self._say(
                {
                    "alsa": "no ALSA sequencer here (is snd-seq loaded?): MIDI from JACK only",
                    "jack": "no JACK server is running: JACK MIDI comes when one does",
                }.get(self._name, f"{self._name} gives no MIDI ports")
            )
            return
        self._said = ""
        for gone in set(self._open).difference(ports):
            _leave(self._open.pop(gone))
            self._tell("closed", port=label(self._name, gone))
        for wanted in self._wanted:
            port = match(wanted, ports)
            if port is None or port in self._open:
                continue
            with suppress(rtmidi.RtMidiError):  # gone again since it was listed
                midi = rtmidi.MidiIn(self._api, name=f"{OWN_PORT}-midi")
                midi.open_port(ports.index(port), OWN_PORT)
                self._open[port] = midi
                self._listen(midi, port)

    def close(self) -> None:
        """Leave the MIDI system; a JACK server is slow to forget clients that just vanish."""
        for midi in (*self._open.values(), self._own):
            if midi is not None:
                _leave(midi)
        if self._watch is not None:
            self._watch.close()

    def _open_own(self) -> Any:
        import rtmidi

        # Distinct from the sound's own client, which JACK would otherwise have to rename.
        midi = rtmidi.MidiIn(self._api, name=f"{OWN_PORT}-midi")
        if self._name == "jack":
            self._watch = self._end_with_jack()
        midi.open_virtual_port(OWN_PORT)
        self._listen(midi, OWN_PORT)
        return midi

    def _end_with_jack(self) -> Any:
        """End this process when the server goes, before anything touches its clients again."""
        try:
            import jack
        except (ImportError, OSError):  # OSError: it found no libjack of the system's
            self._say("without JACK-Client, JACK MIDI does not come back when JACK restarts")
            return None
        watch = jack.Client(f"{OWN_PORT}-watch", no_start_server=True)
        watch.set_shutdown_callback(lambda status, reason: os._exit(0))
        watch.activate()
        return watch

    def _listen(self, midi: Any, port: str) -> None:
        name = label(self._name, port)
        self._tell("opened", port=name)
        midi.set_callback(lambda event, _: self._tell("midi", port=name, data=event[0]))

    def _say(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._tell("says", line=line)


def _leave(midi: Any) -> None:
    midi.close_port()
    midi.delete()  # else its JACK client lives on, deaf, until this process ends


def serve(api: str, wanted: Sequence[str], words: socket.socket) -> None:
    """The feed's main function; returns when the control process closes `words`."""
    os.setsid()  # Ctrl-Z is for the instrument: a JACK client that stops holds up the others
    os.environ["JACK_NO_START_SERVER"] = "1"
    # Where the parent does not read, a line is lost: JACK's thread must not wait for it.
    words.setblocking(False)
    tell = partial(send_message, words)
    feed = MidiFeed(api, wanted, tell)
    while True:
        feed.poll()
        tell("here")
        if select.select([words], [], [], POLL)[0]:
            break
    feed.close()
    os._exit(0)


def main() -> None:
    import rtmidi

    os.environ["JACK_NO_START_SERVER"] = "1"
    for name, api in apis().items():
        with suppress(rtmidi.RtMidiError):  # that system is not there
            for port in rtmidi.MidiIn(api, name=f"{OWN_PORT}-list").get_ports():
                print(json.dumps(label(name, port)))


if __name__ == "__main__":
    main()
