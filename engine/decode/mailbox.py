"""The voices that wait for a sound, and the sounds that they get."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.originals import Originals, Recording
from latentpad.engine.decode.pointing import LatentTarget, Pointing
from latentpad.engine.decode.sound import DecodedSound, describe, playable, whole_waveform
from latentpad.engine.parameters import OFFSET, VOICES
from latentpad.engine.phase_methods import METHODS
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

MAX_FIRST_STEP_S = 0.01  # the time step of a point that begins to glide, however long it had rested


class Mailbox:
    """The voices that wait for a sound, and the sounds that they get. One thread.

    It keeps one point for each voice: only the newest one is decoded. The decoding process uses it,
    and the offline renderer. If a point cannot be decoded, the voice keeps its sound, and the
    failure is counted (`DECODES_FAILED` on the board). With `background`, slow work is abandoned
    when the performer asks for something else meanwhile.
    """

    def __init__(
        self,
        board: Board,
        pack: Pack,
        decoder: Decoder,
        originals: Originals | None = None,
        background: Background | None = None,
    ) -> None:
        self.board = board
        self._originals = originals
        self._decoder = decoder
        self._representation = pack.representation
        self.pointing = Pointing(pack, board, background)
        self._background = background
        self.pointing.fit()
        self._latest_sounds: list[tuple[np.ndarray, DecodedSound] | None] = [None] * VOICES
        self._served_at = np.zeros(VOICES)
        self.resume()

    def resume(self) -> None:
        """Begin, or go on for another mailbox: the board has the answers to earlier requests."""
        board = self.board
        published = np.array([board.published[v] for v in range(VOICES)])
        self._answered_requests = board.sound_request[np.arange(VOICES), published % b.BUFFERS]
        # The point of a held voice may still have been gliding.
        self._gliding = (board.held != 0) & (published > 0)

    def waiting(self) -> list[int]:
        """The voices whose point has changed or still glides, longest waiting first."""
        waiting = (
            np.array(self.pointing.look().requests) != self._answered_requests
        ) | self._gliding
        return sorted(np.flatnonzero(waiting).tolist(), key=lambda v: float(self._served_at[v]))

    def serve(self, voices: list[int], now: float) -> None:
        """Decode and publish the newest sound of each of `voices` at time `now`, seconds."""
        inputs = self.pointing.look().requests
        requests = [inputs[v] for v in voices]
        try:
            self._serve(voices, requests, now)
        # The request stays on the board: if it ended this process, it would end the next ones too.
        except Exception:
            for v, request in zip(voices, requests, strict=True):
                if self._answered_requests[v] != request or self._gliding[v]:
                    self._keep_sound(v, request)
                    self._record_answer(v, request, now, gliding=False)

    def _serve(self, voices: list[int], requests: list[int], now: float) -> None:
        targets: list[LatentTarget] = []
        for v in voices:
            elapsed = now - float(self._served_at[v])
            if not self._gliding[v]:
                elapsed = min(elapsed, MAX_FIRST_STEP_S)
            targets.append(self.pointing.aim(v, elapsed))
        recorded = [self._recorded(target) for target in targets]
        decoded = iter(
            self._sounds([a.latent for a, r in zip(targets, recorded, strict=True) if r is None])
        )
        for v, request, target, recording in zip(voices, requests, targets, recorded, strict=True):
            sound = next(decoded) if recording is None else recording.sound
            if sound is None:
                self._keep_sound(v, request)
            else:
                self._publish(v, request, target, sound, recording)
            self._record_answer(v, request, now, gliding=not target.arrived)

    def give(self, v: int, target: LatentTarget) -> None:
        """Publish the sound of `target`, wherever the voice points. It answers all requests so
        far."""
        recording = self._recorded(target)
        sound = self._sounds([target.latent])[0] if recording is None else recording.sound
        request = self.pointing.look().requests[v]
        if sound is None:
            self._keep_sound(v, request)
        else:
            self._publish(v, request, target, sound, recording)
        self._answered_requests[v] = request

    def _record_answer(self, v: int, request: int, now: float, *, gliding: bool) -> None:
        self.board.decoder[b.DECODES_SKIPPED] += max(
            0, request - int(self._answered_requests[v]) - 1
        )
        self._answered_requests[v], self._served_at[v], self._gliding[v] = request, now, gliding

    def _keep_sound(self, v: int, request: int) -> None:
        """Let the voice's present sound answer this request."""
        board = self.board
        board.sound_request[v, board.published[v] % b.BUFFERS] = request
        board.decoder[b.DECODES_FAILED] += 1

    def warm(self) -> None:
        """Do the slow first calls: whole waveforms, a Gaussian mixture. The results are dropped.

        On a thread of its own: it takes a second, and decoding goes on meanwhile.
        """
        with suppress(Exception):  # a gesture will meet the same error and count it
            silence = np.full(self.board.sounds.shape[2:], -1e3, np.float32)
            for method in METHODS:
                if method.waveform is not None:
                    whole_waveform(silence, self._representation, method.waveform)
            self.pointing.warm()

    def rehearse(self) -> None:
        """Do all work of one gesture and drop the result, to keep the processor's caches warm."""
        with suppress(Exception):  # a gesture will meet the same error and count it
            frames = self._decoder.whole(self.pointing.rehearse())[0]
            if playable(frames):
                describe(frames, self._representation)

    def _sounds(self, latents: list[np.ndarray]) -> list[DecodedSound | None]:
        """The sound of each latent; None if it cannot be decoded. A sound that a voice has
        already is not decoded again."""
        sounds: list[DecodedSound | None] = [
            next(
                (s for z, s in filter(None, self._latest_sounds) if np.array_equal(z, latent)), None
            )
            for latent in latents
        ]
        fresh = [k for k, sound in enumerate(sounds) if sound is None]
        if fresh:
            started = time.perf_counter()
            decoded = self._decoder.whole(np.stack([latents[k] for k in fresh]))
            for k, frames in zip(fresh, decoded, strict=True):
                sounds[k] = describe(frames, self._representation) if playable(frames) else None
            board = self.board
            decode_us = (time.perf_counter() - started) * 1e6 / len(fresh)
            board.decoder[b.DECODE_US] += 0.1 * (decode_us - board.decoder[b.DECODE_US])
        return sounds

    def _recorded(self, target: LatentTarget) -> Recording | None:
        if self._originals is None or target.original is None:
            return None
        return self._originals.get(target.original)

    def _publish(
        self,
        v: int,
        request: int,
        target: LatentTarget,
        sound: DecodedSound,
        recording: Recording | None = None,
    ) -> None:
        """Write a sound to the board and publish it. A `recording` is played instead of its
        magnitudes."""
        board = self.board
        buffer = board.next_buffer(v)
        board.sounds[v, buffer] = sound.frames
        board.sound_gain[v, buffer] = sound.gain
        board.sound_level[v, buffer] = target.level
        board.sound_onset[v, buffer] = sound.onset
        board.sound_end[v, buffer] = sound.end
        board.sound_request[v, buffer] = request
        board.sound_latent[v, buffer, : len(target.latent)] = target.latent
        board.sound_original[v, buffer] = -1 if target.original is None else target.original
        inputs = self.pointing.look()
        method = int(inputs.values[OFFSET["/phase"]])
        wave = recording.wave if recording is not None else None
        if wave is None and not inputs.held[v]:
            wave = self._waveform(sound, method)
        board.sound_wave[v, buffer] = b.NO_WAVE if wave is None else b.MONO
        if wave is not None:
            board.waves[v, buffer] = wave
        if recording is not None and recording.side is not None:
            board.sides[v, buffer] = recording.side
            board.sound_wave[v, buffer] = b.STEREO
        board.publish(v)
        self._latest_sounds[v] = None if recording is not None else (target.latent, sound)

    def _waveform(self, sound: DecodedSound, method: int) -> Floats | None:
        """The sound's waveform. None if the method is streamed, or if another one is chosen
        meanwhile."""
        reconstruct = METHODS[method].waveform
        if reconstruct is None:
            return None
        index = OFFSET["/phase"]
        work = partial(whole_waveform, sound.frames, self._representation, reconstruct)
        if self._background is None:
            return work()
        return self._background.run(work, lambda: int(self.board.values[index]) == method)
