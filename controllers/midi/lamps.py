"""The outputs of one MIDI system, beside the inputs of `controllers.midi.process`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

OUT_CLIENT = "latentpad-out"


class Lamps:
    """A virtual output, and one to each device whose input is open. One thread.

    Outputs are known by the names of the inputs.
    """

    def __init__(self, api: int) -> None:
        self._api = api
        self._own: Any = None  # the virtual output; it also lists the others
        self._outputs: dict[str, Any] = {}

    def open_own(self, name: str, port: str) -> None:
        """Open the virtual output `port`, for the virtual input `name`."""
        import rtmidi

        self._own = rtmidi.MidiOut(self._api, name=OUT_CLIENT)
        self._own.open_virtual_port(port)
        self._outputs[name] = self._own

    def open(self, name: str, port: str) -> None:
        """Open the output of the device at the input `port`, if it has one and it is not open."""
        import rtmidi

        if name in self._outputs or self._own is None:
            return
        with suppress(rtmidi.RtMidiError):  # it has gone since it was listed
            ports = self._own.get_ports()
            output = counterpart(port, ports)
            if output is not None:
                midi = rtmidi.MidiOut(self._api, name=OUT_CLIENT)
                midi.open_port(ports.index(output), "out")
                self._outputs[name] = midi

    def close(self, name: str) -> None:
        """Close the output of an input that has gone."""
        midi = self._outputs.pop(name, None)
        if midi is not None:
            midi.close_port()
            midi.delete()

    def close_all(self) -> None:
        for name in list(self._outputs):
            self.close(name)

    def send(self, name: str, messages: Sequence[Sequence[int]]) -> None:
        """Send messages to a device. Nothing happens if it has no output."""
        midi = self._outputs.get(name)
        if midi is not None:
            for message in messages:
                midi.send_message(message)


def counterpart(port: str, outputs: Sequence[str]) -> str | None:
    """The output of the device that has the input `port`; None if none is known to be."""
    for name in (port, port.replace("capture", "playback")):
        if name in outputs:
            return name
    client = port.partition(":")[0]
    same = [name for name in outputs if name.partition(":")[0] == client]
    return same[0] if len(same) == 1 else None
