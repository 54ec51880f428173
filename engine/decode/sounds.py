"""The voices' sounds on the board: published with their first frames, then filled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from latentpad.engine import board as b
from latentpad.engine.atomic import fence
from latentpad.engine.board import Board
from latentpad.engine.decode.grain import NO_GRAIN, SoundGrain
from latentpad.engine.decode.originals import Recording
from latentpad.engine.decode.pointing import LatentTarget
from latentpad.engine.decode.sound import DecodedSound, playable
from latentpad.engine.parameters import VOICES
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, frame_levels

LOUDEST_FRAME = 200.0  # dB: any finite frame has a finite level
_LOST = SoundGrain(((-1, 0.0),))  # of a sound that an earlier process made: like no other


@dataclass
class VoiceSound:
    """The newest sound of a voice, as far as it is decoded."""

    latent: NDArray[np.float32]
    gain: float  # dB that brings it to the common level
    onset: float  # frame
    end: float
    filled: bytearray  # one byte for each frame
    measured: bool = True  # gain, onset and end are its own, not a guess
    begun_s: float = 0.0  # when its first frames were published
    windows: list[tuple[int, Floats]] = field(default_factory=list)  # not on the board yet
    grain: SoundGrain = NO_GRAIN  # is in the frames

    @classmethod
    def of(
        cls, latent: NDArray[np.float32], sound: DecodedSound, grain: SoundGrain = NO_GRAIN
    ) -> VoiceSound:
        """A whole sound."""
        filled = bytearray(len(sound.frames))
        made = cls(latent, sound.gain, sound.onset, sound.end, filled, grain=grain)
        made.add(0, sound.frames)
        return made

    def decoded(self) -> Floats:
        """(n, columns): the frames that are decoded, of a sound that is not on the board yet."""
        frames = np.empty((len(self.filled), self.windows[0][1].shape[1]), np.float32)
        for first, window in self.windows:
            frames[first : first + len(window)] = window
        return frames[np.frombuffer(self.filled, np.bool_)]

    def beginning(self) -> Floats:
        """The first of them, as far as no frame is missing."""
        missing = self.filled.find(0)
        return self.decoded()[: missing if missing >= 0 else None]

    @property
    def complete(self) -> bool:
        return 0 not in self.filled

    @property
    def playable(self) -> bool:
        """Whether the frames that are not on the board yet are finite."""
        return all(playable(frames) for _, frames in self.windows)

    def add(self, first: int, frames: Floats) -> None:
        """Add frames (n, columns), from frame `first` on."""
        self.windows.append((first, frames))
        self.filled[first : first + len(frames)] = b"\1" * len(frames)


class VoiceSounds:
    """Writes the voices' sounds to the board. One thread."""

    def __init__(self, board: Board, pack: Pack) -> None:
        self._board = board
        self._representation = pack.representation
        # After a restart, the board has the sounds of the process before it.
        self._newest = [self._read(v, pack.latent_dim) for v in range(VOICES)]

    def _read(self, v: int, latent_dim: int) -> VoiceSound | None:
        board, published = self._board, self._board.published[v]
        buffer = published % b.BUFFERS
        if not published or board.sound_wave[v, buffer] != b.NO_WAVE:
            return None
        return VoiceSound(
            board.sound_latent[v, buffer, :latent_dim].astype(np.float32),
            float(board.sound_gain[v, buffer]),
            float(board.sound_onset[v, buffer]),
            float(board.sound_end[v, buffer]),
            bytearray(board.sound_filled[v, buffer].tobytes()),
            measured=bool(board.sound_filled[v, buffer].all()),
            grain=NO_GRAIN if np.isnan(board.sound_grain[v, buffer]).all() else _LOST,
        )

    def newest(self) -> list[tuple[int, VoiceSound]]:
        """Voices and their newest sounds, of those whose newest sound is a decoded one."""
        return [(v, sound) for v, sound in enumerate(self._newest) if sound is not None]

    def get(self, v: int) -> VoiceSound | None:
        """The voice's newest sound, if it is a decoded one."""
        return self._newest[v]

    def of(self, v: int) -> VoiceSound:
        """The voice's newest sound, which must be a decoded one."""
        sound = self._newest[v]
        assert sound is not None
        return sound

    def same(
        self, latent: NDArray[np.float32], grain: SoundGrain = NO_GRAIN
    ) -> tuple[int, VoiceSound] | None:
        """A voice that has the sound of this latent with this grain already, and the sound: the one
        of which most is decoded."""
        found = [
            (v, sound)
            for v, sound in self.newest()
            if sound.grain.amounts == grain.amounts and np.array_equal(sound.latent, latent)
        ]
        return max(found, key=lambda pair: sum(pair[1].filled), default=None)

    def copy(self, v: int, sound: VoiceSound) -> VoiceSound:
        """What is decoded of the newest sound of voice `v`, as a new sound."""
        board = self._board
        buffer = board.published[v] % b.BUFFERS
        frames = board.sounds[v, buffer]
        windows = [(k, frames[k : k + n].copy()) for k, n in _runs(sound.filled)]
        return replace(sound, filled=bytearray(sound.filled), windows=windows)

    def publish(
        self,
        v: int,
        request: int,
        target: LatentTarget,
        sound: VoiceSound,
        recording: Recording | None = None,
        wave: Floats | None = None,
    ) -> None:
        """Write a sound to the board and make it the voice's newest.

        `wave` (samples,) is played instead of its frames; a `recording` brings its own.
        """
        board = self._board
        buffer = board.next_buffer(v)
        board.sound_filled[v, buffer] = False
        fence()
        for first, frames in sound.windows:
            self._write(v, buffer, first, frames)
        fence()
        board.sound_filled[v, buffer] = np.frombuffer(sound.filled, np.bool_)
        sound.windows.clear()
        board.sound_gain[v, buffer] = sound.gain
        board.sound_level[v, buffer] = target.level
        board.sound_onset[v, buffer] = sound.onset
        board.sound_end[v, buffer] = sound.end
        board.sound_request[v, buffer] = request
        board.sound_latent[v, buffer, : len(target.latent)] = target.latent
        board.sound_grain[v, buffer] = sound.grain.flat()
        board.sound_original[v, buffer] = -1 if target.original is None else target.original
        if recording is not None:
            wave = recording.wave
        board.sound_wave[v, buffer] = b.NO_WAVE if wave is None else b.MONO
        if wave is not None:
            board.waves[v, buffer] = wave
        if recording is not None and recording.side is not None:
            board.sides[v, buffer] = recording.side
            board.sound_wave[v, buffer] = b.STEREO
        board.publish(v)
        board.decoder[b.FIRST_WINDOWS] += 1
        board.decoder[b.COMPLETED] += sound.complete
        self._newest[v] = None if recording is not None else sound

    def fill(self, v: int, first: int, frames: Floats) -> None:
        """Add frames to the voice's newest sound."""
        sound = self.of(v)
        was_complete = sound.complete
        sound.add(first, frames)
        sound.windows.clear()
        board = self._board
        buffer = board.published[v] % b.BUFFERS
        self._write(v, buffer, first, frames)
        fence()
        board.sound_filled[v, buffer, first : first + len(frames)] = True
        board.fills[v] += 1
        board.decoder[b.COMPLETED] += sound.complete and not was_complete

    def _write(self, v: int, buffer: int, first: int, frames: Floats) -> None:
        """Write decoded frames (n, columns) and their levels, which the voices even out."""
        written = slice(first, first + len(frames))
        self._board.sounds[v, buffer, written] = frames
        levels = frame_levels(self._representation.spectrum(frames))
        self._board.frame_levels[v, buffer, written] = np.clip(
            levels, -LOUDEST_FRAME, LOUDEST_FRAME
        )

    def correct(self, v: int) -> None:
        """Tell the voice what was measured of its newest sound."""
        sound, board = self.of(v), self._board
        buffer = board.published[v] % b.BUFFERS
        board.sound_gain[v, buffer] = sound.gain
        board.sound_onset[v, buffer] = sound.onset
        board.sound_end[v, buffer] = sound.end
        board.fills[v] += 1

    def give_up(self, v: int) -> None:
        """The rest of the voice's newest sound cannot be decoded: what it has stays."""
        sound = self.of(v)
        sound.filled[:] = b"\1" * len(sound.filled)
        self._board.decoder[b.DECODES_FAILED] += 1


def _runs(filled: bytearray) -> list[tuple[int, int]]:
    """The first frame and the length of each run of filled frames."""
    edges = np.flatnonzero(np.diff(np.frombuffer(b"\0" + filled + b"\0", np.int8)))
    return [(int(k), int(end - k)) for k, end in edges.reshape(-1, 2)]
