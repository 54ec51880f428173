"""All bindings: looked up by control or address, changed, and changed back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.midi_control import MidiControl
from latentpad.controllers.learning.steering import Steering, ValueOf

UNDO = 100
"""Changes that can be undone."""

MOST = 2000
"""Bindings; further ones replace the oldest."""


class Bindings:
    """The bindings in the order in which they were made. Any thread may call.

    A lookup takes no lock: a change replaces the tables.
    """

    def __init__(self, bindings: Sequence[Binding], value_of: ValueOf) -> None:
        self._value_of = value_of
        self._lock = threading.Lock()
        self._steerings: dict[Binding, Steering] = {}
        self._history: deque[tuple[Binding, ...]] = deque(maxlen=UNDO)
        self._all: tuple[Binding, ...] = ()
        self._set(tuple(bindings))

    @property
    def all(self) -> tuple[Binding, ...]:
        return self._all

    def osc(self, address: str) -> list[Steering]:
        """What the messages of an OSC address steer, by their forms."""
        return self._osc.get(address, [])

    def midi(self, control: MidiControl) -> Steering | None:
        """What a control steers: by a binding of its port, else by one of any port."""
        return self._midi.get(control) or self._midi.get(control._replace(port=""))

    def of_state(self, address: str) -> list[Binding]:
        """The bindings whose value is sent back under `address`."""
        return self._states.get(address, [])

    def put(self, *bindings: Binding) -> None:
        """Add bindings, as one change. They replace those of the same controls."""
        keys = {binding.key for binding in bindings}
        with self._lock:
            self._history.append(self._all)
            others = [other for other in self._all if other.key not in keys]
            self._set((*others, *bindings)[-MOST:])

    def refine(self, before: Binding, after: Binding) -> None:
        """Replace a binding in its place: more is known of its control."""
        with self._lock:
            if before in self._all:
                if before in self._steerings:  # what its control sent last still counts
                    steering = self._steerings[after] = self._steerings.pop(before)
                    steering.binding = after
                self._set(tuple(after if other == before else other for other in self._all))

    def change(self, before: Binding, after: Binding) -> None:
        """As `refine`, but so that it can be undone."""
        with self._lock:
            self._history.append(self._all)
        self.refine(before, after)

    def remove(self, address: str) -> list[Binding]:
        """Remove the bindings that steer an address, or whose control has it. Returns them."""
        with self._lock:
            removed = [binding for binding in self._all if binding.concerns(address)]
            if removed:
                self._history.append(self._all)
                self._set(tuple(binding for binding in self._all if binding not in removed))
            return removed

    def undo(self) -> tuple[list[Binding], list[Binding]] | None:
        """Take the last change back: the bindings that are gone and those that are there again;
        None if there is no change."""
        with self._lock:
            if not self._history:
                return None
            before, after = self._all, self._history.pop()
            self._set(after)
        gone = [binding for binding in before if binding not in after]
        return gone, [binding for binding in after if binding not in before]

    def _set(self, bindings: tuple[Binding, ...]) -> None:
        steerings = {b: self._steerings.get(b) or Steering(b, self._value_of) for b in bindings}
        osc: dict[str, list[Steering]] = {}
        midi: dict[MidiControl, Steering] = {}
        for binding, steering in steerings.items():
            if isinstance(binding.control, OscControl):
                osc.setdefault(binding.control.address, []).insert(0, steering)  # the newest first
            else:
                midi[binding.control] = steering
        states: dict[str, list[Binding]] = {}
        for binding in bindings:
            states.setdefault(binding.target.state, []).append(binding)
        self._osc, self._midi, self._states = osc, midi, states
        self._all, self._steerings = bindings, steerings
