"""What the controls of a MIDI port do: messages to controls and their positions.

Pairs of controllers and of data bytes (14 bits) are put together here. The coarse byte alone covers
the whole way: it is used as the fine byte too, until that one comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import mido

from latentpad.controllers.learning.midi_control import MidiControl, port_name

DATA_COARSE, DATA_FINE = 6, 38
NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE = 98, 99, 100, 101
FINE = 32
"""From a coarse controller's number to that of its fine one."""


class Move(NamedTuple):
    """A control at `position`, 0...1. `fine`: its fine byte has come."""

    control: MidiControl
    position: float
    fine: bool = False


@dataclass(slots=True)
class _Channel:
    """What a channel's controllers have sent before."""

    coarse: dict[int, int] = field(default_factory=dict)  # of controllers 0...31
    parameter: dict[int, int] = field(default_factory=dict)  # the chosen NRPN's two bytes
    data: int | None = None  # its coarse byte


class Moves:
    """The controls of one port. One thread at a time."""

    def __init__(self, port: str) -> None:
        self._port = port_name(port)
        self._channels = [_Channel() for _ in range(16)]

    def read(self, message: mido.Message) -> list[Move]:
        """The controls that a message may have moved, the more special one first; none for
        messages that no control sends."""
        match message.type:
            case "note_on" | "note_off":
                velocity = message.velocity if message.type == "note_on" else 0
                return [self._move(message, "note", message.note, velocity / 127)]
            case "control_change":
                return self._controller(message)
            case "pitchwheel":
                return [self._move(message, "bend", 0, (message.pitch + 8192) / 16383)]
            case "aftertouch":
                return [self._move(message, "pressure", 0, message.value / 127)]
            case "polytouch":
                return [self._move(message, "key pressure", message.note, message.value / 127)]
            case "program_change":
                program = message.program
                return [
                    self._move(message, "program", program, 1.0),
                    self._move(message, "programs", 0, program / 127),
                ]
        return []

    def _controller(self, message: mido.Message) -> list[Move]:
        number, value = message.control, message.value
        channel = self._channels[message.channel]
        if number in (NRPN_FINE, NRPN_COARSE):
            channel.parameter[number] = value
            channel.data = None
        elif number in (RPN_FINE, RPN_COARSE):
            channel.parameter.clear()
        elif number in (DATA_COARSE, DATA_FINE) and len(channel.parameter) == 2:
            return self._data(message, channel)
        elif number < FINE:
            channel.coarse[number] = value
            return [self._move(message, "cc", number, value / 127)]
        elif number < 2 * FINE and (coarse := channel.coarse.get(number - FINE)) is not None:
            return [self._move(message, "cc14", number - FINE, _position(coarse, value), fine=True)]
        return [self._move(message, "cc", number, value / 127)]

    def _data(self, message: mido.Message, channel: _Channel) -> list[Move]:
        number = 128 * channel.parameter[NRPN_COARSE] + channel.parameter[NRPN_FINE]
        if number == 16_383:  # none is chosen
            return []
        if message.control == DATA_COARSE:
            channel.data = message.value
            return [self._move(message, "nrpn", number, _position(message.value, message.value))]
        if channel.data is None:
            return []
        position = _position(channel.data, message.value)
        return [self._move(message, "nrpn", number, position, fine=True)]

    def _move(
        self, message: mido.Message, kind: str, number: int, position: float, *, fine: bool = False
    ) -> Move:
        control = MidiControl(self._port, message.channel + 1, kind, number)  # type: ignore[arg-type]
        return Move(control, position, fine)


def _position(coarse: int, fine: int) -> float:
    return (128 * coarse + fine) / 16383
