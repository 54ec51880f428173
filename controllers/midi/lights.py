"""Values back to the devices whose controls set them: LEDs, rings and motor faders.

A value is sent at most 30 times a second, the newest one. A control is not sent what it has sent
itself, and nothing while it is touched: its position already means the value, or soon will.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from latentpad.controllers.learning.binding import Binding
from latentpad.controllers.learning.keeper import Keeper
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.learning.midi_control import BUTTONS, MidiControl, port_name
from latentpad.controllers.midi.change import COARSE, FINE
from latentpad.controllers.midi.ready_maps import map_of
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Instrument, Sender

RATE_S = 1 / 30  # least time between two messages to a control
TOUCH_S = 0.3  # a control is touched for so long after each of its messages

Send = Callable[[str, list[list[int]]], bool]
"""Sends messages to a port; False if they find no room now."""


class Lights:
    """Sends the values of bound MIDI controls to the ports that are open. Any thread may call.

    `send` must not wait.
    """

    def __init__(
        self,
        instrument: Instrument,
        learning: Learning,
        send: Send,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._instrument = instrument
        self._learning = learning
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._ports: dict[str, str] = {}  # open ports, by their names in bindings
        self._ready: dict[str, list[Binding]] = {}  # of ready maps, by state address
        self._due: dict[MidiControl, tuple[Binding, Sequence[Argument]]] = {}
        self._shown: dict[MidiControl, tuple[int, float]] = {}  # sent or received last, and when
        self._touched: dict[MidiControl, float] = {}
        self._keeper = Keeper(self._flush, pause_s=RATE_S)
        instrument.listeners.append(self._changed)

    def open(self, port: str) -> None:
        """A port was opened: its device is sent all values."""
        name = port_name(port)
        with self._lock:
            self._ports[name] = port
            ready = map_of(port)
            for binding in ready.bindings(port) if ready else ():
                self._ready.setdefault(binding.target.state, []).append(binding)
            addresses = {binding.target.state for binding in self._learning.bindings.all}
            addresses.update(self._ready)
            for address in addresses:
                self._mark(address, (), only=name)
        self._keeper.wake()

    def close(self, port: str) -> None:
        """A port is gone."""
        name = port_name(port)
        with self._lock:
            self._ports.pop(name, None)
            for bindings in self._ready.values():
                bindings[:] = [binding for binding in bindings if _port(binding) != name]
            for known in (self._due, self._shown, self._touched):
                for control in [control for control in known if control.port == name]:
                    known.pop(control)

    def stop(self) -> None:
        """Send nothing any more."""
        self._instrument.listeners.remove(self._changed)
        with self._lock:
            self._ports.clear()  # nothing is due any more
        self._keeper.close()

    def is_echo(self, control: MidiControl, value: int) -> bool:
        """Note what a control has sent. Whether it only returns what was just sent to it."""
        now, top = self._clock(), FINE if control.kind in _FINE else COARSE
        with self._lock:
            shown, touched = self._shown.get(control), self._touched.get(control, 0.0)
            is_ours = shown is not None and shown[0] == value and touched < shown[1] > now - TOUCH_S
            if is_ours and 0 < value < top and control.kind not in BUTTONS:
                return True
            self._shown[control] = value, now
            self._touched[control] = now
        return False

    def _changed(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        with self._lock:
            marked = bool(self._ports) and self._mark(address, args)
        if marked:
            self._keeper.wake()

    def _mark(self, address: str, args: Sequence[Argument], only: str = "") -> bool:
        """Note the controls whose value has changed. Under the lock."""
        bindings = [*self._learning.bindings.of_state(address), *self._ready.get(address, ())]
        marked = False
        for binding in bindings:
            control = binding.control
            if not isinstance(control, MidiControl) or binding.target.kind == "trigger":
                continue
            for port in [control.port] if control.port else [*self._ports]:
                if port in self._ports and only in ("", port):
                    # What was learned comes first, and goes before a ready map.
                    self._due.setdefault(control._replace(port=port), (binding, args))
                    marked = True
        return marked

    def _flush(self) -> None:
        now = self._clock()
        with self._lock:
            due, self._due = self._due, {}
            ports = dict(self._ports)
        waits = {}
        for control, (binding, args) in due.items():
            if control.port not in ports:
                continue
            if now - self._touched.get(control, -TOUCH_S) < TOUCH_S:
                waits[control] = binding, args
                continue
            value = self._value(control, binding, args)
            if value is None:
                continue
            if not self._send(ports[control.port], messages(control, value)):
                waits[control] = binding, args
                continue
            with self._lock:
                self._shown[control] = value, now
        if waits:
            with self._lock:
                self._due = {**waits, **self._due}
            self._keeper.wake()

    def _value(
        self, control: MidiControl, binding: Binding, args: Sequence[Argument]
    ) -> int | None:
        """What to send for the present value; None if the control already shows it."""
        target = binding.target
        present = self._instrument.args_of(target.address) or tuple(args)
        if len(present) != 1:
            return None
        top = FINE if control.kind in _FINE else COARSE
        value = round(target.positions(present)[0] * top)
        shown = self._shown.get(control)
        if shown is not None and (shown[0] == value or target.args(shown[0] / top) == present):
            return None
        return value


def _port(binding: Binding) -> str:
    return binding.control.port if isinstance(binding.control, MidiControl) else ""


_FINE = ("cc14", "nrpn", "bend")
_STATUS = {"cc": 0xB0, "note": 0x90, "key pressure": 0xA0, "pressure": 0xD0}


def messages(control: MidiControl, value: int) -> list[list[int]]:
    """The messages that bring a control to `value`; none for a program."""
    channel, number = control.channel - 1, control.number
    coarse, fine = divmod(value, 128)
    controller = 0xB0 | channel
    match control.kind:
        case "cc" | "note" | "key pressure":
            return [[_STATUS[control.kind] | channel, number, value]]
        case "pressure":
            return [[_STATUS[control.kind] | channel, value]]
        case "bend":
            return [[0xE0 | channel, fine, coarse]]
        case "cc14":
            return [[controller, number, coarse], [controller, number + 32, fine]]
        case "nrpn":
            chosen = [(99, number // 128), (98, number % 128), (6, coarse), (38, fine)]
            return [[controller, *pair] for pair in chosen]
    return []
