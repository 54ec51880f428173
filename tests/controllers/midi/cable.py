"""A cable to a MIDI input: the bytes that a device sends, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from latentpad.controllers.midi.change import Change
from latentpad.controllers.midi.controls import Controls
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.midi.notes import Command

AGE_S = 1.0  # between two chunks of bytes: nothing waits any more


class Cable:
    """Sends to `plug`. The halves of 14 bits that are sent together belong together."""

    def __init__(self, plug: MidiInput) -> None:
        self.plug = plug
        self._controls = Controls()
        self._now = 0.0

    def send(self, *chunks: Sequence[int]) -> None:
        """Chunks of bytes, one after the other."""
        for data in chunks:
            self.plug.receive(self._changes(data))

    def commands(self, *chunks: Sequence[int]) -> list[Command]:
        """The commands that the bytes stand for, without carrying them out."""
        changes = [change for data in chunks for change in self._changes(data)]
        return [command for change in changes for command in self.plug.commands(change)]

    def _changes(self, data: Sequence[int]) -> list[Change]:
        self._now += AGE_S
        changes = [*self._controls.feed(data, self._now)]
        return [*changes, *self._controls.due(self._now + AGE_S / 2)]
