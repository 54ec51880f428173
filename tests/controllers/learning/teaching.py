"""A learning instrument, and hands that send OSC and MIDI to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.input import MidiInput
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import Instrument, Sender
from tests.controllers.midi.cable import Cable

PAD = Sender("osc 10.0.0.7", 5000)

Said = tuple[str, tuple[Any, ...]]


class Teacher:
    """`fired` has the commands that a take records, `commands` those of learned messages, `lines`
    what the performer was told, `published` what is sent back beside the instrument's values."""

    def __init__(self, instrument: Instrument, path: Path) -> None:
        self.instrument = instrument
        self.lines: list[str] = []
        self.published: list[Said] = []
        self.fired: list[Said] = []
        self.commands: list[Said] = []
        self.learning = Learning(instrument, path, say=self.lines.append, publish=self._publish)
        instrument.taps.append(
            lambda address, args, sender: self.fired.append((address, tuple(args)))
        )

    def _publish(self, address: str, args: Any, sender: Sender) -> None:
        self.published.append((address, tuple(args)))

    def learn(self, address: str, *options: str) -> None:
        self.instrument.apply("/learn", (address, *options), PAD)

    def send(self, address: str, *args: Argument) -> bool:
        """Send a message as the OSC server does. Returns whether it was understood."""
        try:
            commands = self.learning.osc(address, args)
            self.commands += commands or []
            for name, values in [(address, args)] if commands is None else commands:
                self.instrument.apply(name, values, PAD)
        except CommandError:
            return False
        return True

    def keys(self, port: str = "keys") -> Cable:
        return Cable(MidiInput(self.instrument, port, self.learning, Outcomes(self.instrument)))

    def point(self, finger: int = 1) -> tuple[float, float]:
        x, y = dict(self.instrument.values())[f"/pad/{finger}/xy"]
        return float(x), float(y)

    def bound(self) -> list[tuple[str, str]]:
        """The controls and what they steer."""
        return [(str(b.control), b.target.address) for b in self.learning.bindings.all]
