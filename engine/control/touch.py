"""Fingers and notes: when they start voices, and when they let go of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import NOBODY, Allocation, Command, Sender
from latentpad.engine.control.movement import SETTLE_S, TOGETHER_S, TREMBLE, Move, Movement
from latentpad.engine.control.pad import LOOP, Changed, Handler, Pad, Point, finger
from latentpad.engine.control.state import STRUCK
from latentpad.engine.parameters import FINGERS, OFFSET

FAINTEST = 1e-4  # of the full velocity: -160 dB


@dataclass(slots=True)
class VoiceStart:
    """How a finger's last voice was started."""

    voice: int
    device: str
    at: float  # seconds
    point: Point
    inferred: bool  # a move has started it, and no touch was told
    open: bool  # where the finger is was not told whole


class Touch:
    """What starts the voices of `pad`'s fingers, and of notes. Under the instrument's lock.

    `clock` is the instrument's, in seconds. Whatever makes a finger touch, takes are to write
    down a touch: `implied` holds those that moves have made since it was emptied last, and
    `known` says that the last touch that was told is one of them.
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
        self.known = False
        self._board = board
        self._voices = voices
        self._pad = pad
        self._changed = changed
        self._clock = clock
        self._begun: dict[int, VoiceStart] = {}
        self._panicked = False  # and finger 1 has not touched since
        self._sure: set[str] = set()  # devices that tell touches for certain
        pad.moved = self._moved
        pad.steered = lambda sender: self._wake(1, sender)

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        found = {f"/pad/{n}/touch": self._toucher(n) for n in range(1, FINGERS + 1)}
        return {"/note": self._note, "/pad/touch": found["/pad/1/touch"], **found}

    def tick(self) -> None:
        """Moves of one coordinate whose other has not come are moves all the same."""
        for device, n in self.movement.waited(self._pad.point):
            if self._pad.mode != LOOP:
                self._touch_by_move(n, device)

    def expect_touches(self, device: str, fingers: Iterable[int]) -> None:
        """Of these fingers the device tells the touches, from its first word on."""
        self._sure.add(device)
        for n in fingers:
            self.movement.expect_touches(device, n)

    def panicked(self) -> None:
        """All was let go: no move that waits sounds, and the pad's next point does."""
        self.movement.dropped()
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
        begun = self._begun.get(n)
        # A pad may tell where the finger is before it tells that it is down.
        if begun is not None and begun.inferred and self._together(begun, n, sender, TOGETHER_S):
            begun.inferred, self.known = False, True
            self._voices.hand_over(begun.voice, sender)
            return
        self._lift(n)
        self._start_finger(n, sender, sender.device, unsaid=False)

    def _lift(self, n: int) -> None:
        self._voices.let_go(lambda slot: slot.source == finger(n))

    def _start_finger(self, n: int, holder: Sender, device: str, *, unsaid: bool) -> None:
        pad = self._pad
        self._panicked = self._panicked and n != 1
        again = [(f"/pad/{n}/touch", (1,))]
        voice = self._voices.give(finger(n), holder, again, follows=n == 1 and pad.mode == LOOP)
        whole = self.movement.complete(device, n)
        self._begun[n] = VoiceStart(
            voice, device, self._clock(), pad.point(n), unsaid, open=not whole
        )
        pad.set_voice_parameters(voice, n)
        self._start(voice, n, 0.0)

    def _together(self, begun: VoiceStart, n: int, sender: Sender, seconds: float) -> bool:
        """Whether `sender` started this voice just now, and the finger holds it still."""
        recent = begun.device == sender.device and self._clock() - begun.at <= seconds
        return recent and begun.voice in self._voices.holds(finger(n))

    # -- movement ----------------------------------------------------------------------------

    def _moved(self, n: int, sender: Sender, axis: int | None, still: bool) -> None:
        """`sender` has moved the finger; one that tells no touches may have touched by it."""
        if sender == NOBODY:  # a preset or snapshot makes no sound by itself
            return
        looping, device, point = self._pad.mode == LOOP, sender.device, self._pad.point(n)
        begun = self._begun.get(n)
        if begun is not None and not looping and self._settles(begun, n, sender, axis):
            self._pad.aim(begun.voice, n)
            self.movement.settled(device, n, point)
            return
        axis = None if looping else axis  # a loop glides to where the other leads
        move = self.movement.moved(device, n, point, axis=axis, still=still)
        if move is Move.TOUCHES and not looping:
            self._touch_by_move(n, device)
        elif move is not Move.NOTHING:
            self._wake(n, sender)

    def _settles(self, begun: VoiceStart, n: int, sender: Sender, axis: int | None) -> bool:
        """Whether a move only tells where the shot is that has started just now: the pad told
        the touch first, one coordinate came late, or it has fourteen bits."""
        point = self._pad.point(n)
        finer = axis is not None and abs(point[axis] - begun.point[axis]) < TREMBLE
        return (begun.open or finer) and self._together(begun, n, sender, SETTLE_S)

    def _wake(self, n: int, sender: Sender) -> None:
        """In a loop any move starts the finger's voice, but of a sender that tells touches: then
        only the pad's, after a panic."""
        if self._pad.mode != LOOP or sender == NOBODY or self._pad.loops(n):
            return
        anew = self._panicked and n == 1 and sender.device not in self._sure
        if anew or not self.movement.tells_touches(sender.device, n):
            self._touch_by_move(n, sender.device)

    def _touch_by_move(self, n: int, device: str) -> None:
        """Start a shot, or a loop that nobody holds: no sender's silence ends it."""
        if self._voices.holds(finger(n)):
            self._lift(n)
            self.implied.append((f"/pad/{n}/touch", (0,)))
        self._start_finger(n, NOBODY, device, unsaid=True)
        self.implied.append((f"/pad/{n}/touch", (1,)))

    # -- notes -------------------------------------------------------------------------------

    def _note(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 2:
            raise CommandError(f"/note takes pitch and velocity, got {len(args)} arguments")
        pitch = min(max(finite("/note", args[0]), 0.0), 127.0)
        velocity = min(max(finite("/note", args[1]), 0.0), 127.0)
        source = ("note", sender.group, round(pitch))
        self._voices.let_go(lambda slot: slot.source == source)
        if velocity > 0:
            board = self._board
            values = {row: float(board.values[OFFSET[row]]) for row in STRUCK}
            again: list[Command] = [*((row, (value,)) for row, value in values.items())]
            again.append(("/note", (pitch, velocity)))
            voice = self._voices.give(source, sender, again, follows=self._pad.mode == LOOP)
            board.levels[voice], board.pans[voice] = 0.0, 0.0
            board.pitches[voice] = pitch - 60 if values["/note/track"] else 0.0
            amount = values["/note/velocity"]
            self._start(voice, 1, amount * 40 * math.log10(max(velocity / 127, FAINTEST)))
        self._changed("/note", (round(pitch), round(velocity)), sender)

    def _start(self, voice: int, n: int, level_db: float) -> None:
        self._pad.aim(voice, n)
        self._voices.start(voice, self._pad.mode, level_db, held=self._pad.mode == LOOP)
