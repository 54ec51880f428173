"""All voices, hop by hop: from the state of the board to stereo sound.

`Voices` depends only on the board and on the hops played. It has no clock, so the same events at
the same hops give the same samples, live or rendered to a file.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine import history
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board, Event
from latentpad.engine.parameters import GLOBAL, OFFSET, VOICES
from latentpad.engine.play.control_state import ControlState
from latentpad.engine.play.limiter import Limiter
from latentpad.engine.play.memory import Scratch, VoiceMemory, scratch, voice_memory
from latentpad.engine.play.mix import Instruction, add_tail, fade_out_overlap, play_hop
from latentpad.engine.play.phase import Frame, frame
from latentpad.engine.play.sound_reader import SoundReader
from latentpad.engine.play.voice import clear_voice, noise_seed, seed_noise
from latentpad.engine.play.voice_control import (
    END_FADE_S,
    LOOP,
    HopTiming,
    VoiceControl,
    VoiceSettings,
    write_instructions,
)
from latentpad.engine.region import Region
from latentpad.models.representation import Representation

SOUND_TIMEOUT_S = 2.0  # a voice waits this long for its decoded sound
STARTS_A_HOP = 2  # each costs several frames at once
ARRIVED = 1e-6  # in any unit: a smoothed value closer to its target becomes equal
QUALITIES = 4  # 0 is full; each step drops an iteration or the look-ahead


class Voices:
    """The sixteen voices and their output stage. Render thread only.

    `hop` raises nothing: whatever is on the board, the result is sound or silence.
    """

    def __init__(self, board: Board, representation: Representation) -> None:
        r = representation
        self.board = board
        self.hop_size = r.n_fft // 8
        self.frame: Frame = frame(r.n_fft, self.hop_size, r.window)
        self.memory: VoiceMemory = voice_memory(VOICES, r.frames, r.n_fft, r.samples)
        self.scratch: Scratch = scratch(r.n_fft)
        self.limiter = Limiter(r.sample_rate)
        self.hops = 0
        self.quality = 0
        self.guarded = 0
        self.panics = 0
        self.ceiling = 1.0
        self.late_windows = 0
        self._recorded_quality = 0  # the last one in the history
        self._range = float(r.range_db)
        self._read = partial(ControlState.of, board)
        self._sounds = SoundReader(board, self.memory, self._range)
        self._voices = [VoiceControl() for _ in range(VOICES)]
        self._instruction_records: NDArray[np.void] = np.zeros(VOICES, Instruction)
        self._instructions = list(
            (Instruction * VOICES).from_buffer(self._instruction_records.data)
        )
        self._mono: NDArray[np.float32] = np.zeros(self.hop_size, np.float32)
        self._tail: NDArray[np.float32] = np.zeros((r.n_fft, 2), np.float32)
        self._states: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._serials: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._fills: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._hop_s = self.hop_size / r.sample_rate
        self._timing = HopTiming(self.hop_size, self._hop_s, r.hop)
        self._fade = _per_hop(0.02, self._hop_s)
        self._smoothing = [
            (OFFSET[row.address], _per_hop(row.smoothing, self._hop_s))
            for row in GLOBAL
            if row.smoothing > 0
        ]
        self.settle()

    @property
    def version(self) -> int:
        """The version of the state that the last hop was rendered from."""
        return self._control.version

    @property
    def pack(self) -> int:
        """The number of the pack that the control process wanted at the last hop."""
        return self._control.pack

    @property
    def controls(self) -> list[VoiceControl]:
        """The states of the voices. `engine.play.handover` changes them between hops."""
        return self._voices

    def settle(self) -> None:
        """Take the board's values without smoothing. Before the first hop only."""
        self._control: ControlState = self.board.consistent(self._read, tries=b.STARTUP_TRIES)
        self._values: list[float] = self._control.values.copy()
        self._master = VoiceSettings.of(self._values).master

    # -- one hop -----------------------------------------------------------------------------

    def hop(self, out: NDArray[np.float32]) -> None:
        """Render the next hop into `out` (hop_size, 2) float32, within the ceiling."""
        board = self.board
        # A half-written bundle and its events are ignored until the next hop.
        self._control = control = board.consistent(self._read, self._control)
        for event in board.received(control.events):
            self._apply_event(event)
        if self.quality != self._recorded_quality:
            self._recorded_quality = self.quality
            history.record(board, history.QUALITY, self.quality)
        self._render(out)
        self.report()

    def play_out(self, out: NDArray[np.float32]) -> None:
        """Render the next hop without events or a report, for voices that others have followed."""
        self._control = self.board.consistent(self._read, self._control)
        self._render(out)

    def follow(self, old: Voices) -> None:
        """Go on with the values and the quality of the voices of another pack."""
        self._control, self._values, self._master = old._control, old._values, old._master
        self.quality, self._recorded_quality = old.quality, old._recorded_quality
        self.guarded, self.panics, self.late_windows = old.guarded, old.panics, old.late_windows

    def _render(self, out: NDArray[np.float32]) -> None:
        board, control = self.board, self._control
        self._glide(control.values.copy())
        settings = VoiceSettings.of(self._values)
        starts = 0
        for v in sorted(range(VOICES), key=lambda v: self._voices[v].serial):
            voice, instruction = self._voices[v], self._instructions[v]
            instruction.active = False
            if voice.state == b.FREE:
                continue
            starting = False
            if voice.state == b.WAITING:
                if starts >= STARTS_A_HOP or not self._begin(v, voice):
                    continue
                starts += 1
                starting = True
                voice.finger_db, voice.finger_pan = control.levels[v], control.pans[v]
                voice.finger_pitch = control.pitches[v]
            elif voice.mode == LOOP and board.published[v] != voice.sound.published:
                copied, no_morph = self._morph_to_newest(v, voice), settings.morph <= self._hop_s
                if copied and no_morph and starts < STARTS_A_HOP:
                    starts += 1
                    self._restart_frames(v, voice)
            if not voice.sound.complete:
                self._sounds.take_up_frames(v, voice.sound)
            voice.finger_db += self._fade * (control.levels[v] - voice.finger_db)
            voice.finger_pan += self._fade * (control.pans[v] - voice.finger_pan)
            voice.finger_pitch += self._fade * (control.pitches[v] - voice.finger_pitch)
            write_instructions(
                instruction, self.memory, v, voice, settings, self._timing, self.quality, starting
            )
            if not voice.sound.complete:
                self._count_late(v, voice, instruction)
            if voice.released and voice.state == b.SOUNDING:
                voice.state = b.RELEASING  # released before it sounded: a short tap is heard too
        self.guarded += play_hop(
            self.memory,
            self.scratch,
            self.frame,
            self._instruction_records,
            self._range,
            self._mono,
            self._tail,
            out,
        )
        self.ceiling = 10 ** (settings.ceiling / 20)
        self.limiter.process(out, self._master, settings.master, self.ceiling)
        self._master = settings.master
        self.hops += 1

    def _glide(self, target: list[float]) -> None:
        """Follow the board's values; a smoothed row with its time constant. A value that is
        close enough becomes equal, so that a texture of 0 costs no noise."""
        now = self._values
        for index, share in self._smoothing:
            difference = target[index] - now[index]
            if abs(difference) > ARRIVED:
                target[index] = now[index] + share * difference
        self._values = target

    def report(self) -> None:
        """Write the voices' states to the board."""
        board = self.board
        for v, voice in enumerate(self._voices):
            self._states[v], self._serials[v] = voice.state, voice.serial
            self._fills[v] = voice.sound.fills
        board.voice_state[:] = self._states
        board.voice_playhead[:] = self.memory.playhead
        board.voice_fills[:] = self._fills
        fence()  # who sees the serial also sees its state
        board.voice_serial[:] = self._serials

    # -- events ------------------------------------------------------------------------------

    def _apply_event(self, event: Event) -> None:
        if event.kind == b.PANIC:
            self.panics += 1
            for voice in self._voices:
                voice.fade_out(END_FADE_S)
            return
        voice = self._voices[event.voice]
        if event.kind == b.START:
            if voice.state in (b.SOUNDING, b.RELEASING):
                rate = self._instructions[event.voice].rate if voice.sound.wave else 0.0
                add_tail(
                    self.memory, self.frame, event.voice, voice.left, voice.right, rate, self._tail
                )
            self._voices[event.voice] = VoiceControl(
                state=b.WAITING,
                serial=event.serial,
                mode=event.mode,
                request=event.request,
                level_db=event.level_db,
            )
        elif event.kind == b.RELEASE and voice.serial == event.serial and voice.mode == LOOP:
            voice.released = True
            if voice.state == b.SOUNDING:
                voice.state = b.RELEASING

    # -- sounds ------------------------------------------------------------------------------

    def _begin(self, v: int, voice: VoiceControl) -> bool:
        """Start a waiting voice from silence if its sound has been decoded. Returns whether it
        starts."""
        board = self.board
        published = board.published[v]
        if not self.is_ready(v, voice):
            voice.hops_waited += 1
            if voice.hops_waited * self._hop_s < SOUND_TIMEOUT_S:
                return False
            if published == 0:
                if not board.held[v]:  # what is held waits for a decoder that is replaced
                    voice.state = b.FREE
                return False
        sound = self._sounds.begin(v, voice.sound, shot=voice.mode != LOOP)
        if sound is None:
            return False
        voice.morph_to(sound)
        voice.finish_morph()
        history.record(board, history.SOUND, voice.serial, sound.entry)
        clear_voice(self.memory, v, self.frame, self._range)
        seed_noise(self.memory, v, noise_seed(voice.serial))
        voice.state = b.SOUNDING
        return True

    def is_ready(self, v: int, voice: VoiceControl) -> bool:
        """Whether the sound that a waiting voice asked for has been decoded."""
        board = self.board
        published = board.published[v]
        request = board.sound_request[v, published % b.BUFFERS]
        return published > 0 and bool(request >= voice.request)

    def _morph_to_newest(self, v: int, voice: VoiceControl) -> bool:
        """Begin a morph to the newest sound. False if it could not be copied."""
        mix = float(self.memory.mix[v])
        sound = self._sounds.merge(v, voice.sound)
        voice.freeze_morph(mix)
        if sound is None:
            return False
        voice.morph_to(sound)
        history.record(self.board, history.SOUND, voice.serial, sound.entry)
        return True

    def _count_late(self, v: int, voice: VoiceControl, instruction: Instruction) -> None:
        """Count a sound that is played before it was decoded there."""
        playhead, filled = float(self.memory.playhead[v]), self.memory.filled[v]
        if instruction.loops and not instruction.burst:
            playhead = Region(instruction.low, instruction.high).wrap(playhead)
        frame = math.floor(playhead)
        if not voice.sound.late and 0 <= frame < len(filled) and not filled[frame]:
            voice.sound.late = True
            self.late_windows += 1

    def _restart_frames(self, v: int, voice: VoiceControl) -> None:
        """Make the frames that overlap this hop again from the new sound, without a morph. So it
        is heard within a hop instead of after a whole window."""
        fade_out_overlap(self.memory, self.frame, v, voice.left, voice.right, self._tail)
        voice.restarts = True


def _per_hop(seconds: float, hop_s: float) -> float:
    """The coefficient of a one-pole filter with this time constant for one hop."""
    return 1 - math.exp(-hop_s / seconds) if seconds > 0 else 1.0
