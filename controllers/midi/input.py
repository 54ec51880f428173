"""Changes of MIDI controls to commands.

What was learned comes first (`controllers.learning`), then the ready map of a known device, then
what concerns notes (`controllers.midi.notes`) and the table of what steers the whole instrument
(`controllers.midi.table`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, Literal

from latentpad.controllers.input_counts import InputCounts
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.learning.midi_control import Kind, MidiControl, port_name
from latentpad.controllers.learning.steering import Steering
from latentpad.controllers.midi.change import FINE, Change
from latentpad.controllers.midi.lights import Lights
from latentpad.controllers.midi.notes import RESET, SLIDE, Command, PortNotes
from latentpad.controllers.midi.ready_maps import ReadyMap
from latentpad.controllers.midi.table import CONTROLLERS, MODULATION, RESET_BY_121
from latentpad.controllers.midi.zones import Zones
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.sender_threads import SenderThreads
from latentpad.engine import error_log
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender
from latentpad.engine.parameters import ROW

Layout = Literal["pad", "bend"]

AT_ONCE = 64  # changes that are one change of the instrument
ALL_SOUND_OFF = 120


@dataclass(slots=True)
class MidiInput:
    """The changes of one MIDI port's controls to `instrument`. Call it from one thread at a time.

    Notes belong to the port and channel that they came from: when a keyboard is unplugged, only its
    own notes are released.
    """

    instrument: Instrument
    port: str
    learning: Learning
    outcomes: Outcomes
    layout: Layout = "pad"
    counts: InputCounts = field(default_factory=InputCounts)
    mpe: bool = False
    lights: Lights | None = None
    ready: ReadyMap | None = None
    _notes: PortNotes = field(init=False)
    _ready: dict[MidiControl, Steering] = field(default_factory=dict)
    _moved: set[tuple[int, int]] = field(default_factory=set)  # controllers, for CC 121
    _threads: SenderThreads = field(default_factory=SenderThreads)

    def __post_init__(self) -> None:
        self._notes = PortNotes(Zones(forced=self.mpe), self._point)
        for binding in self.ready.bindings(self.port) if self.ready else ():
            if isinstance(binding.control, MidiControl):
                self._ready[binding.control] = Steering(binding, self.instrument.args_of)

    def receive(self, changes: Sequence[Sequence[Any]]) -> None:
        """Handle changes, the fields of `Change`. What is refused is counted, never raised, and
        reported to `outcomes`."""
        self.counts.messages += len(changes)
        arrived = [Change(*fields) for fields in changes]
        for waits, group in groupby(arrived, self._waits_for_disk):
            run = [*group]
            size = 1 if waits else AT_ONCE
            for start in range(0, len(run), size):
                part = run[start : start + size]
                carry_out = self._carry_out if waits else self._carry_out_together
                self._threads.do(self.port, partial(carry_out, part), waits=waits)

    def release(self) -> None:
        """Release all notes of the port, when it has gone."""
        for channel in range(1, 17):
            self._threads.do(self.port, partial(self.instrument.release, self.group(channel)))
        self._threads.do(self.port, self._notes.forget)

    def group(self, channel: int) -> str:
        """The sender group of a channel, 1...16."""
        return f"midi {self.port} {channel}"

    def _carry_out_together(self, changes: Sequence[Change]) -> None:
        with self.instrument.together():
            self._carry_out(changes)

    def _carry_out(self, changes: Sequence[Change]) -> None:
        for change in changes:
            try:
                commands = self.commands(change)
            except Exception as error:  # a fault behind one control must not end the others
                self.counts.add_refused(error)
                error_log.report(error)
                continue
            for channel, group in groupby(commands, lambda command: command[0]):
                sender = Sender(self.group(channel))
                self.instrument.carry_out(
                    [(address, args) for _, address, args in group], sender, self._report
                )

    def _report(
        self, address: str, args: Sequence[Argument], sender: Sender, error: Exception | None
    ) -> None:
        if error is not None:
            self.counts.add_refused(error)
        self.outcomes.report(address, args, sender, error)

    def _point(self) -> tuple[float, float]:
        x, y = self.instrument.args_of("/pad/1/xy")
        return float(x), float(y)

    def commands(self, change: Change) -> list[Command]:
        """The change as commands, in order."""
        learned = self._learned(change)
        if learned is not None:
            released = change.kind == "note" and not change.value
            if released and self._notes.holds(change.channel, change.number):
                learned += self._notes.read(change) or []  # it was pressed as a note
            return learned
        if change.kind == "cc" and change.number == ALL_SOUND_OFF:
            self._notes.let_go(range(1, 17))
            return [(change.channel, "/panic", ())]
        own = [*self._own(change)]
        if own and change.kind == "bend":  # it is x, and bends no notes
            return own
        of_notes = self._notes.read(change)
        if of_notes is None and not own:
            self._tell_unbound(change)
        return [*(of_notes or []), *own]

    def _own(self, change: Change) -> Iterator[Command]:
        """What steers the whole instrument."""
        channel = change.channel
        if change.kind == "program":
            yield channel, "/preset", (128 * change.number + change.value,)
        elif change.kind == "bend" and self.layout == "bend":
            if not self._notes.is_member(channel):
                yield channel, "/pad/x", (change.position,)
        elif change.kind == "cc" and change.number == RESET:
            for number in RESET_BY_121:
                if (channel, number) in self._moved:
                    address = CONTROLLERS[number].address
                    yield channel, address, ROW[address].default
            self._moved = {moved for moved in self._moved if moved[0] != channel}
        elif change.kind == "cc":
            if change.number == MODULATION and self.layout == "bend":
                yield channel, "/pad/y", (change.position,)
            elif change.number in CONTROLLERS:
                controller = CONTROLLERS[change.number]
                self._moved.add((channel, change.number))
                yield channel, controller.address, (controller.value(change.position),)

    def _learned(self, change: Change) -> list[Command] | None:
        """What was learned for a change; None if nothing was."""
        for control, position in self._moves(change):
            if self.lights is not None and self.lights.is_echo(control, change.value):
                return []
            commands = self.learning.midi(control, position, fine=change.top == FINE)
            if commands is None and control in self._ready:
                commands = self._ready[control].midi(position)
            if commands is not None:
                return [(change.channel, *command) for command in commands]
        return None

    def _moves(self, change: Change) -> Iterator[tuple[MidiControl, float]]:
        """The controls that a change moves, and their positions; the more special one first.

        The bend, slide and pressure of an MPE member shape its notes and are no knobs.
        """
        channel, kind, number = max(change.channel, 1), change.kind, change.number
        port, position = port_name(self.port), change.position
        shapes = kind in _SHAPING or (kind, number) == ("cc", SLIDE)
        if shapes and self._notes.is_member(channel):
            return
        if kind == "program":
            yield MidiControl(port, channel, "program", change.value), 1.0
            yield MidiControl(port, channel, "programs"), position
        elif kind == "cc" and number < ALL_SOUND_OFF:
            yield (
                MidiControl(port, channel, "cc14" if change.top == FINE else "cc", number),
                position,
            )
        elif kind in _LEARNED:
            yield MidiControl(port, channel, _LEARNED[kind], number), position

    def _waits_for_disk(self, change: Change) -> bool:
        """Whether what a change does may wait for a disk."""
        addresses = ["/preset"] if change.kind == "program" else []
        for control, _ in self._moves(change):
            steering = self.learning.bindings.midi(control) or self._ready.get(control)
            if steering is not None:
                addresses = [steering.binding.target.address]
        return any(map(self.instrument.waits_for_disk, addresses))

    def _tell_unbound(self, change: Change) -> None:
        """Report a control that nothing is bound to."""
        for control, _ in self._moves(change):
            if control.learnable and change.value:
                sender = Sender(self.group(change.channel))
                self.outcomes.unbound(str(control), (change.value,), sender)
            return


_SHAPING = ("bend", "pressure", "key pressure")

_LEARNED: dict[str, Kind] = {
    "note": "note", "bend": "bend", "pressure": "pressure", "key pressure": "key pressure",
    "nrpn": "nrpn", "start": "start", "continue": "continue", "stop": "stop",
}  # fmt: skip
"""The other changes that can be learned, and the kinds of their controls."""
