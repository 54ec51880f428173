"""Movement as touch: which moves start a sound if a sender reports no touches.

Many pads report where a finger is, but not whether it is down. With such a sender, in `loop` mode
any move starts the finger's voice; in `shot` and `original` mode a move after a rest is a touch,
and a drag touches repeatedly, by distance or by time. Once a sender has reported a touch 1 of a
finger, its moves of this finger start nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from latentpad.engine.control.pad import Point

TREMBLE = 0.01  # pad widths: a resting finger moves less than this
PAIR_S = 0.003  # x waits this long for y, or y for x: both are one move
TOUCH_PAIR_S = 0.05  # a touch and its point belong together if they are this close
SETTLE_S = 0.01  # after the start of a shot, its point may be corrected for this long
ROUNDING = 1e-6  # pad widths: more than the rounding error of two float32
MAX_STROKES = 1024  # fingers that are remembered, of all senders

Key = tuple[str, int]  # a sender's device and a finger


class Move(Enum):
    """The meaning of a move."""

    NOTHING = 0  # the finger is where it was
    MOVES = 1
    TOUCHES = 2  # in a mode with shots, one starts


@dataclass(slots=True)
class Stroke:
    """One finger of one sender, as known from its moves. Times are the clock's, in seconds."""

    tells_touches: bool = False  # the sender reports touches of this finger
    point: Point | None = None  # where it is; None: the next move is a touch
    moved: float = -math.inf
    shot: Point = (0.0, 0.0)  # the point of the last touch
    shot_started_at: float = -math.inf
    x_reported_at: float = -math.inf  # the time of the last report of x, of y
    y_reported_at: float = -math.inf


class Movement:
    """The strokes of all senders. Under the instrument's lock.

    `clock` is the instrument's, in seconds. `value` gives the present value of a row.
    """

    def __init__(self, clock: Callable[[], float], value: Callable[[str], float]) -> None:
        self._clock = clock
        self._value = value
        self._strokes: dict[Key, Stroke] = {}  # ordered by the time of the last message
        self._waiting_axes: dict[Key, tuple[int, float]] = {}  # the waiting axis, and since when

    def tells_touches(self, device: str, n: int) -> bool:
        """Whether `device` has reported a touch 1 of finger `n`."""
        stroke = self._strokes.get((device, n))
        return stroke is not None and stroke.tells_touches

    def expect_touches(self, device: str, n: int) -> None:
        """From now on the moves of this sender's finger start nothing."""
        self._waiting_axes.pop((device, n), None)
        self._stroke_of(device, n).tells_touches = True

    def forget(self, device: str) -> None:
        """Forget a sender: what it sends next is its first message."""
        for key in [key for key in self._strokes if key[0] == device]:
            del self._strokes[key]
            self._waiting_axes.pop(key, None)

    def lifted(self, device: str, n: int) -> None:
        """The sender has reported a touch 0: its next move is a touch, wherever it is."""
        self._waiting_axes.pop((device, n), None)
        self._stroke_of(device, n).point = None

    @property
    def waiting(self) -> bool:
        """Whether a move waits for its other coordinate."""
        return bool(self._waiting_axes)

    def forget_waiting(self) -> None:
        """Forget the moves that wait for their other coordinate: they start nothing."""
        self._waiting_axes.clear()

    def moved(
        self, device: str, n: int, point: Point, *, axis: int | None = None, unchanged: bool = False
    ) -> Move:
        """Finger `n` was moved to `point`. If only one `axis` (0 x, 1 y) was reported, the other
        may follow.

        `unchanged` says that the finger was there before. A sender's first message about a finger
        other than the pad's may be part of a whole state that it sends back, which is no movement.
        """
        key = device, n
        first_report = key not in self._strokes
        stroke = self._stroke_of(device, n)
        now = self._clock()
        waiting = self._waiting_axes.pop(key, None)
        if axis != 1:
            stroke.x_reported_at = now
        if axis != 0:
            stroke.y_reported_at = now
        if stroke.tells_touches:
            return Move.MOVES
        if first_report and unchanged and n > 1:
            stroke.point = point
            return Move.NOTHING
        if axis is not None and (waiting is None or waiting[0] == axis):
            if waiting is None and self._refines(stroke, point, now):
                stroke.point = point
            else:
                self._waiting_axes[key] = waiting or (axis, now)
            return Move.MOVES
        return Move.TOUCHES if self._touches(stroke, point, now) else Move.MOVES

    def set_shot_point(self, device: str, n: int, point: Point) -> None:
        """The move belongs to the shot that has just started: the shot is at `point`."""
        self._waiting_axes.pop((device, n), None)
        stroke = self._stroke_of(device, n)
        stroke.point = stroke.shot = point

    def overdue(self, point: Callable[[int], Point]) -> list[Key]:
        """The fingers that touch with one coordinate, because the other has not come. `point`
        gives the position of a finger."""
        now = self._clock()
        due = [key for key, (_, since) in self._waiting_axes.items() if now - since >= PAIR_S]
        for key in due:
            del self._waiting_axes[key]
        return [key for key in due if self._touches(self._strokes[key], point(key[1]), now)]

    def point_complete(self, device: str, n: int) -> bool:
        """Whether both coordinates of the finger's point were reported just now."""
        stroke = self._strokes.get((device, n))
        reported_at = (
            -math.inf if stroke is None else min(stroke.x_reported_at, stroke.y_reported_at)
        )
        return self._clock() - reported_at <= TOUCH_PAIR_S

    def _refines(self, stroke: Stroke, point: Point, now: float) -> bool:
        """Whether a coordinate only refines one that has just come: the lower half of 14 bits."""
        return (
            stroke.point is not None
            and now - stroke.moved <= SETTLE_S
            and _distance(point, stroke.point) < TREMBLE
        )

    def _touches(self, stroke: Stroke, point: Point, now: float) -> bool:
        if point == stroke.point:
            return False
        rest_s = self._value("/shot/rest")
        if stroke.point is None:
            touches = True
        elif now - stroke.moved >= rest_s:
            # A trembling finger keeps its resting point, or small steps would add up.
            touches = _distance(point, stroke.point) >= TREMBLE
            if not touches:
                return False
        else:
            touches = self._retouches(stroke, point, now)
        stroke.point, stroke.moved = point, now
        if touches:
            stroke.shot, stroke.shot_started_at = point, now
        return touches and rest_s > 0

    def _retouches(self, stroke: Stroke, point: Point, now: float) -> bool:
        """Whether a drag has gone far or long enough for another touch. The straight distance
        counts, so a finger that is held and trembles does not touch again."""
        min_distance, min_seconds = self._value("/shot/distance"), self._value("/shot/time")
        distance_moved = _distance(point, stroke.shot)
        time_passed = now - stroke.shot_started_at >= min_seconds > 0
        return distance_moved >= min_distance > 0 or (time_passed and distance_moved >= TREMBLE)

    def _stroke_of(self, device: str, n: int) -> Stroke:
        key = device, n
        stroke = self._strokes.pop(key, None)
        if stroke is None:
            if len(self._strokes) >= MAX_STROKES:
                self._forget()
            stroke = Stroke()
        self._strokes[key] = stroke
        return stroke

    def _forget(self) -> None:
        """Forget the finger that was heard longest ago, preferably one whose sender reports no
        touches."""
        oldest = next(iter(self._strokes))
        key = next((k for k, stroke in self._strokes.items() if not stroke.tells_touches), oldest)
        del self._strokes[key]
        self._waiting_axes.pop(key, None)


def _distance(a: Point, c: Point) -> float:
    """The distance in pad widths. `ROUNDING` is added, so that a drag of 0.1 counts as 0.1."""
    return math.dist(a, c) + ROUNDING
