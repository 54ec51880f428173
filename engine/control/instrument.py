"""The instrument as the performer sees it: it receives commands and changes the board.

A command is an OSC address and its arguments, from any sender: OSC and MIDI controllers, presets,
snapshots and gesture recordings use the same commands. Commands change values and points (the
newest counts), and start, move and release voices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from latentpad.engine.arguments import Argument, check_arguments
from latentpad.engine.board import Board
from latentpad.engine.control.addresses import Addresses
from latentpad.engine.control.allocation import NOBODY, Allocation, Command, Sender, Slot
from latentpad.engine.control.command_table import TRIGGERS
from latentpad.engine.control.last_heard import LastHeard
from latentpad.engine.control.notes import Notes, note
from latentpad.engine.control.pack_limits import PackLimits
from latentpad.engine.control.pack_values import PackValues
from latentpad.engine.control.pad import Handler, Pad
from latentpad.engine.control.plane_commands import PlaneCommands
from latentpad.engine.control.snapshots import GLIDE, Snapshot, Snapshots
from latentpad.engine.control.state import InstrumentState
from latentpad.engine.control.touch import Touch
from latentpad.engine.control.values import InstrumentValues
from latentpad.engine.parameters import FINGERS, GLOBAL, OFFSET, ROW, Affects, Parameter

Hearer = Callable[[str, Sender], None]


class Instrument(InstrumentValues):
    """Receives all commands. Any thread of the control process may call `apply`.

    `limits` are those of the pack that is played. `clock` is the time in seconds, so that a
    recording can be rendered without a clock. `wake` is called when a sound is wanted from the
    decoding process, `wake_ticks` when a change leaves `tick` something to do. `started` is how
    many sounds were started before: the noise of a sound depends on its number.
    """

    def __init__(
        self,
        board: Board,
        limits: PackLimits,
        *,
        clock: Callable[[], float],
        wake: Callable[[], None] = lambda: None,
        wake_ticks: Callable[[], None] = lambda: None,
        started: int = 0,
    ) -> None:
        super().__init__(board)
        self.clock = clock
        self.wake = wake
        self._wake_ticks = wake_ticks
        self.hearers: list[Hearer] = []  # called with the address and the sender of every command
        self._last_heard = LastHeard(clock)
        self._voices = Allocation(board, clock, started)
        self._pad = Pad(board, self._voices, limits, self._changed)
        plane_commands = PlaneCommands(limits, self.value, self._set)
        self._pack = PackValues(
            board,
            limits,
            self._pad,
            plane_commands,
            self.value,
            self._set_from_snapshot,
            self._point_from_snapshot,
        )
        self._touch = Touch(board, self._voices, self._pad, self._changed, clock)
        notes = Notes(board, self._voices, self._pad, self._changed, clock)
        self._snapshots = Snapshots(
            self._current_snapshot, self._set_from_snapshot, self._point_from_snapshot,
            self._pack.playable, self._changed, clock, lambda: self.value(GLIDE)[0],
        )  # fmt: skip
        self._addresses = Addresses(
            {
                **{row.address: self._setter(row) for row in GLOBAL},
                **self._pad.handlers(),
                **self._touch.handlers(),
                **notes.handlers(),
                **plane_commands.handlers(),
                "/panic": self._panic,
            },
            {**self._pad.numbered(), **notes.numbered(), **self._snapshots.numbered()},
            TRIGGERS,
        )
        if limits.name:
            self.published["/pack"] = (limits.name,)

    # -- commands ----------------------------------------------------------------------------

    def _stages(self, address: str, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        for hear in self.hearers:
            hear(address, sender)
        check_arguments(address, args)
        command = self._addresses.read(address, args)
        if command is None:  # a button was released
            return
        address, args = command
        staged = self._addresses.staged.get(address)
        if staged is None:
            yield
            self._apply(address, args, sender)
            return
        stages = staged(args, sender)
        next(stages, None)
        yield
        next(stages, None)
        self._last_heard.hear(sender)
        yield
        next(stages, None)

    def _after_change(self) -> None:
        if self._pad.decode_wanted:
            self._pad.decode_wanted = False
            self.wake()
        if self._awaits_tick:
            self._wake_ticks()

    def _apply(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        self._touch.already_recorded = False
        self._addresses.find(address)(args, sender)
        if self._addresses.is_recorded(address) and not self._touch.already_recorded:
            if address.startswith(
                _LATENT
            ):  # record all latents: the others may come from the newest sound
                address, args = _LATENT[:-1], self._pad.args_of(_LATENT[:-1])
            self._notify_taps(address, args, sender)
        self._notify_implied(sender)
        self._last_heard.hear(sender)

    def _notify_implied(self, sender: Sender) -> None:
        """Report the touches that moves have implied: a take records them."""
        implied, self._touch.implied = self._touch.implied, []
        for address, args in implied:
            self._notify_taps(address, args, sender)

    # -- the pack ----------------------------------------------------------------------------

    def change_pack(self, limits: PackLimits) -> list[str]:
        """Play another pack from now on. Inside `together`. Returns the commands for the state that
        it does not have, as text; that state comes back with its pack."""
        self._notify_taps("/pack", (limits.name,), NOBODY)
        self._snapshots.change_pack()
        left_out = self._pack.change(limits)
        self.publish("/pack", (limits.name,))
        return left_out

    # -- values ------------------------------------------------------------------------------

    def state(self) -> InstrumentState:
        """The state: everything that affects the sound now."""
        with self._lock:
            pad = self._pad
            return InstrumentState(
                dict(self.values()), pad.target(), pad.slots(), self._voices.loops()
            )

    def holds_note(self, sender: Sender, pitch: int) -> bool:
        """Whether a note of that sender has a voice that it has not released."""
        return bool(self._voices.holds(note(sender, pitch)))

    def expect_touches(
        self, sender: Sender, fingers: Iterable[int] = range(1, FINGERS + 1)
    ) -> None:
        """Expect `sender` to report the touches of these fingers: their moves start nothing. It
        begins anew: what it has sent before does not count."""
        with self._lock:
            self._touch.expect_touches(sender.device, fingers)

    @property
    def started(self) -> int:
        """The number of sounds started so far: the last one's serial on the board."""
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
        if row.affects >= Affects.DECODE:
            self._pad.request_all()
        if row.address == "/mode":
            self._pad.mode_changed()
        self._changed(row.address, row.show(values), sender)

    # -- voices ------------------------------------------------------------------------------

    def release(self, group: str) -> None:
        """Release everything that `group` holds, for example because its cable was pulled."""
        with self.together():
            self._release(lambda slot: slot.sender.group == group)

    def release_all(self) -> None:
        """Release all voices; shots play to their end."""
        with self.together():
            self._release(lambda slot: True)

    def release_notes(self, group: str) -> None:
        """Release all notes of `group`."""
        with self.together():
            self._release(
                lambda slot: slot.source is not None and slot.source[:2] == ("note", group)
            )

    def _release(self, predicate: Callable[[Slot], bool]) -> None:
        """Release voices without a command. It is reported to the taps as if there had been
        commands."""
        for (kind, _, n), sender in self._voices.release(predicate):
            if kind == "finger":
                self._changed(f"/pad/{n}/touch", (0,), NOBODY)
                self._notify_taps(f"/pad/{n}/touch", (0,), sender)
            else:
                self._notify_taps("/note", (n, 0), sender)

    def _panic(self, args: Sequence[Argument], sender: Sender) -> None:
        held = [n for n in range(1, FINGERS + 1) if self.down(n)]
        self._voices.panic()
        self._touch.panicked()
        for n in held:
            self._changed(f"/pad/{n}/touch", (0,), NOBODY)
        self._changed("/panic", (), sender)

    # -- time --------------------------------------------------------------------------------

    @property
    def _awaits_tick(self) -> bool:
        return self._touch.movement.waiting or self._snapshots.gliding or self._voices.awaits_tick

    def tick(self) -> None:
        """Do what depends on time. Call it some 60 times a second after each call of
        `wake_ticks`; without something to do it changes nothing."""
        if not self._awaits_tick:
            return
        with self.together():
            self._voices.tick()
            timeout = float(self.board.values[OFFSET["/note/timeout"]])
            self._release(lambda slot: self._last_heard.timed_out(slot, timeout))
            self._touch.tick()
            self._notify_implied(NOBODY)
            self._snapshots.step()

    def _current_snapshot(self) -> Snapshot:
        return Snapshot(
            {row.address: self.value(row.address) for row in GLOBAL if row.address != GLIDE},
            self._pad.target(),
            self._pack.limits.name,
        )

    def _set_from_snapshot(self, address: str, values: tuple[float, ...]) -> None:
        """Set a row from a snapshot. It is reported to the taps, because a glide has many steps."""
        self._set(ROW[address], values, NOBODY)
        self._notify_taps(address, ROW[address].show(values), NOBODY)

    def _point_from_snapshot(self, command: Command) -> None:
        address, args = command
        self._addresses.find(address)(args, NOBODY)
        self._notify_taps(address, args, NOBODY)


_LATENT = "/latent/"
