"""After `/learn ADDRESS`, the next control that is moved is bound to that address.

A control must take two different values before it is bound; a button or a key must be pressed. What
an OSC control sends next tells how far it reaches (`controllers.learning.sweep`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.bindings import Bindings
from latentpad.controllers.learning.midi_control import BUTTONS, MidiControl
from latentpad.controllers.learning.movement import Movement, pair, teaches
from latentpad.controllers.learning.shape import Shape
from latentpad.controllers.learning.sweep import PAUSE_S, Sweep, linear_curve
from latentpad.controllers.learning.targets import Target
from latentpad.engine.arguments import Argument

CANDIDATES = 256
"""Controls that are watched at once; further ones wait."""


class Learner:
    """What waits to be learned, and the controls that may be meant. Any thread may call.

    `tell` is called with a line for the performer, `changed` after each change of the bindings. A
    range that grows is not told: `news` is to be asked now and then.
    """

    def __init__(
        self,
        bindings: Bindings,
        clock: Callable[[], float],
        tell: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._bindings = bindings
        self._clock = clock
        self._tell = tell
        self._changed = changed
        self._lock = threading.RLock()
        self._wanted: Target | None = None
        self._options: tuple[str, bool] = "", False  # curve, pickup
        self._swap = False  # asked for before the control was moved
        self._osc: dict[tuple[object, ...], Movement] = {}
        self._midi: dict[object, float] = {}
        self._told: set[str] = set()
        self._newest_told = ""
        self._sweeps: dict[str, Sweep] = {}
        self._bound_midi: tuple[Binding, float] | None = None

    @property
    def wanted(self) -> Target | None:
        """What waits to be learned."""
        return self._wanted

    @property
    def swaps(self) -> bool:
        """Whether y is taken first from the next pad."""
        return self._swap

    @property
    def newest(self) -> str:
        """The bindings learned last, in words."""
        with self._lock:
            return "; ".join(str(sweep.binding) for sweep in self._sweeps.values())

    def news(self) -> str:
        """`newest`, if it was not told yet."""
        newest, told = self.newest, self._newest_told
        self._newest_told = newest
        return newest if newest != told else ""

    def sweeping(self, address: str) -> bool:
        """Whether all that comes from an OSC address is of interest."""
        sweep = self._sweeps.get(address)
        return self._wanted is not None or (sweep is not None and sweep.goes_on(self._clock()))

    def ask(self, wanted: Target | None, curve: str = "", pickup: bool = False) -> None:
        """Wait for a control for `wanted`; None: for nothing any more."""
        with self._lock:
            self._wanted, self._options = wanted, (curve, pickup)
            self._osc.clear()
            self._midi.clear()
            self._told.clear()
            is_pad = wanted is not None and wanted.kind == "point"
            for sweep in self._sweeps.values():
                if is_pad and sweep.swapped and not sweep.moved_since_swap:
                    self._refine(sweep, sweep.swap(False))  # the order was meant for the next one
                    self._swap = True
            self._sweeps.clear()
            self._bound_midi = None

    def forget_sweeps(self) -> None:
        """Note that bindings were changed in another way."""
        with self._lock:
            self._sweeps.clear()
            self._bound_midi = None

    def swap(self, swapped: bool) -> bool:
        """Take y first, or x, from the pad that is learned: the one that waits, else the newest
        one, or the next one if that is not moved any more. Returns whether a binding changed."""
        with self._lock:
            self._swap = swapped
            pads = [s for s in self._sweeps.values() if s.binding.target.kind == "point"]
            if self._wanted is not None or not pads:
                return False
            for sweep in pads:
                self._refine(sweep, sweep.swap(swapped), undoable=True)
            self._swap = False
            return True

    # -- OSC -------------------------------------------------------------------------------------

    def osc(self, address: str, args: Sequence[Argument], known: bool) -> bool:
        """Take a message. `known`: whether the instrument understands it without learning.

        Returns whether it was of use.
        """
        with self._lock:
            sweep = self._sweeps.get(address)
            if sweep is not None and (binding := sweep.hear(args, self._clock())) is not None:
                self._refine(sweep, binding)
                return True
            if self._wanted is None or known or not teaches(address, self._wanted):
                return False
            return self._watch(address, args, self._wanted)

    def _watch(self, address: str, args: Sequence[Argument], wanted: Target) -> bool:
        if not all(isinstance(argument, str) or math.isfinite(argument) for argument in args):
            return False
        key = _form(address, args)
        movement = self._osc.get(key)
        if movement is not None:
            movement.add(args)
        elif len(self._osc) < CANDIDATES:
            movement = self._osc[key] = Movement(args)
        else:
            return False
        one_number = sum(not isinstance(argument, str) for argument in args) == 1
        is_axis = one_number or address.rpartition("/")[2].lower() in ("x", "y")
        axes = pair(address) if wanted.kind == "point" and is_axis else None
        if axes is None and (missing := movement.needs(wanted, address)):
            if missing not in self._told and len(self._told) < CANDIDATES:
                self._told.add(missing)
                self._tell(missing)
            return True
        shape = movement.shape(wanted, axis=axes is not None)
        if shape is not None:
            self._bind(address, shape, movement, wanted, axes)
        return True

    def _bind(
        self,
        address: str,
        shape: Shape,
        movement: Movement,
        wanted: Target,
        axes: tuple[str, str] | None,
    ) -> None:
        curve, pickup = self._options
        if axes is None:
            shape = shape.swapped() if self._swap and wanted.kind == "point" else shape
            new = {address: wanted.address}
        else:
            stem = wanted.address.removesuffix("xy")
            new = {name: stem + axis for name, axis in zip(axes, "xy", strict=True)}
        form = _form(address, movement.last)
        now, self._sweeps = self._clock(), {}
        for name, steered in new.items():
            binding = Binding.make(
                OscControl(name, shape), steered, curve or linear_curve(steered, shape), pickup
            )
            own = self._osc.get((name, *form[1:]))  # of a pair, one may not have come yet
            sweep = Sweep(binding, own, axes is not None, curve, now, now, self._swap)
            sweep.look()
            self._sweeps[name] = sweep
        self._take([sweep.binding for sweep in self._sweeps.values()])

    def _refine(self, sweep: Sweep, binding: Binding, *, undoable: bool = False) -> None:
        if binding != sweep.binding:
            replace = self._bindings.change if undoable else self._bindings.refine
            replace(sweep.binding, binding)
            sweep.binding = binding
            self._changed()

    # -- MIDI ------------------------------------------------------------------------------------

    def midi(self, control: MidiControl, position: float, *, fine: bool = False) -> None:
        """Take what a control sends. `fine`: its fine half has come."""
        with self._lock:
            if control.kind == "cc14":
                self._complete(control)
            wanted = self._wanted
            if wanted is None or not control.learnable:
                return
            is_button = control.kind in BUTTONS
            if wanted.kind == "point":
                if not is_button and "midi" not in self._told:
                    self._told.add("midi")
                    self._tell(
                        f"{control} gives one value, {wanted.address} takes two: learn "
                        f"{wanted.address.removesuffix('xy')}x and y"
                    )
                return
            if is_button:
                if wanted.kind != "value" and position:  # keys play on while a knob is looked for
                    self._bind_midi(control, wanted)
                return
            seen = self._midi.setdefault((control, fine), position)
            if seen != position and len(self._midi) <= CANDIDATES:
                pair_control = control._replace(kind="cc14")
                has_fine = control.kind == "cc" and (pair_control, True) in self._midi
                self._bind_midi(pair_control if has_fine else control, wanted)

    def _bind_midi(self, control: MidiControl, wanted: Target) -> None:
        binding = Binding.make(control, wanted.address, *self._options)
        self._sweeps = {}
        self._take([binding])
        self._bound_midi = binding, self._clock()

    def _complete(self, control: MidiControl) -> None:
        """Make a pair of a control that was just bound, as its fine half has come."""
        if self._bound_midi is None:
            return
        binding, bound_s = self._bound_midi
        if binding.control == control._replace(kind="cc") and self._clock() - bound_s < PAUSE_S:
            pair_binding = Binding.make(
                control, binding.target.address, binding.curve, binding.pickup
            )
            self._bindings.refine(binding, pair_binding)
            self._bound_midi = pair_binding, bound_s
            self._changed()

    def _take(self, bindings: list[Binding]) -> None:
        self._wanted, self._swap = None, False
        self._bindings.put(*bindings)
        self._newest_told = "; ".join(map(str, bindings))
        self._tell(self._newest_told + self._advice(bindings[0]))
        self._changed()

    @staticmethod
    def _advice(binding: Binding) -> str:
        if not isinstance(binding.control, OscControl) or binding.target.kind == "trigger":
            return ""
        swap = "" if binding.target.kind != "point" else "; /learn/swap 1 if it sends y first"
        return f": sweep it from edge to edge{swap}"


def _form(address: str, args: Sequence[Argument]) -> tuple[object, ...]:
    """What messages of one control have in common: the address, and the texts among the
    arguments."""
    return address, *(argument if isinstance(argument, str) else None for argument in args)
