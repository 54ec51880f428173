"""Movement as touch: which moves of a sender that tells no touches start a sound.

Many pads send where a finger is and never whether it is down. From such a sender, in `loop` mode
any move starts the finger's voice; in `shot` and `original` a move after a rest is a touch, and a
drag touches again and again, by distance or by time. A sender that has told a touch 1 of a finger
is believed about this finger from then on: its moves start nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from latentpad.engine.control.pad import Point

TREMBLE = 0.01  # pad widths: a finger that rests moves so little, one that taps again does not
PAIR_S = 0.003  # how long x waits for y, or y for x: they are one move
TOGETHER_S = 0.05  # what a pad tells of one touch, its point and that it is down, lies so close
SETTLE_S = 0.01  # how long after a shot's start its point may still be told more exactly
ROUNDING = 1e-6  # pad widths: more than two 32-bit floats lose
MOST = 1024  # fingers of all senders that are remembered

Key = tuple[str, int]  # a sender's device and a finger


class Move(Enum):
    """What a move is."""

    NOTHING = 0  # it has only said where the finger was already
    MOVES = 1
    TOUCHES = 2  # where shots are played, one starts


@dataclass(slots=True)
class Stroke:
    """One finger of one sender, as its moves tell of it. Seconds are the clock's."""

    tells_touches: bool = False  # the sender tells touches of this finger
    point: Point | None = None  # where it is, or rests; None: whatever comes next is a touch
    moved: float = -math.inf
    shot: Point = (0.0, 0.0)  # where it touched last
    shot_at: float = -math.inf
    x_at: float = -math.inf  # when the coordinates were told last
    y_at: float = -math.inf


class Movement:
    """The strokes of all senders. Under the instrument's lock.

    `clock` is the instrument's, in seconds; `value` gives the present value of a row.
    """

    def __init__(self, clock: Callable[[], float], value: Callable[[str], float]) -> None:
        self._clock = clock
        self._value = value
        self._strokes: dict[Key, Stroke] = {}  # the one that was heard last stands last
        self._halves: dict[Key, tuple[int, float]] = {}  # the axis that waits, and since when

    def tells_touches(self, device: str, n: int) -> bool:
        """Whether `device` has told a touch 1 of finger `n`."""
        stroke = self._strokes.get((device, n))
        return stroke is not None and stroke.tells_touches

    def expect_touches(self, device: str, n: int) -> None:
        """From now on the moves of this sender's finger start nothing."""
        self._halves.pop((device, n), None)
        self._of(device, n).tells_touches = True

    def lifted(self, device: str, n: int) -> None:
        """The sender has told a touch 0: its next move is another touch, wherever it is."""
        self._halves.pop((device, n), None)
        self._of(device, n).point = None

    def dropped(self) -> None:
        """No move that still waits for its other coordinate is to sound."""
        self._halves.clear()

    def moved(
        self, device: str, n: int, point: Point, *, axis: int | None = None, still: bool = False
    ) -> Move:
        """Finger `n` was moved to `point`; of `axis` (0 x, 1 y) alone the other may follow.

        `still` says that it was there before: a sender's first word about a finger other than
        the pad's may be a whole state that it sends back, which is no movement.
        """
        key = device, n
        first = key not in self._strokes
        stroke = self._of(device, n)
        now = self._clock()
        half = self._halves.pop(key, None)
        if axis != 1:
            stroke.x_at = now
        if axis != 0:
            stroke.y_at = now
        if stroke.tells_touches:
            return Move.MOVES
        if first and still and n > 1:
            stroke.point = point
            return Move.NOTHING
        if axis is not None and (half is None or half[0] == axis):
            if half is None and self._refines(stroke, point, now):
                stroke.point = point
            else:
                self._halves[key] = half or (axis, now)
            return Move.MOVES
        return Move.TOUCHES if self._touches(stroke, point, now) else Move.MOVES

    def settled(self, device: str, n: int, point: Point) -> None:
        """What was moved belongs to the shot that has just started: it is at `point`."""
        self._halves.pop((device, n), None)
        stroke = self._of(device, n)
        stroke.point = stroke.shot = point

    def waited(self, point: Callable[[int], Point]) -> list[Key]:
        """The fingers that touch by one coordinate, whose other has not come; `point` tells
        where a finger is."""
        now = self._clock()
        due = [key for key, (_, since) in self._halves.items() if now - since >= PAIR_S]
        for key in due:
            del self._halves[key]
        return [key for key in due if self._touches(self._strokes[key], point(key[1]), now)]

    def complete(self, device: str, n: int) -> bool:
        """Whether both coordinates of where the finger is now were told just now."""
        stroke = self._strokes.get((device, n))
        told = -math.inf if stroke is None else min(stroke.x_at, stroke.y_at)
        return self._clock() - told <= TOGETHER_S

    def _refines(self, stroke: Stroke, point: Point, now: float) -> bool:
        """Whether a coordinate is the fine half of one that has just been heard: the second of
        fourteen bits."""
        return (
            stroke.point is not None
            and now - stroke.moved <= SETTLE_S
            and _apart(point, stroke.point) < TREMBLE
        )

    def _touches(self, stroke: Stroke, point: Point, now: float) -> bool:
        if point == stroke.point:
            return False
        rest = self._value("/shot/rest")
        if stroke.point is None:
            touches = True
        elif now - stroke.moved >= rest:
            # What trembles stays where it rests, or small steps would lead anywhere.
            touches = _apart(point, stroke.point) >= TREMBLE
            if not touches:
                return False
        else:
            touches = self._retouches(stroke, point, now)
        stroke.point, stroke.moved = point, now
        if touches:
            stroke.shot, stroke.shot_at = point, now
        return touches and rest > 0

    def _retouches(self, stroke: Stroke, point: Point, now: float) -> bool:
        """Whether a drag has come far or long enough. The way counts as the crow flies: so a
        finger that is held and trembles does not touch again."""
        distance, seconds = self._value("/shot/distance"), self._value("/shot/time")
        gone = _apart(point, stroke.shot)
        late = now - stroke.shot_at >= seconds > 0
        return gone >= distance > 0 or (late and gone >= TREMBLE)

    def _of(self, device: str, n: int) -> Stroke:
        key = device, n
        stroke = self._strokes.pop(key, None)
        if stroke is None:
            if len(self._strokes) >= MOST:
                self._forget()
            stroke = Stroke()
        self._strokes[key] = stroke
        return stroke

    def _forget(self) -> None:
        """Whoever was heard longest ago, but rather nobody who tells touches."""
        oldest = next(iter(self._strokes))
        key = next((k for k, stroke in self._strokes.items() if not stroke.tells_touches), oldest)
        del self._strokes[key]
        self._halves.pop(key, None)


def _apart(a: Point, c: Point) -> float:
    """Pad widths from one point to the other; a way that is told as 0.1 is 0.1 long."""
    return math.dist(a, c) + ROUNDING
