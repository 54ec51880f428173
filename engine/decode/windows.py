"""Which frames of a sound a voice plays next, and so which are decoded first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.pointing import DecoderInputs
from latentpad.engine.parameters import OFFSET
from latentpad.engine.region import (
    BURST_FRAMES,
    LEAD_FRAMES,
    WRAP_FRAMES,
    Region,
    loop_region,
    shot_speed,
)
from latentpad.models.representation import Representation

SIZES = (16, 32, 64)  # frames of a first window, by the voice's speed
REST = 48  # frames of a window of the rest
AHEAD_HOPS = 10  # that a first window lasts at least: 2 of look-ahead, the others until the next

_SPEED, _FREEZE = OFFSET["/loop/speed"], OFFSET["/loop/freeze"]
_START, _END = OFFSET["/loop/start"], OFFSET["/loop/end"]
_FADE, _SHORTEST = OFFSET["/loop/fade"], OFFSET["/loop/shortest"]


@dataclass(frozen=True)
class Motion:
    """Where a voice is in its sound, and where it goes."""

    position: float  # decoded frames, of its next hop
    advance: float  # decoded frames a hop
    region: Region
    loops: bool
    behind: int  # earlier hops whose frames its next hop computes too, without the loop

    def after(self, hops: int) -> list[float]:
        """The playheads that a hop reads, `hops` after the next one: two of them where the end of
        a loop fades into its beginning."""
        playhead = self.position + hops * self.advance
        if not self.loops or hops < 0:
            return [playhead]
        region = self.region
        playhead = region.wrap(playhead)
        if self.advance > 0 and playhead > region.high - region.fade:
            return [playhead, playhead - region.jump]
        if self.advance < 0 and playhead < region.low + region.fade:
            return [playhead, playhead + region.jump]
        return [playhead]


def plays(board: Board, inputs: DecoderInputs, v: int) -> bool:
    """Whether the voice has begun to play what it was started for last, with this pack."""
    sounds = board.voice_state[v] in (b.SOUNDING, b.RELEASING) and board.published[v] > 0
    return sounds and bool(board.voice_serial[v] == inputs.starts[v])


def begins_at_onset(inputs: DecoderInputs, v: int) -> bool:
    """Whether the voice, when it is started, begins with the sound's beginning."""
    values = inputs.values
    starts = min(values[_START], values[_END]) if inputs.held[v] else 0.0
    return starts == 0 and values[_SPEED] >= 0


def motion(
    board: Board,
    inputs: DecoderInputs,
    r: Representation,
    v: int,
    onset: float,
    end: float,
    *,
    restarts: bool = False,
) -> Motion:
    """How voice `v` will move through a sound that lasts from frame `onset` to frame `end`.

    If it begins with its next hop, or `restarts` its frames there because it takes up the sound at
    once, that hop needs earlier frames too. `engine.play.voice_control` moves it; a playhead that
    it has reported is a hop old.
    """
    values = inputs.values
    playing = plays(board, inputs, v)
    loops = bool(board.voice_loops[v] if playing else inputs.held[v])
    speed = values[_SPEED]
    if loops:
        region = loop_region(
            onset,
            end,
            values[_START],
            values[_END],
            fade=values[_FADE],
            shortest=values[_SHORTEST] * r.sample_rate / r.hop,
        )
        speed = 0.0 if values[_FREEZE] else speed
    else:
        region, speed = Region(onset, max(end, onset + 1.0)), shot_speed(speed)
    advance = speed * r.n_fft / 8 / r.hop
    if not playing:
        begin = region.high if speed < 0 else region.low
        first = begin + (BURST_FRAMES - LEAD_FRAMES) * advance
        return Motion(first, advance, region, loops, BURST_FRAMES)
    playhead = float(board.voice_playhead[v])
    if advance == 0:
        playhead = min(max(playhead, region.low), region.high - 1e-6)
    playhead = region.wrap(playhead) if loops else playhead
    return Motion(playhead, advance, region, loops, BURST_FRAMES if restarts else 0)


def first_windows(motion: Motion, frames: int) -> tuple[int, list[int]]:
    """The number of frames of the windows that a voice plays first, and the first frame of each.

    One window is under the playhead, or behind it. There are others where it wraps within
    `AHEAD_HOPS`.
    """
    step = abs(motion.advance)
    needed = (motion.behind + AHEAD_HOPS) * step + 2
    count = min(next((size for size in SIZES if size >= needed), SIZES[-1]), frames)
    earliest = motion.position - motion.behind * motion.advance
    starts = [window_from(earliest, motion, count, frames)]
    filled = bytearray(frames)
    filled[starts[0] : starts[0] + count] = b"\1" * count
    while (found := missing(motion, filled, AHEAD_HOPS)) is not None:
        first = window_from(found[0], motion, count, frames)
        filled[first : first + count] = b"\1" * count
        starts.append(first)
    return count, starts


def missing(motion: Motion, filled: bytearray, hops: int) -> tuple[int, int] | None:
    """The first frame that is not `filled` of those that the next `hops` hops read, and the hop.
    None if they have all."""
    frames = len(filled)
    if 0 not in _ahead(motion, filled, hops):
        return None
    for hop in range(-motion.behind, hops):
        for playhead in motion.after(hop):
            lower = math.floor(playhead)
            for frame in (lower, lower + 1):
                if 0 <= frame < frames and not filled[frame]:
                    return frame, hop
    return None


def _ahead(motion: Motion, filled: bytearray, hops: int) -> bytearray:
    """The part of `filled` that `missing` looks at, if the voice goes straight on there; all of it
    where a loop may end."""
    ends = sorted(motion.position + hop * motion.advance for hop in (-motion.behind, hops))
    low, high = motion.region.low, motion.region.high
    fade = max(WRAP_FRAMES, motion.region.inner)
    if motion.loops and not low + fade <= ends[0] <= ends[1] <= high - fade:
        return filled
    first, last = (max(math.floor(end), 0) for end in ends)
    return filled[first : last + 2]


def rest_frame(motion: Motion, filled: bytearray) -> int:
    """The frame of a sound, not `filled`, that is decoded next: what the voice reaches first, then
    what it never reaches."""
    low, high = (math.floor(edge) for edge in motion.region[:2])
    now = min(max(math.floor(motion.position), 0), len(filled) - 1)
    if motion.advance < 0:
        ways = (filled.rfind(0, max(low, 0), now + 1), filled.rfind(0, 0, max(high, 0) + 1))
        return next((k for k in ways if k >= 0), filled.rfind(0))
    ways = (filled.find(0, now, max(high, 0) + 1), filled.find(0, max(low, 0)))
    return next((k for k in ways if k >= 0), filled.find(0))


def window_from(frame: float, motion: Motion, count: int, frames: int) -> int:
    """The first frame of a window of `count` frames that a voice enters at `frame`, or around it if
    the voice stands still; within the sound."""
    if motion.advance > 0:
        start = math.floor(frame)
    elif motion.advance < 0:
        start = math.floor(frame) + 2 - count
    else:
        start = math.floor(frame) - (count - 1) // 2
    return int(np.clip(start, 0, frames - count))
