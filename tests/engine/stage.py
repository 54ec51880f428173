"""A board and its voices, without processes: tests publish decoded sounds and render hops."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.arguments import Argument
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.parameters import MODES, OFFSET, ROW
from latentpad.engine.play.voices import Voices
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.representation import Representation, frame_levels

Floats = NDArray[np.float32]

# The model's frames as dense as the played ones: nothing is lost between them.
FINE = Representation(hop=128, frames=188, range_db=100.0)


class Stage:
    """Sixteen voices at 0 dB, with the limiter at 0 dB and without smoothing at the start."""

    def __init__(self, representation: Representation = FINE) -> None:
        r = self.r = representation
        shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
        self.board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
        self.set("/gain", 0)
        self.set("/ceiling", 0)
        self.voices = Voices(self.board, r)
        self.hop = self.voices.hop_size
        self.delay = self.voices.limiter.delay
        self._serial = 0

    def set(self, address: str, *args: Argument) -> None:
        start = OFFSET[address]
        with self.board.writing():
            self.board.values[start : start + len(args)] = ROW[address].parse(args)

    def put(
        self,
        v: int,
        sound: Floats,
        *,
        onset: float = 0.0,
        end: float | None = None,
        request: int = 0,
        gain: float | None = None,
        wave: Floats | None = None,
        side: Floats | None = None,
    ) -> None:
        """Publish audio (samples,) as the voice's decoded sound, at its own level.

        `wave` is its waveform, for shots, and `side` is (left - right) / 2.
        """
        magnitudes = self.r.magnitudes(sound)
        peak = max(float(magnitudes.max()), 1e-6)
        level = 20 * math.log10(peak)
        frames = self.r.untextured(self.r.decibels(magnitudes))
        self.put_frames(
            v, frames, onset=onset, end=end, request=request,
            gain=level if gain is None else gain,
            wave=None if wave is None else wave / np.float32(peak),
            side=None if side is None else side / np.float32(peak),
        )  # fmt: skip

    def put_frames(
        self,
        v: int,
        frames: Floats,
        *,
        onset: float = 0.0,
        end: float | None = None,
        request: int = 0,
        gain: float = 0.0,
        wave: Floats | None = None,
        side: Floats | None = None,
    ) -> None:
        """Publish decoded (frames, columns) as the voice's sound."""
        board = self.board
        buffer = board.next_buffer(v)
        board.sounds[v, buffer] = frames
        board.frame_levels[v, buffer] = frame_levels(self.r.spectrum(frames))
        board.sound_filled[v, buffer] = True
        board.sound_gain[v, buffer] = gain
        board.sound_onset[v, buffer] = onset
        board.sound_end[v, buffer] = self.r.frames if end is None else end
        board.sound_request[v, buffer] = request
        board.sound_wave[v, buffer] = (wave is not None) + (side is not None)
        if wave is not None:
            board.waves[v, buffer, : len(wave)] = wave[: self.r.samples]
        if side is not None:
            board.sides[v, buffer, : len(side)] = side[: self.r.samples]
        board.publish(v)

    def start(self, v: int, mode: str = "loop", *, request: int = 0, level: float = 0.0) -> int:
        self._serial += 1
        event = Event(b.START, v, MODES.index(mode), request, level, self._serial)
        assert self.board.send(event)
        return self._serial

    def release(self, v: int, serial: int) -> None:
        assert self.board.send(Event(b.RELEASE, v, serial=serial))

    def panic(self) -> None:
        assert self.board.send(Event(b.PANIC))

    def state(self, v: int) -> int:
        return int(self.board.voice_state[v])

    def hops(self, count: int) -> Floats:
        """(count * hop, 2): the next hops of output."""
        out = np.zeros((count, self.hop, 2), np.float32)
        for hop in out:
            self.voices.hop(hop)
        return out.reshape(-1, 2)

    def play(self, seconds: float) -> Floats:
        return self.hops(math.ceil(seconds * self.r.sample_rate / self.hop))

    def mono(self, seconds: float) -> Floats:
        """(samples,): a voice panned to the middle, at its own level."""
        return self.play(seconds)[:, 0] * np.float32(math.sqrt(2))


def rms_db(x: Floats) -> float:
    return 10 * math.log10(float(np.square(x, dtype=np.float64).mean()) + 1e-20)


def clicks(x: Floats) -> Floats:
    """The fourth difference of the samples: tiny for any smooth tone."""
    return np.abs(np.diff(x.astype(np.float64), 4)).astype(np.float32)


def pitch(x: Floats, rate: int) -> float:
    """Hz of the strongest partial, by parabolic interpolation of a windowed spectrum in dB."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 17)) + 1e-12
    k = int(spectrum.argmax())
    a, m, c = np.log(spectrum[k - 1 : k + 2])
    return float((k + 0.5 * (a - c) / (a - 2 * m + c)) * rate / (1 << 17))
