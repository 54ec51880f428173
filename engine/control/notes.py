"""Notes: their starts and releases, and what shapes each of them while it is held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.board import Board
from latentpad.engine.control.allocation import Allocation, Command, Sender, Source
from latentpad.engine.control.movement import SETTLE_S
from latentpad.engine.control.pad import LOOP, Changed, Handler, Numbered, Pad
from latentpad.engine.control.state import NOTE_ROWS
from latentpad.engine.parameters import OFFSET

FAINTEST = 1e-4  # of the full velocity: -160 dB
HIGHEST = 127  # pitch, and velocity
MOST_BEND = 48.0  # semitones

SHAPES: dict[str, tuple[tuple[str, float, float], ...]] = {
    "xy": (("x", 0.0, 1.0), ("y", 0.0, 1.0)),
    "bend": (("bend", -MOST_BEND, MOST_BEND),),
    "level": (("level", -60.0, 12.0),),
    "pan": (("pan", -1.0, 1.0),),
    "pressure": (("pressure", 0.0, 1.0),),
}
"""What `/note/P/...` sets of a held note, with the names and ranges of its arguments."""


class Strike(NamedTuple):
    """How a note was started."""

    pitch: float  # semitones of transposition
    velocity_amount: float  # `/note/velocity` then
    level_db: float  # by its velocity


class Notes:
    """The voices of notes. Under the instrument's lock.

    A note belongs to the sender's group: a host, or a MIDI port and channel. It follows the pad's
    point until it is given a point of its own. `clock` is the instrument's, in seconds.
    """

    def __init__(
        self,
        board: Board,
        voices: Allocation,
        pad: Pad,
        changed: Changed,
        clock: Callable[[], float],
    ) -> None:
        self._board = board
        self._voices = voices
        self._pad = pad
        self._changed = changed
        self._clock = clock
        self._strikes: dict[int, Strike] = {}  # by voice, of its last note

    def handlers(self) -> dict[str, Handler]:
        """The commands by their addresses."""
        return {"/note": self._note}

    def numbered(self) -> dict[str, Numbered]:
        """The commands whose address has the pitch in the place of `*`."""
        return {f"/note/*/{what}": partial(self._shape, what) for what in SHAPES}

    def _note(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 2:
            raise CommandError(f"/note takes pitch and velocity, got {len(args)} arguments")
        pitch = min(max(finite("/note", args[0]), 0.0), HIGHEST)
        velocity = min(max(finite("/note", args[1]), 0.0), HIGHEST)
        source = note(sender, round(pitch))
        self._voices.release(lambda slot: slot.source == source)
        if velocity > 0:
            self._start(source, sender, pitch, velocity)
        self._changed("/note", (round(pitch), round(velocity)), sender)

    def _start(self, source: Source, sender: Sender, pitch: float, velocity: float) -> None:
        board, looping = self._board, self._pad.mode == LOOP
        values = {row: float(board.values[OFFSET[row]]) for row in NOTE_ROWS}
        restart_commands: list[Command] = [*((row, (value,)) for row, value in values.items())]
        restart_commands.append(("/note", (pitch, velocity)))
        voice = self._voices.give(source, sender, restart_commands, follows=looping)
        amount = values["/note/velocity"]
        strike = Strike(
            pitch - 60 if values["/note/track"] else 0.0, amount, _level_db(amount, velocity / 127)
        )
        self._strikes[voice] = strike
        board.levels[voice], board.pans[voice] = 0.0, 0.0
        board.pitches[voice] = strike.pitch
        self._pad.aim(voice, 1)
        self._voices.start(voice, self._pad.mode, strike.level_db, held=looping)

    def _shape(self, what: str, pitch: int, args: Sequence[Argument], sender: Sender) -> None:
        """Set one thing of a held note. Nothing happens if the sender holds no such note: its
        voice may have been needed for a newer one."""
        address, expected = f"/note/{pitch}/{what}", SHAPES[what]
        if pitch > HIGHEST:
            raise CommandError(f"{address}: pitches are 0...{HIGHEST}")
        if len(args) != len(expected):
            raise CommandError(f"{address} takes {len(expected)} number(s), got {len(args)}")
        values = tuple(
            min(max(finite(address, argument), low), high)
            for argument, (_, low, high) in zip(args, expected, strict=True)
        )
        for voice in self._voices.holds(note(sender, pitch)):
            self._set(voice, what, values)
            self._voices.shape(voice, (address, values))
        self._changed(address, values, sender)

    def _set(self, voice: int, what: str, values: tuple[float, ...]) -> None:
        board, strike, first = self._board, self._strikes[voice], values[0]
        if what == "xy":
            self._voices.unfollow(voice)
            # A shot keeps the point that it has started at.
            age = self._clock() - self._voices.started_at(voice)
            if board.held[voice] or age <= SETTLE_S:
                self._pad.aim_at(voice, values)
        elif what == "bend":
            board.pitches[voice] = strike.pitch + first
        elif what == "level":
            board.levels[voice] = first
        elif what == "pan":
            board.pans[voice] = first
        else:
            board.pressures[voice] = _level_db(strike.velocity_amount, first) - strike.level_db


def note(sender: Sender, pitch: int) -> Source:
    """A note as a source of voices."""
    return ("note", sender.group, pitch)


def _level_db(amount: float, share: float) -> float:
    """The level of a velocity, a `share` of the full one."""
    return amount * 40 * math.log10(max(share, FAINTEST))
