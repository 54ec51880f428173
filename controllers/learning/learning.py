"""What was learned, for the controllers: from their messages to commands, and back.

The commands are `/learn`, `/learn/swap`, `/learn/list`, `/learn/undo` and `/unlearn`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from latentpad.controllers.learning.binding import OscControl
from latentpad.controllers.learning.bindings import Bindings
from latentpad.controllers.learning.bindings_file import BindingsFile
from latentpad.controllers.learning.keeper import Keeper
from latentpad.controllers.learning.learner import Learner
from latentpad.controllers.learning.midi_control import Kind, MidiControl
from latentpad.controllers.learning.reflection import message
from latentpad.controllers.learning.steering import Command
from latentpad.controllers.learning.targets import CURVES, target
from latentpad.engine.arguments import Argument, CommandError, UnknownAddress
from latentpad.engine.control.instrument import NOBODY, Instrument, Sender

Publish = Callable[[str, Sequence[Argument], Sender], None]
"""Sends a value to all who follow the instrument but a sender (`Feedback.publish`)."""


class Learning:
    """The bindings of OSC and MIDI controls, and the commands that change them.

    Any thread may call; nothing waits for a disk but the start and `close`. Raises `BindingsError`
    if the file at `path` (default: in the user's configuration) cannot be read.
    """

    def __init__(
        self,
        instrument: Instrument,
        path: Path | None = None,
        *,
        note: Callable[[str], None] = lambda line: None,
        publish: Publish = lambda address, args, sender: None,
    ) -> None:
        """`note` is called with lines for the performer."""
        self._instrument = instrument
        self._note = note
        self._publish = publish
        self._file = BindingsFile(path)
        bindings, is_earlier = self._file.read()
        self.bindings = Bindings(bindings, instrument.args_of)
        self._keeper = Keeper(self._keep)
        self._noted = ""
        self._waits = False  # it was told that `/learn` waits
        self._learner = Learner(self.bindings, time.monotonic, self._tell, self._learned)
        if is_earlier:
            self._keeper.wake()
        instrument.register("/learn", self._learn)
        instrument.register("/learn/swap", self._swap)
        instrument.register("/learn/list", self._list)
        instrument.register("/learn/undo", self._undo)
        instrument.register("/unlearn", self._unlearn)
        instrument.listeners.append(self._changed)

    def close(self) -> None:
        """Wait until the file is written."""
        self._keeper.close()

    # -- what controls send ----------------------------------------------------------------------

    def osc(self, address: str, args: Sequence[Argument]) -> list[Command] | None:
        """The commands of a message by what was learned; None if nothing is bound to its address.

        It learns the message first, if `/learn` waits. Raises `UnknownAddress` for a message of
        another form than the learned one.
        """
        if self._learner.sweeping(address):
            self._learner.osc(address, args, self._instrument.knows(address))
        steerings = self.bindings.osc(address)
        for steering in steerings:
            commands = steering.osc(args)
            if commands is not None:
                return commands
        if not steerings:
            return self._touch(address, args)
        shapes = " or ".join(str(steering.binding) for steering in steerings)
        raise UnknownAddress(
            f"{address}: other arguments were learned: {shapes}; /learn can bind these, too"
        )

    def coordinate(self, address: str, args: Sequence[Argument]) -> str | None:
        """What a message sets that only the newest message counts of; None if every message
        counts."""
        if self._learner.sweeping(address):
            return None
        for steering in self.bindings.osc(address):
            control = steering.binding.control
            if isinstance(control, OscControl) and control.shape.read(args) is not None:
                is_value = steering.binding.target.kind in ("value", "point")
                return f"{address}\0{control.shape}" if is_value else None
        return None

    def midi(
        self, control: MidiControl, position: float, *, fine: bool = False
    ) -> list[Command] | None:
        """The commands of a MIDI control at `position`, 0...1; None if it is bound to nothing.

        It learns the control first, if `/learn` waits. `fine`: this is the fine half
        of a value of 14 bits.
        """
        self._learner.midi(control, position, fine=fine)
        steering = self.bindings.midi(control)
        if steering is None and control.kind in ("cc", "cc14"):  # the same knob, coarser or finer
            other: Kind = "cc14" if control.kind == "cc" else "cc"
            steering = self.bindings.midi(control._replace(kind=other))
        return None if steering is None else steering.midi(position)

    def finger(self, address: str) -> int | None:
        """The finger whose point the messages of an OSC address set, alone or with that of the
        other axis; None if they set none."""
        for name in (address, f"{address}/x", f"{address}/y"):
            for steering in self.bindings.osc(name):
                steered = steering.binding.target
                if steered.kind == "point" or steered.address.endswith(("/x", "/y")):
                    return steered.finger
        return None

    def values(self) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """The learned OSC messages for the present values: what `/sync` sends."""
        known = dict(self._instrument.sync_messages())
        for binding in self.bindings.all:
            if isinstance(binding.control, OscControl):
                value = known.get(binding.target.state, ())
                args = message(binding, self._instrument.args_of, value)
                if args is not None:
                    yield binding.control.address, args

    def _touch(self, address: str, args: Sequence[Argument]) -> list[Command] | None:
        """The touch of a learned pad, `…/z`."""
        stem, _, last = address.rpartition("/")
        if last.lower() != "z" or not stem:
            return None
        finger = self.finger(stem)
        if finger is None:
            return [] if self.bindings.osc(stem) else None  # that of a fader
        return [(f"/pad/{finger}/touch", tuple(args[-1:]) or (1,))]

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for binding in self.bindings.of_state(address):
            if isinstance(binding.control, OscControl):
                sent = message(binding, self._instrument.args_of, args)
                if sent is not None:
                    self._publish(binding.control.address, sent, sender)

    # -- commands --------------------------------------------------------------------------------

    def _learn(self, args: Sequence[Argument], sender: Sender) -> None:
        words = [word for word in args if isinstance(word, str)]
        if not words or len(words) < len(args):
            raise CommandError("/learn takes an address, or an empty text to think better of it")
        address, *options = words
        if wrong := set(options) - {*CURVES, "pickup"}:
            raise CommandError(f"/learn: {min(wrong)!r:.40} is none of pickup, {', '.join(CURVES)}")
        curve = next((option for option in options if option in CURVES), "")
        wanted = target(address, curve) if address else None
        self._learner.ask(wanted, curve, "pickup" in options)
        self._waits = wanted is not None
        self._publish("/learn", (address,), NOBODY)
        self._tell(f"{address}: move a control" if wanted else "nothing any more")

    def _swap(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or isinstance(args[0], str):
            raise CommandError("/learn/swap takes 1 for pads that send y first, else 0")
        swapped = bool(args[0])
        order = "y first, then x" if swapped else "x first, then y"
        if self._learner.swap(swapped):
            self._tell(f"{order}: {self._learner.newest}")
        else:
            self._tell(f"{order}, from the next pad that is learned")
        self._publish("/learn/swap", (int(swapped),), NOBODY)

    def _list(self, args: Sequence[Argument], sender: Sender) -> None:
        lines = [str(binding) for binding in self.bindings.all]
        for number, line in enumerate(lines, 1):
            self._publish(f"/learn/list/{number}", (line,), NOBODY)
        bound = f"{len(lines)} controls are bound" if lines else "no control is bound"
        self._tell(f"{bound}; they are kept in {self._file.path}", *lines)

    def _undo(self, args: Sequence[Argument], sender: Sender) -> None:
        undone = self.bindings.undo()
        if undone is None:
            raise CommandError("/learn/undo: nothing was learned or unlearned since the start")
        gone, again = undone
        told = [f"no more: {binding}" for binding in gone]
        told += [f"again: {binding}" for binding in again]
        self._tell(f"undone, {'; '.join(told)}")
        self._learner.forget_sweeps()
        self._keeper.wake()

    def _unlearn(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/unlearn takes an address")
        removed = self.bindings.remove(args[0])
        if not removed:
            raise CommandError(f"/unlearn: no control steers {args[0]:.60}; /learn/list tells all")
        self._tell("; ".join(f"no more: {binding}" for binding in removed))
        self._learner.forget_sweeps()
        self._keeper.wake()

    def _tell(self, line: str, *more: str) -> None:
        self._noted = self._learner.newest
        self._publish("/learn/result", (line,), NOBODY)
        self._note("\n".join(f"learn  {each}" for each in (line, *more)))

    def _learned(self) -> None:
        """What the learner has bound, or knows more of."""
        if self._waits and self._learner.wanted is None:
            self._waits = False
            self._publish("/learn", ("",), NOBODY)
        self._keeper.wake()

    def _keep(self) -> None:
        """Write the file, and tell the range that a sweep has reached."""
        newest = self._learner.newest
        if newest and newest != self._noted:
            self._tell(newest)
        try:
            self._file.write(self.bindings.all)
        except OSError as error:
            self._tell(f"not kept: {self._file.path}: {error.strerror}")
