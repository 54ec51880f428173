"""What was learned, for the controllers: from their messages to commands, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.bindings import Bindings
from latentpad.controllers.learning.bindings_file import BindingsFile
from latentpad.controllers.learning.commands import LearnCommands
from latentpad.controllers.learning.keeper import Keeper
from latentpad.controllers.learning.learner import Learner
from latentpad.controllers.learning.midi_control import Kind, MidiControl
from latentpad.controllers.learning.reflection import message
from latentpad.controllers.learning.report import Publish, Report
from latentpad.controllers.learning.steering import Command
from latentpad.controllers.learning.targets import target
from latentpad.engine.arguments import Argument, CommandError, UnknownAddress
from latentpad.engine.control.instrument import Instrument, Sender


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
        say: Callable[[str], None] = lambda line: None,
        note: Callable[[str], None] = lambda line: None,
        publish: Publish = lambda address, args, sender: None,
    ) -> None:
        """`say` is called with lines for the performer, `note` with those of a flood."""
        self._instrument = instrument
        self._publish = publish
        self._report = Report(say, note, publish)
        self._file = BindingsFile(path)
        bindings, is_earlier = self._file.read()
        self.bindings = Bindings(bindings, instrument.args_of)
        self._keeper = Keeper(self._keep)
        self._learner = Learner(self.bindings, time.monotonic, self._report.tell, self._learned)
        if is_earlier:
            self._keeper.wake()
        LearnCommands(
            instrument, self.bindings, self._learner, self._report, self._keeper.wake,
            self._file.path,
        )  # fmt: skip
        instrument.listeners.append(self._changed)

    def close(self) -> None:
        """Wait until the file is written."""
        self._keeper.close()

    def osc(self, address: str, args: Sequence[Argument]) -> list[Command] | None:
        """The commands of a message by what was learned; None if nothing is bound to its address.

        It learns the message first, if `/learn` waits; one that may be bound by the next message
        has no commands. Raises `UnknownAddress` for a message of another form than the learned one.
        """
        is_watched = False
        if self._learner.sweeping(address):
            is_watched = self._learner.osc(address, args, self._understands(address, args))
        steerings = self.bindings.osc(address)
        for steering in steerings:
            told = steering.beyond
            commands = steering.osc(args)
            if commands is not None:
                if steering.beyond and not told:
                    self._report.tell(f"{address}: {steering.beyond}; /learn it again to widen it")
                return commands
        if is_watched:
            return []
        if not steerings:
            return self._touch(address, args)
        if self._instrument.knows(address):  # it was learned as its values had another form
            return None
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
            if own := self._own_address(binding):
                value = known.get(binding.target.state, ())
                args = message(binding, self._instrument.args_of, value)
                if args is not None:
                    yield own, args

    def _understands(self, address: str, args: Sequence[Argument]) -> bool:
        """Whether the instrument takes a message as it is: its address is known and, if it can be
        meant by `/learn`, so are its order and range."""
        wanted = self._learner.wanted
        if wanted is None or not self._instrument.knows(address):
            return False
        try:
            own = target(address)
        except CommandError:
            return True
        if own.kind not in ("point", "value"):
            return True
        if len(args) != (2 if own.kind == "point" else 1):
            return False
        if own.state != wanted.state:
            return True
        is_swapped = own.kind == "point" and self._learner.swaps
        return not is_swapped and all(isinstance(a, str) or own.takes(a) for a in args)

    def _touch(self, address: str, args: Sequence[Argument]) -> list[Command] | None:
        """The touch of a learned pad, `…/z`."""
        stem, _, last = address.rpartition("/")
        if last.lower() != "z" or not stem:
            return None
        finger = self.finger(stem)
        if finger is None:
            return [] if self.bindings.osc(stem) else None  # that of a fader
        return [(f"/pad/{finger}/touch", tuple(args[-1:]) or (1,))]

    def _own_address(self, binding: Binding) -> str:
        """The address under which a control is sent its value; empty for one of MIDI, and for one
        that has an address of the instrument, which others understand otherwise."""
        control = binding.control
        if isinstance(control, OscControl) and not self._instrument.knows(control.address):
            return control.address
        return ""

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for binding in self.bindings.of_state(address):
            if own := self._own_address(binding):
                sent = message(binding, self._instrument.args_of, args)
                if sent is not None:
                    self._publish(own, sent, sender)

    def _learned(self) -> None:
        """Keep what the learner has bound, or knows more of."""
        if self._learner.wanted is None:
            self._report.waits("")
        if not self._learner.swaps:
            self._report.order(swapped=False)
        self._keeper.wake()

    def _keep(self) -> None:
        """Write the file, and tell the range that a sweep has reached."""
        if newest := self._learner.news():
            self._report.tell(newest)
        try:
            self._file.write(self.bindings.all)
        except OSError as error:
            self._report.tell(f"not kept: {self._file.path}: {error.strerror}")
