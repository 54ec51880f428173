"""The state of one voice between hops, and its instruction for the next hop.

The instruction for the compiled mix is made of the parameters, the voice's finger and its decoded
sounds: how the playhead moves, how the frame is made, and the level on each side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from latentpad.engine import board as b
from latentpad.engine.parameters import MODES, OFFSET
from latentpad.engine.phase_methods import STREAMED
from latentpad.engine.play.memory import VoiceMemory
from latentpad.engine.play.mix import Instruction
from latentpad.engine.play.sound_reader import CopiedSound, SoundInfo
from latentpad.engine.play.voice import WAVE, noise_seed
from latentpad.engine.region import BURST_FRAMES, LEAD_FRAMES, Region, loop_region, shot_speed

LOOP = MODES.index("loop")
LOOP_FADE_S = 0.003  # minimum: a loop may begin anywhere in its sound, without a click
END_FADE_S = 0.01
ROUND = 0x9E3779B9  # between the seeds of two rounds
EDGE = 32  # samples of the fade in of a shot that begins abruptly


class VoiceSettings(NamedTuple):
    """The global rows that the voices and the output stage read: `/loop/speed` is `loop_speed`.

    Values as on the board; smoothed rows have their present value.
    """

    morph: float
    texture: float
    texture_learned: float
    phase: float
    lookahead: float
    loop_speed: float
    loop_freeze: float
    loop_start: float
    loop_end: float
    loop_shortest: float
    loop_fade: float
    loop_jitter: float
    loop_even: float
    attack: float
    release: float
    pitch: float
    pan: float
    dynamics: float
    gain: float
    level: float
    expression: float
    ceiling: float

    @classmethod
    def of(cls, values: Sequence[float]) -> VoiceSettings:
        """Read from the board's `values` (VALUES,)."""
        return cls._make(_pick_rows(values))


_pick_rows: Callable[[Sequence[float]], tuple[float, ...]] = itemgetter(
    *(OFFSET["/" + name.replace("_", "/")] for name in VoiceSettings._fields)
)


@dataclass(frozen=True)
class HopTiming:
    """Samples and seconds per hop, samples per decoded frame."""

    hop: int
    hop_s: float
    decoded_hop: int

    @property
    def frames_a_hop(self) -> float:
        return self.hop / self.decoded_hop


@dataclass
class VoiceControl:
    """The state of one voice between hops."""

    state: int = b.FREE
    serial: int = 0
    mode: int = LOOP
    request: int = 0
    hops_waited: int = 0
    released: bool = False
    fade_s: float = 0.0  # release time set by the engine; 0: `/release` holds
    level_db: float = 0.0  # velocity
    envelope: float = 0.0
    restarts: bool = False
    rounds: int = 0  # of a loop that begins each round somewhere else
    sound: CopiedSound = field(default_factory=CopiedSound)
    gain: tuple[float, float] = (0.0, 0.0)  # dB, of the source and the target of the morph
    recorded_level: tuple[float, float] = (0.0, 0.0)
    onset: tuple[float, float] = (0.0, 0.0)
    end: tuple[float, float] = (1.0, 1.0)
    finger_db: float = 0.0
    finger_pan: float = 0.0
    finger_pitch: float = 0.0
    left: float = 0.0
    right: float = 0.0

    def fade_out(self, fade_s: float) -> None:
        """Fade out in `fade_s` seconds; a waiting voice is free at once."""
        if self.state == b.WAITING:
            self.state = b.FREE
        elif self.state != b.FREE:
            self.state, self.fade_s = b.RELEASING, fade_s

    def follow_hand(self, level_db: float, pan: float, pitch: float, share: float) -> None:
        """Go a `share` (0...1) of the way to what the finger, or the note, has now."""
        self.finger_db += share * (level_db - self.finger_db)
        self.finger_pan += share * (pan - self.finger_pan)
        self.finger_pitch += share * (pitch - self.finger_pitch)

    def morph_to(self, sound: SoundInfo) -> None:
        """Begin a morph from the present sound to this one."""
        self.gain = (self.gain[0], sound.gain)
        self.recorded_level = (self.recorded_level[0], sound.entry.level)
        self.onset = (self.onset[0], sound.onset)
        self.end = (self.end[0], sound.end)

    def correct(self, sound: SoundInfo) -> None:
        """Take what is known of the present sound by now. Its level is that of new frames, which
        fade in under their window, so there is no step."""
        self.gain = (self.gain[0], sound.gain)
        self.onset = (self.onset[0], sound.onset)
        self.end = (self.end[0], sound.end)

    def finish_morph(self) -> None:
        """Jump to the end of the morph."""
        self.gain, self.recorded_level = (self.gain[1],) * 2, (self.recorded_level[1],) * 2
        self.onset, self.end = (self.onset[1],) * 2, (self.end[1],) * 2

    def freeze_morph(self, mix: float) -> None:
        """Make the present point of the morph its start and end."""
        self.gain, self.recorded_level = (
            (interpolate(self.gain, mix),) * 2,
            (interpolate(self.recorded_level, mix),) * 2,
        )
        self.onset, self.end = (
            (interpolate(self.onset, mix),) * 2,
            (interpolate(self.end, mix),) * 2,
        )


def write_instructions(
    instruction: Instruction,
    memory: VoiceMemory,
    v: int,
    voice: VoiceControl,
    settings: VoiceSettings,
    timing: HopTiming,
    quality: int,
    starting: bool,
) -> None:
    """Write the instruction of voice `v` for this hop.

    `settings` are the present parameters. `quality` 0 is full quality; each step drops an iteration
    or the look-ahead. `starting` says that the voice begins with this hop.
    """
    morph = settings.morph
    share = timing.hop_s / morph if morph > timing.hop_s else 1.0
    mix = memory.mix[v] = min(memory.mix[v] + share, 1.0)
    first, last = interpolate(voice.onset, mix), interpolate(voice.end, mix)
    region = loop_region(
        first,
        last,
        settings.loop_start,
        settings.loop_end,
        fade=settings.loop_fade,
        shortest=settings.loop_shortest * timing.frames_a_hop / timing.hop_s,
    )
    speed = 0.0 if settings.loop_freeze and voice.mode == LOOP else settings.loop_speed
    if voice.mode != LOOP:
        region = Region(first, last)
        speed = shot_speed(speed)
    low, high = region.low, region.high
    advance = speed * timing.frames_a_hop
    if starting:
        begin = high if speed < 0 else low
        memory.playhead[v] = begin - LEAD_FRAMES * advance
        memory.wave_position[v] = begin * timing.decoded_hop
    elif advance == 0:
        memory.playhead[v] = min(max(float(memory.playhead[v]), low), high - 1e-6)
    elif voice.mode == LOOP and settings.loop_jitter > 0:
        region = _next_round(voice, memory, v, region, settings.loop_jitter)
    elif voice.mode != LOOP:
        if voice.sound.wave:
            position, lead = memory.wave_position[v] / timing.decoded_hop, 0.0
        else:
            position, lead = memory.playhead[v], 4 * abs(advance)
        played = (position - last if speed > 0 else first - position) - lead
        if played > 0 and voice.state == b.SOUNDING:
            voice.state, voice.fade_s = b.RELEASING, END_FADE_S
    semitones = settings.pitch + voice.finger_pitch
    ratio = 2 ** (semitones / 12) if abs(semitones) > 1e-3 else 1.0
    method = int(settings.phase)
    instruction.active = True
    instruction.advance, instruction.low, instruction.high = advance, low, high
    instruction.inner, instruction.skip = region.inner, region.skip
    instruction.even = settings.loop_even if voice.mode == LOOP else 0.0
    instruction.loops = voice.mode == LOOP
    instruction.ratio = ratio
    instruction.rate = ratio * speed
    instruction.method = WAVE if voice.sound.wave else STREAMED[method]
    instruction.texture, instruction.learned = settings.texture, settings.texture_learned
    ahead = min(int(settings.lookahead), 2 if quality == 0 else 1)
    instruction.lookahead = 0 if quality >= 3 else ahead
    instruction.iterations = max(0, 2 - quality)
    instruction.burst = BURST_FRAMES if starting or voice.restarts else 0
    instruction.rise = timing.hop if voice.restarts else EDGE if starting else 0
    if voice.restarts:
        playhead = region.wrap(float(memory.playhead[v]))
        memory.playhead[v] = playhead - BURST_FRAMES * advance
        voice.restarts = False
    _write_gains(instruction, voice, settings, timing, mix, starting)


def _next_round(
    voice: VoiceControl, memory: VoiceMemory, v: int, region: Region, jitter: float
) -> Region:
    """The region with what the next round of the loop leaves out, by chance. A playhead that is at
    the end begins the next round."""
    region = region.skipping(jitter * _chance(voice))
    playhead = float(memory.playhead[v])
    if region.low <= playhead < region.high:
        return region
    memory.playhead[v] = region.wrap(playhead)
    voice.rounds += 1
    return region.skipping(jitter * _chance(voice))


def _chance(voice: VoiceControl) -> float:
    """A number 0...1 for the present round, always the same for a sound that is rendered again."""
    return noise_seed(voice.serial + voice.rounds * ROUND) / 0xFFFFFFFF


def _write_gains(
    instruction: Instruction,
    voice: VoiceControl,
    settings: VoiceSettings,
    timing: HopTiming,
    mix: float,
    starting: bool,
) -> None:
    """Write the gains of the hop on both sides, from and to: envelope, level and pan."""
    if voice.state == b.RELEASING:
        release = voice.fade_s or settings.release
        voice.envelope *= 10 ** (-3 * timing.hop_s / release)
        if voice.envelope < 1e-3:
            voice.envelope, voice.state = 0.0, b.FREE
    else:
        attack = max(settings.attack, LOOP_FADE_S if voice.mode == LOOP else 0.0)
        voice.envelope = min(voice.envelope + timing.hop_s / attack, 1.0) if attack else 1.0
    gain = voice.envelope * 10 ** ((voice.level_db + voice.finger_db) / 20)
    # The sound's level applies to its new frames. Those in the overlap keep their level.
    sound_gain = 10 ** (
        (interpolate(voice.gain, mix) + settings.dynamics * interpolate(voice.recorded_level, mix))
        / 20
    )
    if voice.sound.wave:
        gain, sound_gain = gain * sound_gain, 1.0
    angle = (min(max(settings.pan + voice.finger_pan, -1.0), 1.0) + 1) * math.pi / 4
    left, right = gain * math.cos(angle), gain * math.sin(angle)
    instruction.level = sound_gain
    begin = 0.0 if voice.mode == LOOP or settings.attack > 0 else 1.0
    instruction.left_from = begin * left if starting else voice.left
    instruction.right_from = begin * right if starting else voice.right
    instruction.left_to, instruction.right_to = left, right
    voice.left, voice.right = left, right


def interpolate(pair: tuple[float, float], mix: float) -> float:
    return pair[0] + mix * (pair[1] - pair[0])
