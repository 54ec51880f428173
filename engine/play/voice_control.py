"""One voice between hops, and what it is to do in the next one.

From the parameters, its finger and its decoded sounds to the instruction that the compiled
mix obeys: where the playhead goes, how the frame is made, how loud it is on each side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from latentpad.engine import board as b
from latentpad.engine import history
from latentpad.engine.board import Board
from latentpad.engine.parameters import MODES, OFFSET
from latentpad.engine.phase_methods import STREAMED
from latentpad.engine.play.memory import VoiceMemory
from latentpad.engine.play.mix import Instruction
from latentpad.engine.play.voice import WAVE

LOOP = MODES.index("loop")
LOOP_FADE_S = 0.003  # a loop may begin anywhere in its sound: never with a step
END_FADE_S = 0.01
EDGE = 32  # samples in which a shot's first sample comes up, where its attack is cut from silence
BURST_FRAMES = 7  # that overlap a hop beside its newest one


class Settings(NamedTuple):
    """The global rows that the voices and the way out of them read: `/loop/speed` is `loop_speed`.

    Values as on the board, gliding ones as far as they have come.
    """

    morph: float
    texture: float
    phase: float
    lookahead: float
    loop_speed: float
    loop_freeze: float
    loop_start: float
    loop_end: float
    attack: float
    release: float
    pitch: float
    pan: float
    dynamics: float
    gain: float
    level: float
    ceiling: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Settings:
        """Read from the board's `values` (VALUES,)."""
        return cls._make(_picked(values))


_picked: Callable[[Sequence[float]], tuple[float, ...]] = itemgetter(
    *(OFFSET["/" + name.replace("_", "/")] for name in Settings._fields)
)


@dataclass(frozen=True)
class HopTiming:
    """How time goes: samples and seconds a hop, samples a decoded frame."""

    hop: int
    hop_s: float
    decoded_hop: int

    @property
    def frames_a_hop(self) -> float:
        return self.hop / self.decoded_hop


class SoundInfo(NamedTuple):
    """What is known of a decoded sound beside its frames."""

    gain: float  # dB that evens the level
    onset: float  # frames
    end: float
    entry: history.SoundEntry


def sound_info(board: Board, voice: int, buffer: int) -> SoundInfo:
    """Of one of the board's: a reading for `Board.newest`."""
    return SoundInfo(
        float(board.sound_gain[voice, buffer]),
        float(board.sound_onset[voice, buffer]),
        float(board.sound_end[voice, buffer]),
        history.sound_entry(board, voice, buffer),
    )


@dataclass
class VoiceControl:
    """One voice between hops."""

    state: int = b.FREE
    serial: int = 0
    mode: int = LOOP
    request: int = 0
    waited: int = 0
    let_go: bool = False
    fade_s: float = 0.0  # of a release that is not the performer's own
    level_db: float = 0.0  # velocity
    envelope: float = 0.0
    wave: bool = False
    jumps: bool = False
    seen: int = 0  # of the board's `published`
    gain: tuple[float, float] = (0.0, 0.0)  # dB, of the sound it comes from and goes to
    own: tuple[float, float] = (0.0, 0.0)
    onset: tuple[float, float] = (0.0, 0.0)
    end: tuple[float, float] = (1.0, 1.0)
    finger_db: float = 0.0
    finger_pan: float = 0.0
    finger_pitch: float = 0.0
    left: float = 0.0
    right: float = 0.0

    def go(self, sound: SoundInfo) -> None:
        """Morph from where it comes from to this sound."""
        self.gain = (self.gain[0], sound.gain)
        self.own = (self.own[0], sound.entry.level)
        self.onset = (self.onset[0], sound.onset)
        self.end = (self.end[0], sound.end)

    def come(self) -> None:
        """Be where it goes to."""
        self.gain, self.own = (self.gain[1],) * 2, (self.own[1],) * 2
        self.onset, self.end = (self.onset[1],) * 2, (self.end[1],) * 2

    def stay(self, mix: float) -> None:
        """Be where it is on its way."""
        self.gain, self.own = (interpolate(self.gain, mix),) * 2, (interpolate(self.own, mix),) * 2
        self.onset, self.end = (
            (interpolate(self.onset, mix),) * 2,
            (interpolate(self.end, mix),) * 2,
        )


def write_instructions(
    todo: Instruction,
    memory: VoiceMemory,
    v: int,
    voice: VoiceControl,
    settings: Settings,
    pace: HopTiming,
    quality: int,
    fresh: bool,
) -> None:
    """Write to `todo` what `engine.play.mix` does for voice `v` in this hop.

    `settings` are the parameters as they are now; `quality` 0 is full, each step more gives up an
    iteration or the look-ahead; `fresh` says that the voice begins with this hop.
    """
    morph = settings.morph
    share = pace.hop_s / morph if morph > pace.hop_s else 1.0
    mix = memory.mix[v] = min(memory.mix[v] + share, 1.0)
    first, last = interpolate(voice.onset, mix), interpolate(voice.end, mix)
    low, high = settings.loop_start, settings.loop_end
    if low > high:
        low, high = high, low
    span = max(last - first, 1.0)
    low, high = first + low * span, first + high * span
    high = max(high, low + 1.0)
    speed = 0.0 if settings.loop_freeze and voice.mode == LOOP else settings.loop_speed
    if voice.mode != LOOP:
        low, high = first, last
        speed = math.copysign(max(abs(speed), 0.05), speed)
    advance = speed * pace.frames_a_hop
    if fresh:
        begin = high if speed < 0 else low
        memory.playhead[v] = begin - 3 * advance
        memory.wave_at[v] = begin * pace.decoded_hop
    elif advance == 0:
        memory.playhead[v] = min(max(float(memory.playhead[v]), low), high - 1e-6)
    elif voice.mode != LOOP:
        if voice.wave:
            at, lead = memory.wave_at[v] / pace.decoded_hop, 0.0
        else:
            at, lead = memory.playhead[v], 4 * abs(advance)
        played = (at - last if speed > 0 else first - at) - lead
        if played > 0 and voice.state == b.SOUNDING:
            voice.state, voice.fade_s = b.RELEASING, END_FADE_S
    semitones = settings.pitch + voice.finger_pitch
    ratio = 2 ** (semitones / 12) if abs(semitones) > 1e-3 else 1.0
    method = int(settings.phase)
    todo.active = True
    todo.advance, todo.low, todo.high = advance, low, high
    todo.loops = voice.mode == LOOP
    todo.ratio = ratio
    todo.rate = ratio * speed
    todo.method = WAVE if voice.wave else STREAMED[method]
    todo.texture = settings.texture
    ahead = min(int(settings.lookahead), 2 if quality == 0 else 1)
    todo.lookahead = 0 if quality >= 3 else ahead
    todo.iterations = max(0, 2 - quality)
    todo.burst = BURST_FRAMES if fresh or voice.jumps else 0
    todo.rise = pace.hop if voice.jumps else EDGE if fresh else 0
    if voice.jumps:
        memory.playhead[v] -= BURST_FRAMES * advance
        voice.jumps = False
    _level(todo, voice, settings, pace, mix, fresh)


def _level(
    todo: Instruction,
    voice: VoiceControl,
    settings: Settings,
    pace: HopTiming,
    mix: float,
    fresh: bool,
) -> None:
    """Envelope, level and pan: the hop's gains on both sides, from and to."""
    if voice.state == b.RELEASING:
        release = voice.fade_s or settings.release
        voice.envelope *= 10 ** (-3 * pace.hop_s / release)
        if voice.envelope < 1e-3:
            voice.envelope, voice.state = 0.0, b.FREE
    else:
        attack = max(settings.attack, LOOP_FADE_S if voice.mode == LOOP else 0.0)
        voice.envelope = min(voice.envelope + pace.hop_s / attack, 1.0) if attack else 1.0
    gain = voice.envelope * 10 ** ((voice.level_db + voice.finger_db) / 20)
    # The sound's own level goes with its frames: those still in the overlap keep theirs.
    own = 10 ** (
        (interpolate(voice.gain, mix) + settings.dynamics * interpolate(voice.own, mix)) / 20
    )
    if voice.wave:
        gain, own = gain * own, 1.0
    angle = (min(max(settings.pan + voice.finger_pan, -1.0), 1.0) + 1) * math.pi / 4
    left, right = gain * math.cos(angle), gain * math.sin(angle)
    todo.level = own
    begin = 0.0 if voice.mode == LOOP or settings.attack > 0 else 1.0
    todo.left_from = begin * left if fresh else voice.left
    todo.right_from = begin * right if fresh else voice.right
    todo.left_to, todo.right_to = left, right
    voice.left, voice.right = left, right


def interpolate(pair: tuple[float, float], mix: float) -> float:
    return pair[0] + mix * (pair[1] - pair[0])
