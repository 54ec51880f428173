"""All voices, hop by hop: what the board asks for becomes stereo sound.

`Voices` is a function of the board and of the hops it has played: it has no clock, so the same
events at the same hops give the same samples, live or rendered to a file.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import board as b
from engine import history
from engine.bank import Bank, Work, bank, work
from engine.board import Board, Event
from engine.limiter import Limiter
from engine.mix import ACTIVE, COLUMNS, RATE, fade_out, leave_tail, play_hop
from engine.parameters import GLOBAL, OFFSET, VOICES
from engine.phase import Frame, frame
from engine.sounding import END_FADE_S, LOOP, Pace, Sounding, instruct, mixed
from engine.voice import adopt, quiet, sow
from models.representation import Representation

PATIENCE_S = 2.0  # how long a voice waits for its decoded sound
STARTS_A_HOP = 2  # each costs several frames at once
ARRIVED = 1e-6  # of any unit: nearer to its value, a glide is there
QUALITIES = 4  # 0 is full; each step gives up an iteration, or the look-ahead


class Wanted(NamedTuple):
    """What the control process wants, all of one moment."""

    version: int
    events: int  # that had been sent by then
    values: list[float]
    levels: list[float]
    pans: list[float]
    pitches: list[float]


class Voices:
    """The sixteen voices and the way out of them. Render thread only.

    Raises nothing from `hop`: whatever the board says, there is sound or silence.
    """

    def __init__(self, board: Board, representation: Representation) -> None:
        r = representation
        self.board = board
        self.hop_size = r.n_fft // 8
        self.frame: Frame = frame(r.n_fft, self.hop_size, r.window)
        self.bank: Bank = bank(VOICES, r.frames, r.n_fft, board.shape.samples)
        self.work: Work = work(r.n_fft)
        self.limiter = Limiter(r.sample_rate)
        self.hops = 0
        self.quality = 0
        self.guarded = 0
        self._noted = 0  # the quality that the history tells of
        self._range = float(r.range_db)
        self._sounding = [Sounding() for _ in range(VOICES)]
        self._todo: NDArray[np.float64] = np.zeros((VOICES, COLUMNS))
        self._mono: NDArray[np.float32] = np.zeros(self.hop_size, np.float32)
        self._tail: NDArray[np.float32] = np.zeros((r.n_fft, 2), np.float32)
        self._peaks: NDArray[np.float64] = np.zeros(VOICES)
        self._states: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._serials: NDArray[np.int64] = np.zeros(VOICES, np.int64)
        self._hop_s = self.hop_size / r.sample_rate
        self._pace = Pace(self.hop_size, self._hop_s, r.hop)
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
        self._wanted: Wanted = self._read()
        self._values: list[float] = self._wanted.values.copy()
        self._master: float = self._master_gain(self._values)

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
            history.note(board, history.QUALITY, self.quality)
        self._glide(wanted.values.copy())
        published = board.published.tolist()
        starts = 0
        for v in sorted(range(VOICES), key=lambda v: self._sounding[v].serial):
            voice = self._sounding[v]
            self._todo[v, ACTIVE] = 0
            if voice.state == b.FREE:
                continue
            fresh = False
            if voice.state == b.WAITING:
                if starts >= STARTS_A_HOP or not self._begin(v, voice, published[v]):
                    continue
                starts += 1
                fresh = True
                voice.finger_db, voice.finger_pan = wanted.levels[v], wanted.pans[v]
                voice.finger_pitch = wanted.pitches[v]
            elif published[v] != voice.seen and voice.mode == LOOP:
                self._adopt(v, voice, published[v])
                if self._values[_MORPH] <= self._hop_s and starts < STARTS_A_HOP:
                    starts += 1
                    self._jump(v, voice)
            voice.finger_db += self._fade * (wanted.levels[v] - voice.finger_db)
            voice.finger_pan += self._fade * (wanted.pans[v] - voice.finger_pan)
            voice.finger_pitch += self._fade * (wanted.pitches[v] - voice.finger_pitch)
            instruct(
                self._todo[v], self.bank, v, voice, self._values, self._pace, self.quality, fresh
            )
            if voice.let_go and voice.state == b.SOUNDING:
                voice.state = b.RELEASING  # let go before it could sound: a tap is heard too
        self.guarded += play_hop(
            self.bank, self.work, self.frame, self._todo, self._range, self._mono, self._tail, out,
            self._peaks,
        )  # fmt: skip
        master = self._master_gain(self._values)
        ceiling = 10 ** (self._values[_CEILING] / 20)
        self.limiter.process(out, self._master, master, ceiling)
        self._master = master
        self.hops += 1
        self._report()

    def _read(self) -> Wanted:
        board = self.board
        return Wanted(
            int(board.version[0]),
            int(board.event_head[0]),
            board.values.tolist(),
            board.levels.tolist(),
            board.pans.tolist(),
            board.pitches.tolist(),
        )

    def _glide(self, wanted: list[float]) -> None:
        """Follow the board's values, those of a smoothed row with its time constant; they arrive,
        so that a texture of 0 costs no noise."""
        now = self._values
        for at, share in self._smoothing:
            way = wanted[at] - now[at]
            if abs(way) > ARRIVED:
                wanted[at] = now[at] + share * way
        self._values = wanted

    @staticmethod
    def _master_gain(values: list[float]) -> float:
        gain = values[_GAIN]
        return 10 ** ((gain + values[_LEVEL]) / 20) if gain > -59.9 else 0.0

    def _report(self) -> None:
        board = self.board
        for v, voice in enumerate(self._sounding):
            self._states[v], self._serials[v] = voice.state, voice.serial
        board.voice_state[:] = self._states
        board.voice_serial[:] = self._serials
        board.playheads[:] = self.bank.playhead
        board.meters[:] = self._peaks

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
                rate = self._todo[event.voice, RATE] if voice.wave else 0.0
                leave_tail(
                    self.bank, self.frame, event.voice, voice.left, voice.right, rate, self._tail
                )
            self._sounding[event.voice] = Sounding(
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
        until = int(board.event_head[0])
        board.fence()
        for v in range(VOICES):
            self._sounding[v] = Sounding(
                state=b.WAITING if board.held[v] else b.FREE,
                serial=int(board.starts[v]),
                mode=LOOP,
                request=int(board.start_request[v]),
                level_db=float(board.start_level[v]),
            )
        list(board.received(until))
        self._report()

    # -- sounds ------------------------------------------------------------------------------

    def _begin(self, v: int, voice: Sounding, published: int) -> bool:
        """Start a waiting voice out of silence, if its sound has been decoded."""
        board = self.board
        buffer = published % b.BUFFERS
        if published == 0 or board.sound_request[v, buffer] < voice.request:
            voice.waited += 1
            if voice.waited * self._hop_s < PATIENCE_S:
                return False
            if published == 0:
                voice.state = b.FREE
                return False
        voice.seen = published
        self.bank.tables[v, 1] = board.sounds[v, buffer]
        self.bank.mix[v] = 1.0
        self._describe(v, voice, buffer)
        voice.gain = (voice.gain[1],) * 2
        voice.own = (voice.own[1],) * 2
        voice.onset = (voice.onset[1],) * 2
        voice.end = (voice.end[1],) * 2
        if board.sound_wave[v, buffer] and voice.mode != LOOP:
            self.bank.waves[v] = board.waves[v, buffer]
            self.bank.stereo[v] = board.sound_wave[v, buffer] == b.STEREO
            if self.bank.stereo[v]:
                self.bank.sides[v] = board.sides[v, buffer]
            voice.wave = True
        quiet(self.bank, v, self.frame, self._range)
        sow(self.bank, v, _seed(voice.serial))
        voice.state = b.SOUNDING
        return True

    def _adopt(self, v: int, voice: Sounding, published: int) -> None:
        buffer = published % b.BUFFERS
        voice.seen = published
        mix = float(self.bank.mix[v])
        voice.gain = (mixed(voice.gain, mix), 0.0)
        voice.own = (mixed(voice.own, mix), 0.0)
        voice.onset = (mixed(voice.onset, mix), 0.0)
        voice.end = (mixed(voice.end, mix), 0.0)
        adopt(self.bank, v, self.board.sounds[v, buffer])
        self._describe(v, voice, buffer)

    def _jump(self, v: int, voice: Sounding) -> None:
        """No morph: the frames that overlap this hop are made anew from the new sound, so that
        it is there within a hop instead of after a whole window."""
        fade_out(self.bank, self.frame, v, voice.left, voice.right, self._tail)
        voice.jumps = True

    def _describe(self, v: int, voice: Sounding, buffer: int) -> None:
        board = self.board
        history.note(board, history.SOUND, voice.serial, (v, buffer))
        voice.gain = (voice.gain[0], float(board.sound_gain[v, buffer]))
        voice.own = (voice.own[0], float(board.sound_level[v, buffer]))
        voice.onset = (voice.onset[0], float(board.sound_onset[v, buffer]))
        voice.end = (voice.end[0], float(board.sound_end[v, buffer]))


def _per_hop(seconds: float, hop_s: float) -> float:
    """Share of the way that a one-pole of this time constant goes in one hop."""
    return 1 - math.exp(-hop_s / seconds) if seconds > 0 else 1.0


def _seed(serial: int) -> int:
    """Of a voice's noise: 32 bits, not 0, far apart for near serials (MurmurHash3's finalizer).
    So a sound that is begun again in a rendering has the noise that it had."""
    x = serial & 0xFFFFFFFF
    x = (x ^ x >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    x = (x ^ x >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return x ^ x >> 16 or 1


_GAIN, _LEVEL = OFFSET["/gain"], OFFSET["/level"]
_CEILING, _MORPH = OFFSET["/ceiling"], OFFSET["/morph"]
