"""MIDI messages to commands.

| message | command |
| --- | --- |
| CC 16, 17 (48, 49 refine them) | `/pad/x`, `/pad/y` |
| pitch bend, CC 1 (33) in the bend layout | `/pad/x`, `/pad/y` |
| note on, off | `/note` |
| program change | `/preset`, counted from 0 as on the wire |
| CC 7 | `/gain` |
| CC 120, 123...127 | `/panic`, all of the channel's notes off |
| a learned control | its address (`controllers.learning`), instead of the above |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import mido

from latentpad.controllers.input_counts import InputCounts
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.moves import Move, Moves
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.sender_threads import SenderThreads
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import ROW

Layout = Literal["pad", "bend"]
Command = tuple[str, tuple[Argument, ...]]

ALL_SOUND_OFF = 120
NOTES_OFF = range(123, 128)  # the mode messages after 123 release notes as well
_AXES: dict[str, dict[int, str]] = {
    "pad": {16: "/pad/x", 17: "/pad/y"},
    "bend": {16: "/pad/x", 17: "/pad/y", 1: "/pad/y"},
}
_GAIN = ROW["/gain"]


@dataclass(slots=True)
class MidiInput:
    """One MIDI port's messages to `instrument`. Call it from one thread at a time.

    Notes belong to the port and channel that they came from: when a keyboard is unplugged, only its
    own notes are released.
    """

    instrument: Instrument
    port: str
    learning: Learning
    outcomes: Outcomes
    layout: Layout = "pad"
    counts: InputCounts = field(default_factory=InputCounts)
    _moves: Moves = field(init=False)
    _threads: SenderThreads = field(default_factory=SenderThreads)

    def __post_init__(self) -> None:
        self._moves = Moves(self.port)

    def receive(self, data: list[int]) -> None:
        """Handle the bytes of one message. Malformed and refused messages are counted, never
        raised.

        The outcome is reported to `outcomes`.
        """
        self.counts.messages += 1
        try:
            message = mido.Message.from_bytes(data)
        except (ValueError, IndexError) as error:
            self.counts.add_malformed(str(error))
            return
        waits = message.type == "program_change" and self.instrument.waits_for_disk("/preset")
        self._threads.do(self.port, partial(self._carry_out, message), waits=waits)

    def _carry_out(self, message: mido.Message) -> None:
        if message.type == "control_change" and message.control in NOTES_OFF:
            self.instrument.release_notes(self.group(message.channel))
            return
        try:
            commands = self.commands(message)
        except Exception as error:  # a fault behind one control must not end the others
            self.counts.add_refused(error)
            error_log.report(error)
            return
        if commands:
            sender = Sender(self.group(message.channel))
            self.instrument.carry_out(commands, sender, self._report)

    def _report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        if error is not None:
            self.counts.add_refused(error)
        self.outcomes.report(address, args, sender, error)

    def group(self, channel: int) -> str:
        """The sender group of a channel, counted 0...15 as in MIDI's bytes."""
        return f"midi {self.port} {channel + 1}"

    def release(self) -> None:
        """Release all notes of the port, when it has gone."""
        for channel in range(16):
            self._threads.do(self.port, partial(self.instrument.release, self.group(channel)))

    def commands(self, message: mido.Message) -> list[Command]:
        """The message as commands, in order: what was learned, else what the table above says."""
        moves = self._moves.read(message)
        if message.type == "control_change" and message.control >= ALL_SOUND_OFF:
            return [("/panic", ())] if message.control == ALL_SOUND_OFF else []
        for move in moves:
            bound = self._learned(move)
            if bound is not None:
                return bound
        commands = self._own(message, moves)
        if not commands and moves and moves[0].control.learnable and not moves[0].fine:
            self._tell_unbound(moves[0], message)
        return commands

    def _learned(self, move: Move) -> list[Command] | None:
        return self.learning.midi(move.control, move.position, fine=move.fine)

    def _own(self, message: mido.Message, moves: list[Move]) -> list[Command]:
        """What a message does if nothing was learned for it."""
        match message.type:
            case "note_on" | "note_off":
                velocity = message.velocity if message.type == "note_on" else 0
                return [("/note", (message.note, velocity))]
            case "control_change":
                return self._control(message, moves)
            case "program_change":
                return [("/preset", (message.program,))]
            case "pitchwheel" if self.layout == "bend":
                return [("/pad/x", (moves[0].position,))]
        return []

    def _control(self, message: mido.Message, moves: list[Move]) -> list[Command]:
        axes = _AXES[self.layout]
        if message.control in axes:
            # The coarse byte alone covers 0...1: it is used as the fine byte too.
            return [(axes[message.control], (129 * message.value / 16383,))]
        if moves and moves[0].fine:
            control = moves[0].control
            is_bound = self.learning.bindings.midi(control._replace(kind="cc"))
            if control.kind == "cc14" and control.number in axes and not is_bound:
                return [(axes[control.number], (moves[0].position,))]
        if message.control == 7:
            return [("/gain", (gain(message.value),))]
        return []

    def _tell_unbound(self, move: Move, message: mido.Message) -> None:
        sender = Sender(self.group(message.channel))
        value = round(move.position * 127)
        self.outcomes.unbound(str(move.control), (value,), sender)


def gain(value: int) -> float:
    """CC 7 as dB: 40 log10(value / 100) above the default gain.

    So 100, the initial MIDI volume, is the default. The curve is General MIDI 2's for channel
    volume.
    """
    if value == 0:
        return _GAIN.low
    return max(_GAIN.default[0] + 40 * math.log10(value / 100), _GAIN.low)
