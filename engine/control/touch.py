"""Fingers: when they start voices, and when they release them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Allocation, Sender, Source
from latentpad.engine.control.movement import SETTLE_S, TOUCH_PAIR_S, TREMBLE, Move, Movement
from latentpad.engine.control.pad import LOOP, Changed, Handler, Pad, Point, finger
from latentpad.engine.parameters import FINGERS, OFFSET


@dataclass(slots=True)
class VoiceStart:
    """How a finger's last voice was started."""

    voice: int
    device: str
    started_at: float  # seconds
    point: Point
    inferred: bool  # a move has started it, and no touch was reported
    awaits_point: bool  # one coordinate of the point is still missing


class Touch:
    """Starts the voices of `pad`'s fingers. Under the instrument's lock.

    `clock` is the instrument's, in seconds. A take records every touch. `implied` holds the touches
    that moves have made since it was last emptied. `already_recorded` says that the last reported
    touch is one of them.
    """

    def __init__(
        self,
        board: Board,
        voices: Allocation,
        pad: Pad,
        changed: Changed,
        clock: Callable[[], float],
    ) -> None:
        self.movement = Movement(clock, lambda row: float(board.values[OFFSET[row]]))
        self.implied: list[tuple[str, tuple[Argument, ...]]] = []
        self.already_recorded = False
        self._board = board
        self._voices = voices
        self._pad = pad
        self._changed = changed
        self._clock = clock
        self._started: dict[int, VoiceStart] = {}
        self._panicked = False  # `/panic` came, and finger 1 has not touched since
        self._touch_devices: set[str] = set()  # devices that are known to report touches
        voices.on_taken = self._taken
        pad.on_moved = self._moved
        pad.on_steered = lambda sender: self._start_loop_by_move(1, sender)

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        handlers = {f"/pad/{n}/touch": self._toucher(n) for n in range(1, FINGERS + 1)}
        return {"/pad/touch": handlers["/pad/1/touch"], **handlers}

    def tick(self) -> None:
        """Handle moves of one coordinate whose other one has not come."""
        for device, n in self.movement.overdue(self._pad.point):
            if self._pad.mode != LOOP:
                self._touch_by_move(n, device)

    def expect_touches(self, device: str, fingers: Iterable[int]) -> None:
        """Expect the device to report the touches of these fingers from now on, and of no other
        finger."""
        self.movement.forget(device)
        self._touch_devices.add(device)
        for n in fingers:
            self.movement.expect_touches(device, n)

    def panicked(self) -> None:
        """All voices were released. Waiting moves start nothing; the pad's next point does."""
        self.movement.forget_waiting()
        self._panicked = True

    # -- fingers -----------------------------------------------------------------------------

    def _toucher(self, n: int) -> Handler:
        def handle(args: Sequence[Argument], sender: Sender) -> None:
            if len(args) != 1:
                raise CommandError(f"/pad/{n}/touch takes 0 or 1, got {len(args)} arguments")
            down = finite(f"/pad/{n}/touch", args[0]) >= 0.5
            self._panicked = self._panicked and n != 1
            if down:
                self._put_down(n, sender)
                self.movement.expect_touches(sender.device, n)
            else:
                self._lift(n)
                self.movement.lifted(sender.device, n)
            self._changed(f"/pad/{n}/touch", (int(down),), sender)

        return handle

    def _put_down(self, n: int, sender: Sender) -> None:
        started = self._started.get(n)
        # A pad may report the point of a finger before the touch.
        if (
            started is not None
            and started.inferred
            and self._together(started, n, sender, TOUCH_PAIR_S)
        ):
            started.inferred, self.already_recorded = False, True
            self._voices.hand_over(started.voice, sender)
            return
        self._lift(n)
        self._start_finger(n, sender, sender.device, inferred=False)

    def _lift(self, n: int) -> None:
        self._voices.release(lambda slot: slot.source == finger(n))

    def _start_finger(self, n: int, holder: Sender, device: str, *, inferred: bool) -> None:
        pad = self._pad
        self._panicked = self._panicked and n != 1
        restart_commands = [(f"/pad/{n}/touch", (1,))]
        voice = self._voices.give(
            finger(n), holder, restart_commands, follows=n == 1 and pad.mode == LOOP
        )
        point_complete = self.movement.point_complete(device, n)
        self._started[n] = VoiceStart(
            voice, device, self._clock(), pad.point(n), inferred, awaits_point=not point_complete
        )
        pad.set_voice_parameters(voice, n)
        pad.aim(voice, n)
        self._voices.start(voice, pad.mode, 0.0, held=pad.mode == LOOP)

    def _together(self, started: VoiceStart, n: int, sender: Sender, seconds: float) -> bool:
        """Whether `sender` started this voice within the last `seconds`, and the finger still
        holds it."""
        recent = started.device == sender.device and self._clock() - started.started_at <= seconds
        return recent and started.voice in self._voices.holds(finger(n))

    def _taken(self, source: Source) -> None:
        """A newer sound needs the voice that a finger holds."""
        if source[0] == "finger":
            self._changed(f"/pad/{source[2]}/touch", (0,), NOBODY)

    # -- movement ----------------------------------------------------------------------------

    def _moved(self, n: int, sender: Sender, axis: int | None, unchanged: bool) -> None:
        """`sender` has moved the finger. If it reports no touches, the move may be one."""
        if sender == NOBODY:  # a preset or snapshot starts no sound
            return
        looping, device, point = self._pad.mode == LOOP, sender.device, self._pad.point(n)
        started = self._started.get(n)
        if started is not None and not looping and self._refines_start(started, n, sender, axis):
            self._pad.aim(started.voice, n)
            self.movement.set_shot_point(device, n, point)
            return
        axis = None if looping else axis  # a loop just follows each coordinate
        move = self.movement.moved(device, n, point, axis=axis, unchanged=unchanged)
        if move is Move.TOUCHES and not looping:
            self._touch_by_move(n, device)
        elif move is not Move.NOTHING:
            self._start_loop_by_move(n, sender)

    def _refines_start(self, started: VoiceStart, n: int, sender: Sender, axis: int | None) -> bool:
        """Whether a move only corrects the point of the shot that has just started: the pad
        reported the touch first, one coordinate came late, or it sends 14 bits in two halves."""
        point = self._pad.point(n)
        finer = axis is not None and abs(point[axis] - started.point[axis]) < TREMBLE
        return (started.awaits_point or finer) and self._together(started, n, sender, SETTLE_S)

    def _start_loop_by_move(self, n: int, sender: Sender) -> None:
        """Start the finger's loop by a move, unless the sender reports touches. In that case
        only the pad's first point after a panic does."""
        if self._pad.mode != LOOP or sender == NOBODY or self._pad.loops(n):
            return
        after_panic = self._panicked and n == 1 and sender.device not in self._touch_devices
        if after_panic or not self.movement.tells_touches(sender.device, n):
            self._touch_by_move(n, sender.device)

    def _touch_by_move(self, n: int, device: str) -> None:
        """Start a shot, or a loop that nobody holds: it does not end when its sender falls
        silent."""
        if self._voices.holds(finger(n)):
            self._lift(n)
            self.implied.append((f"/pad/{n}/touch", (0,)))
        self._start_finger(n, NOBODY, device, inferred=True)
        self.implied.append((f"/pad/{n}/touch", (1,)))
        if self._pad.mode == LOOP:  # nothing tells when a finger that plays a shot goes up
            self._changed(f"/pad/{n}/touch", (1,), NOBODY)
