"""All voices, hop by hop: what the board asks for becomes stereo sound.

`Voices` is a function of the board and of the hops it has played: it has no clock, so the same
events at the same hops give the same samples, live or rendered to a file.
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
from latentpad.engine.play.mix import Instruction, fade_out, leave_tail, play_hop
from latentpad.engine.play.phase import Frame, frame
from latentpad.engine.play.voice import clear_voice, morph_to, noise_seed, seed_noise
from latentpad.engine.play.voice_control import (
    END_FADE_S,
    LOOP,
    HopTiming,
    Settings,
    SoundInfo,
    VoiceControl,
    sound_info,
    write_instructions,
)
from latentpad.models.representation import Representation

PATIENCE_S = 2.0  # how long a voice waits for its decoded sound
STARTS_A_HOP = 2  # each costs several frames at once
ARRIVED = 1e-6  # of any unit: nearer to its value, a glide is there
QUALITIES = 4  # 0 is full; each step gives up an iteration, or the look-ahead


class Voices:
    """The sixteen voices and the way out of them. Render thread only.

    Raises nothing from `hop`: whatever the board says, there is sound or silence.
    """

    def __init__(self, board: Board, representation: Representation) -> None:
        r = representation
        self.board = board
        self.hop_size = r.n_fft // 8
        self.frame: Frame = frame(r.n_fft, self.hop_size, r.window)
        self.memory: VoiceMemory = voice_memory(VOICES, r.frames, r.n_fft, board.shape.samples)
        self.scratch: Scratch = scratch(r.n_fft)
        self.limiter = Limiter(r.sample_rate)
        self.hops = 0
        self.quality = 0
        self.guarded = 0
        self._noted = 0  # the quality that the history tells of
        self._range = float(r.range_db)
        self._read = partial(ControlState.of, board)
        self._sounding = [VoiceControl() for _ in range(VOICES)]
        self._todo: NDArray[np.void] = np.zeros(VOICES, Instruction)
        self._instructions = list((Instruction * VOICES).from_buffer(self._todo.data))
        self._mono: NDArray[np.float32] = np.zeros(self.hop_size, np.float32)
        self._tail: NDArray[np.float32] = np.zeros((r.n_fft, 2), np.float32)
        self._states: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._serials: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._hop_s = self.hop_size / r.sample_rate
        self._pace = HopTiming(self.hop_size, self._hop_s, r.hop)
        self._fade = _per_hop(0.02, self._hop_s)
        self._smoothing = [
            (OFFSET[row.address], _per_hop(row.smoothing, self._hop_s))
            for row in GLOBAL
            if row.smoothing > 0
        ]
        self.settle()

    @property
    def version(self) -> int:
        """Of the state that the last hop was made from."""
        return self._wanted.version

    def settle(self) -> None:
        """Take the board's values as they are, without a glide: before the first hop only."""
        self._wanted: ControlState = self.board.consistent(self._read, tries=b.STARTUP_TRIES)
        self._values: list[float] = self._wanted.values.copy()
        self._master: float = _master_gain(Settings.of(self._values))

    # -- one hop -----------------------------------------------------------------------------

    def hop(self, out: NDArray[np.float32]) -> None:
        """The next hop of sound into `out` (hop_size, 2) float32, within the ceiling."""
        board = self.board
        # A bundle half written stays unseen for this hop, its events too.
        self._wanted = wanted = board.consistent(self._read, self._wanted)
        for event in board.received(wanted.events):
            self._take(event)
        if self.quality != self._noted:
            self._noted = self.quality
            history.record(board, history.QUALITY, self.quality)
        self._glide(wanted.values.copy())
        settings = Settings.of(self._values)
        starts = 0
        for v in sorted(range(VOICES), key=lambda v: self._sounding[v].serial):
            voice, todo = self._sounding[v], self._instructions[v]
            todo.active = False
            if voice.state == b.FREE:
                continue
            fresh = False
            if voice.state == b.WAITING:
                if starts >= STARTS_A_HOP or not self._begin(v, voice):
                    continue
                starts += 1
                fresh = True
                voice.finger_db, voice.finger_pan = wanted.levels[v], wanted.pans[v]
                voice.finger_pitch = wanted.pitches[v]
            elif voice.mode == LOOP and board.published[v] != voice.seen:
                adopted, at_once = self._adopt(v, voice), settings.morph <= self._hop_s
                if adopted and at_once and starts < STARTS_A_HOP:
                    starts += 1
                    self._jump(v, voice)
            voice.finger_db += self._fade * (wanted.levels[v] - voice.finger_db)
            voice.finger_pan += self._fade * (wanted.pans[v] - voice.finger_pan)
            voice.finger_pitch += self._fade * (wanted.pitches[v] - voice.finger_pitch)
            write_instructions(
                todo, self.memory, v, voice, settings, self._pace, self.quality, fresh
            )
            if voice.let_go and voice.state == b.SOUNDING:
                voice.state = b.RELEASING  # let go before it could sound: a tap is heard too
        self.guarded += play_hop(
            self.memory,
            self.scratch,
            self.frame,
            self._todo,
            self._range,
            self._mono,
            self._tail,
            out,
        )
        master = _master_gain(settings)
        ceiling = 10 ** (settings.ceiling / 20)
        self.limiter.process(out, self._master, master, ceiling)
        self._master = master
        self.hops += 1
        self._report()

    def _glide(self, wanted: list[float]) -> None:
        """Follow the board's values, those of a smoothed row with its time constant; they arrive,
        so that a texture of 0 costs no noise."""
        now = self._values
        for at, share in self._smoothing:
            way = wanted[at] - now[at]
            if abs(way) > ARRIVED:
                wanted[at] = now[at] + share * way
        self._values = wanted

    def _report(self) -> None:
        board = self.board
        for v, voice in enumerate(self._sounding):
            self._states[v], self._serials[v] = voice.state, voice.serial
        board.voice_state[:] = self._states
        fence()  # who sees a sound's number sees its state
        board.voice_serial[:] = self._serials

    # -- events ------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        if event.kind == b.PANIC:
            for voice in self._sounding:
                if voice.state == b.WAITING:
                    voice.state = b.FREE
                elif voice.state != b.FREE:
                    voice.state, voice.fade_s = b.RELEASING, END_FADE_S
            return
        voice = self._sounding[event.voice]
        if event.kind == b.START:
            if voice.state in (b.SOUNDING, b.RELEASING):
                rate = self._instructions[event.voice].rate if voice.wave else 0.0
                leave_tail(
                    self.memory, self.frame, event.voice, voice.left, voice.right, rate, self._tail
                )
            self._sounding[event.voice] = VoiceControl(
                state=b.WAITING,
                serial=event.serial,
                mode=event.mode,
                request=event.request,
                level_db=event.level_db,
            )
        elif event.kind == b.RELEASE and voice.serial == event.serial and voice.mode == LOOP:
            voice.let_go = True
            if voice.state == b.SOUNDING:
                voice.state = b.RELEASING

    def resume(self) -> None:
        """After a restart: start every voice that is held, and report all others free.

        What the control process says of them decides: the process before may have taken events and
        reported nothing of them. Those sent until now are dropped, as what they ask for is on the
        board before they are sent; later ones may be taken twice."""
        board = self.board
        # Of one moment: a release that comes after it is heard by the next hop.
        asked = (board.held, board.starts, board.start_request, board.start_level)
        rows, until = board.consistent(
            lambda: (zip(*(field.tolist() for field in asked), strict=True), board.event_head[0]),
            tries=b.STARTUP_TRIES,
        )
        for v, (held, serial, request, level) in enumerate(rows):
            state = b.WAITING if held else b.FREE
            self._sounding[v] = VoiceControl(state, serial, LOOP, request, level_db=level)
        list(board.received(until))
        self._report()

    # -- sounds ------------------------------------------------------------------------------

    def _begin(self, v: int, voice: VoiceControl) -> bool:
        """Start a waiting voice out of silence, if its sound has been decoded."""
        board = self.board
        published = board.published[v]
        if published == 0 or board.sound_request[v, published % b.BUFFERS] < voice.request:
            voice.waited += 1
            if voice.waited * self._hop_s < PATIENCE_S:
                return False
            if published == 0:
                voice.state = b.FREE
                return False
        found = board.newest(v, lambda buffer: self._copied(v, voice.mode != LOOP, buffer))
        if found is None:
            return False
        voice.seen, (sound, voice.wave) = found
        self.memory.mix[v] = 1.0
        voice.go(sound)
        voice.come()
        history.record(board, history.SOUND, voice.serial, sound.entry)
        clear_voice(self.memory, v, self.frame, self._range)
        seed_noise(self.memory, v, noise_seed(voice.serial))
        voice.state = b.SOUNDING
        return True

    def _copied(self, v: int, shot: bool, buffer: int) -> tuple[SoundInfo, bool]:
        """Copy a sound for a voice that is silent; whether the whole waveform came with it."""
        board, memory = self.board, self.memory
        memory.tables[v, 1] = board.sounds[v, buffer]
        kind = int(board.sound_wave[v, buffer]) if shot else b.NO_WAVE
        if kind != b.NO_WAVE:
            memory.waves[v] = board.waves[v, buffer]
            memory.stereo[v] = kind == b.STEREO
            if kind == b.STEREO:
                memory.sides[v] = board.sides[v, buffer]
        return sound_info(board, v, buffer), kind != b.NO_WAVE

    def _adopt(self, v: int, voice: VoiceControl) -> bool:
        """Morph to the newest sound; False if it could not be read whole."""
        mix = float(self.memory.mix[v])
        found = self.board.newest(v, lambda buffer: self._merged(v, buffer))
        voice.stay(mix)
        if found is None:
            self.memory.tables[v, 1] = self.memory.tables[v, 0]
            return False
        voice.seen, sound = found
        voice.go(sound)
        history.record(self.board, history.SOUND, voice.serial, sound.entry)
        return True

    def _merged(self, v: int, buffer: int) -> SoundInfo:
        # Again it changes nothing but where the morph goes: the mix is 0 by then.
        morph_to(self.memory, v, self.board.sounds[v, buffer])
        return sound_info(self.board, v, buffer)

    def _jump(self, v: int, voice: VoiceControl) -> None:
        """No morph: the frames that overlap this hop are made anew from the new sound, so that
        it is there within a hop instead of after a whole window."""
        fade_out(self.memory, self.frame, v, voice.left, voice.right, self._tail)
        voice.jumps = True


def _per_hop(seconds: float, hop_s: float) -> float:
    """Share of the way that a one-pole of this time constant goes in one hop."""
    return 1 - math.exp(-hop_s / seconds) if seconds > 0 else 1.0


def _master_gain(settings: Settings) -> float:
    gain = settings.gain
    return 10 ** ((gain + settings.level) / 20) if gain > -59.9 else 0.0
