"""The instrument as the performer sees it: commands in, changes on the board out.

A command is an OSC address and its arguments, whoever sent it: OSC and MIDI controllers,
presets, snapshots and gesture recordings all speak this one language. Commands change values
and points (newest wins) and start, move and let go of voices.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import numpy as np

from engine.allocation import NOBODY, Allocation, Held, Sender, Slot
from engine.board import Board
from engine.bounds import Bounds
from engine.heard import Heard
from engine.pad import XY, Handler, Numbered, Pad, Place
from engine.parameters import (
    FINGER,
    FINGERS,
    GLOBAL,
    OFFSET,
    ROW,
    Argument,
    CommandError,
    Parameter,
    UnknownAddress,
    check_arguments,
)
from engine.plane_choice import PlaneChoice
from engine.snapshots import PAD, Snapshots, State
from engine.touch import Touch

if TYPE_CHECKING:
    from engine.planes import Planes

Listener = Callable[[str, Sequence[Argument], Sender], None]


class Instrument:
    """All commands end here. Any thread of the control process may call `apply`.

    `place` gives an anchor's point on the pad and its latent vector (for `/anchor/K`); it raises
    `CommandError` for one that is not there. `clock` is the time in seconds, so that a recording
    can be rendered without a clock. `wake` is called when a sound is wanted from the decoder.
    Without `axes` any two are taken, without `bounds` latents are held as around one anchor at 0.
    `started` is how many sounds were started before: the next one's noise depends on its number.
    """

    def __init__(
        self,
        board: Board,
        *,
        latent_dim: int,
        place: Place,
        planes: Sequence[str],
        clock: Callable[[], float],
        wake: Callable[[], None] = lambda: None,
        axes: Planes | None = None,
        bounds: Bounds | None = None,
        started: int = 0,
    ) -> None:
        self.board = board
        self.latent_dim = latent_dim
        self.clock = clock
        self.wake = wake
        self.listeners: list[Listener] = []  # called with every value that has changed
        self.taps: list[Listener] = []  # called with every command that was carried out
        self.hearers: list[Callable[[Sender], None]] = []  # called with whoever sends a command
        self._lock = threading.RLock()
        self._changing = False
        self._heard = Heard(clock)
        self._voices = Allocation(board, clock, started)
        self._pad = Pad(
            board,
            self._voices,
            bounds or Bounds.of(np.zeros((1, latent_dim))),
            place,
            self._changed,
        )
        self._touch = Touch(board, self._voices, self._pad, self._changed, clock)
        self._snapshots = Snapshots(self._state, self._put, self._changed, clock)
        self._handlers: dict[str, Handler] = {
            **{row.address: self._setter(row) for row in GLOBAL},
            **self._pad.handlers(),
            **self._touch.handlers(),
            **PlaneChoice(planes, axes, self.value, self._set).handlers(),
            "/panic": self._panic,
        }
        self._numbered: dict[str, Numbered] = {
            **self._pad.numbered(),
            **self._snapshots.numbered(),
        }
        self._outside: set[str] = set()

    # -- commands ----------------------------------------------------------------------------

    def apply(self, address: str, args: Sequence[Argument], sender: Sender = NOBODY) -> None:
        """Carry out one command at once. Raises `CommandError`; then nothing has changed."""
        with self.together():
            self._apply(address, args, sender)

    def apply_all(
        self, commands: Sequence[tuple[str, Sequence[Argument]]], sender: Sender = NOBODY
    ) -> list[CommandError]:
        """Carry out a bundle: the engine sees all of it or nothing. Returns what was refused."""
        refused = []
        with self.together():
            for address, args in commands:
                try:
                    self._apply(address, args, sender)
                except CommandError as error:
                    refused.append(error)
        return refused

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread applies within it is one change, as a bundle is: the engine sees it
        whole, and the decoder is woken if needed."""
        with self._lock:
            if self._changing:  # a preset loaded by a command
                yield
                return
            self._changing = True
            try:
                with self.board.writing():
                    yield
            finally:
                self._changing = False
                if self._pad.asked:
                    self._pad.asked = False
                    self.wake()

    def register(self, address: str, handler: Handler) -> None:
        """Add a command that is not the engine's own (`/preset`, `/record`, `/sync`, ...)."""
        self._handlers[address] = handler
        self._outside.add(address)

    def addresses(self) -> list[str]:
        """Every address that is known; `*` stands for a number."""
        numbered = (stem if "*" in stem else f"{stem}/*" for stem in self._numbered)
        return sorted({*self._handlers, *numbered})

    def _apply(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for hear in self.hearers:
            hear(sender)
        check_arguments(address, args)
        self._touch.known = False
        handler = self._handlers.get(address)
        if handler is not None:
            handler(args, sender)
        else:
            stem, _, last = address.rpartition("/")
            middle = stem.rpartition("/")
            if stem in self._numbered and last.isdecimal():
                self._numbered[stem](_index(last), args, sender)
            elif middle[2].isdecimal() and f"{middle[0]}/*/{last}" in self._numbered:
                self._numbered[f"{middle[0]}/*/{last}"](_index(middle[2]), args, sender)
            else:
                raise UnknownAddress(f"{address}: there is no such address")
        own = address in self._outside or address.startswith(_SNAPSHOT)
        if not own and not self._touch.known:
            self._tapped(address, args, sender)
        self._tell_implied(sender)
        self._heard.hear(sender)

    def _tapped(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        for tap in self.taps:
            tap(address, args, sender)

    def still(self) -> AbstractContextManager[bool]:
        """Nothing changes inside."""
        return self._lock

    def _tell_implied(self, sender: Sender) -> None:
        """A take tells every touch, so that its replay measures no rests and no ways again."""
        implied, self._touch.implied = self._touch.implied, []
        for address, args in implied:
            self._tapped(address, args, sender)

    # -- values ------------------------------------------------------------------------------

    def value(self, address: str) -> tuple[float, ...]:
        """A global row's present value, as on the board."""
        start = OFFSET[address]
        return tuple(self.board.values[start : start + ROW[address].size].tolist())

    def held(self, address: str) -> tuple[Argument, ...]:
        """What an address's value is now, as a message's arguments; nothing where it has none."""
        if address in OFFSET:
            return ROW[address].show(self.value(address))
        return self._pad.held(address)

    def values(self) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """Every row's address and value: what `/sync` sends and a preset saves."""
        for row in GLOBAL:
            yield row.address, row.show(self.value(row.address))
        for row in FINGER:
            for n in range(1, FINGERS + 1):
                values = self._pad.fingers[row.address][n - 1]
                yield row.address.format(n=n), row.show(values)

    def whole(self) -> Iterator[tuple[str, tuple[Argument, ...]]]:
        """Commands that bring a fresh instrument to this one's state, its held fingers too."""
        yield from self.values()
        for n in range(1, FINGERS + 1):
            yield f"/pad/{n}/touch", (int(bool(self._pad.loops(n))),)

    def believe(self, sender: Sender, fingers: Iterable[int] = range(1, FINGERS + 1)) -> None:
        """Take it from `sender` that it tells the touches of these fingers, from the start: its
        moves start nothing."""
        with self._lock:
            self._touch.believe(sender.device, fingers)

    def loops(self) -> list[Held]:
        """The loops that are held, and the commands that start them again."""
        return self._voices.loops(self.value("/note/velocity")[0])

    @property
    def started(self) -> int:
        """How many sounds have been started; the last one's serial on the board."""
        return self._voices.started

    def _changed(self, address: str, args: tuple[Argument, ...], sender: Sender) -> None:
        self._snapshots.touched(address)
        for listener in self.listeners:
            listener(address, args, sender)

    def _setter(self, row: Parameter) -> Handler:
        return lambda args, sender: self._set(row, row.parse(args), sender)

    def _set(self, row: Parameter, values: tuple[float, ...], sender: Sender) -> None:
        start = OFFSET[row.address]
        self.board.values[start : start + row.size] = values
        if row.address in _AIMS_ANEW:
            self._pad.aim_again()
        if row.address == "/mode":
            self._pad.mode_changed()
        self._changed(row.address, row.show(values), sender)

    # -- voices ------------------------------------------------------------------------------

    def release(self, group: str) -> None:
        """Let go everything that `group` holds: its cable was pulled, its network is gone."""
        with self.together():
            self._let_go(lambda slot: slot.sender.group == group)

    def release_all(self) -> None:
        """Let everything go; shots ring out."""
        with self.together():
            self._let_go(lambda slot: True)

    def release_notes(self, group: str) -> None:
        """All notes of `group` off (MIDI CC 123)."""
        with self.together():
            self._let_go(
                lambda slot: slot.source is not None and slot.source[:2] == ("note", group)
            )

    def _let_go(self, which: Callable[[Slot], bool]) -> None:
        """Without a command; whoever taps hears of it as of commands."""
        for (kind, _, n), sender in self._voices.let_go(which):
            finger = kind == "finger"
            address = f"/pad/{n}/touch" if finger else "/note"
            self._tapped(address, (0,) if finger else (n, 0), sender)

    def _panic(self, args: Sequence[Argument], sender: Sender) -> None:
        self._voices.panic()
        self._touch.panicked()
        self._changed("/panic", (), sender)

    # -- time --------------------------------------------------------------------------------

    def tick(self) -> None:
        """What happens by itself: call it some 60 times a second."""
        with self.together():
            self._voices.tick()
            timeout = float(self.board.values[OFFSET["/note/timeout"]])
            self._let_go(lambda slot: self._heard.outdated(slot, timeout))
            self._heard.forget()
            self._touch.tick()
            self._tell_implied(NOBODY)
            self._snapshots.step()

    def _state(self) -> State:
        state = {row.address: self.value(row.address) for row in GLOBAL}
        state[PAD] = self._pad.point(1)
        return state

    def _put(self, address: str, values: tuple[float, ...]) -> None:
        """What a snapshot changes; it is tapped, for a glide is not a command's alone."""
        row = XY if address == PAD else ROW[address]
        if row is XY:
            self._pad.put(XY, 1, values, NOBODY)
        else:
            self._set(row, values, NOBODY)
        self._tapped(address, row.show(values), NOBODY)


_SNAPSHOT = "/snapshot/"
_AIMS_ANEW = frozenset(
    ("/plane", "/axes", "/expander", "/metric", "/guard", "/focus", "/multilateration/scale",
     "/lattice/base", "/phase")
)  # fmt: skip


def _index(digits: str) -> int:
    if len(digits) > 9:
        raise CommandError(f"{digits} is too large a number for an address")
    return int(digits)
