"""Which voices wait for a sound, and the sounds that they get."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import DecodedSound, Decoder, playable
from latentpad.engine.decode.originals import Originals, Recording
from latentpad.engine.decode.pointing import LatentTarget, Pointing
from latentpad.engine.parameters import OFFSET, VOICES
from latentpad.engine.phase_methods import METHODS
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

SET_OUT_S = 0.01  # a point set out so long ago at most, however long it had rested


class Mailbox:
    """Which voices wait for a sound, and the sounds they get. One thread.

    A mailbox of one: of all the points a voice has been given, only the newest is decoded.
    Used by the decoding process, and by the renderer without one. A point that cannot be decoded
    leaves the voice the sound it has, and is counted (`DECODES_FAILED` on the board). With
    `background`, what is slow is given up when the performer asks for something else meanwhile.
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
        self.decoder = decoder
        self.pointing = Pointing(pack, board, background)
        self._background = background
        self.pointing.fit()
        # What is on the board already; after a restart, what was asked meanwhile is not.
        published = np.array([board.published[v] for v in range(VOICES)])
        self._done = board.sound_request[np.arange(VOICES), published % b.BUFFERS]
        # A held point may have been on its way to the finger: it has still to arrive there.
        self._gliding = (board.held != 0) & (published > 0)
        self._last: list[tuple[np.ndarray, DecodedSound] | None] = [None] * VOICES
        self._asked_at = np.zeros(VOICES)

    def waiting(self) -> list[int]:
        """The voices whose point has changed or still glides, longest waiting first."""
        wanted = (np.array(self.pointing.look().requests) != self._done) | self._gliding
        return sorted(np.flatnonzero(wanted).tolist(), key=lambda v: float(self._asked_at[v]))

    def serve(self, voices: list[int], now: float) -> None:
        """Decode and publish the newest sound of each of `voices` at time `now`, seconds."""
        inputs = self.pointing.look().requests
        requests = [inputs[v] for v in voices]
        try:
            self._serve(voices, requests, now)
        # What is asked for stays on the board: dying of it, every process to come would.
        except Exception:
            for v, request in zip(voices, requests, strict=True):
                if self._done[v] != request or self._gliding[v]:
                    self._keep(v, request)
                    self._answered(v, request, now, gliding=False)

    def _serve(self, voices: list[int], requests: list[int], now: float) -> None:
        aims: list[LatentTarget] = []
        for v in voices:
            elapsed = now - float(self._asked_at[v])
            if not self._gliding[v]:
                elapsed = min(elapsed, SET_OUT_S)
            aims.append(self.pointing.aim(v, elapsed))
        recorded = [self._recorded(aim) for aim in aims]
        decoded = iter(
            self._sounds([a.latent for a, r in zip(aims, recorded, strict=True) if r is None])
        )
        for v, request, aim, own in zip(voices, requests, aims, recorded, strict=True):
            sound = next(decoded) if own is None else own.sound
            if sound is None:
                self._keep(v, request)
            else:
                self._publish(v, request, aim, sound, own)
            self._answered(v, request, now, gliding=not aim.arrived)

    def give(self, v: int, aim: LatentTarget) -> None:
        """Publish the sound of `aim`, wherever the voice points: it answers all that was asked."""
        own = self._recorded(aim)
        sound = self._sounds([aim.latent])[0] if own is None else own.sound
        request = self.pointing.look().requests[v]
        if sound is None:
            self._keep(v, request)
        else:
            self._publish(v, request, aim, sound, own)
        self._done[v] = request

    def _answered(self, v: int, request: int, now: float, *, gliding: bool) -> None:
        self.board.decoder[b.DECODES_SKIPPED] += max(0, request - int(self._done[v]) - 1)
        self._done[v], self._asked_at[v], self._gliding[v] = request, now, gliding

    def _keep(self, v: int, request: int) -> None:
        """The sound that the voice has serves this request too: nobody waits for another."""
        board = self.board
        board.sound_request[v, board.published[v] % b.BUFFERS] = request
        board.decoder[b.DECODES_FAILED] += 1

    def warm(self) -> None:
        """Do for no one what is slow the first time: whole waveforms, a mixture of Gaussians.

        On a thread of its own: it takes a second, beside which decoding goes on.
        """
        with suppress(Exception):  # whoever asks for it meets the same, and it is counted
            silence = np.full(self.board.sounds.shape[2:], -1e3, np.float32)
            for method in METHODS:
                if method.waveform is not None:
                    self.decoder.waveform(silence, method.waveform)
            self.pointing.warm()

    def rehearse(self) -> None:
        """Do all of it for no one, so that the next gesture finds it in the processor's caches."""
        with suppress(Exception):  # a gesture will meet the same, and count it
            frames = self.decoder.decode(self.pointing.rehearse())[0]
            if playable(frames):
                self.decoder.describe(frames)

    def _sounds(self, latents: list[np.ndarray]) -> list[DecodedSound | None]:
        """A sound that some voice has already is not decoded again; None is no sound at all."""
        known: list[DecodedSound | None] = [
            next((s for z, s in filter(None, self._last) if np.array_equal(z, latent)), None)
            for latent in latents
        ]
        fresh = [k for k, sound in enumerate(known) if sound is None]
        if fresh:
            began = time.perf_counter()
            decoded = self.decoder.decode(np.stack([latents[k] for k in fresh]))
            for k, frames in zip(fresh, decoded, strict=True):
                known[k] = self.decoder.describe(frames) if playable(frames) else None
            board = self.board
            spent = (time.perf_counter() - began) * 1e6 / len(fresh)
            board.decoder[b.DECODE_US] += 0.1 * (spent - board.decoder[b.DECODE_US])
        return known

    def _recorded(self, aim: LatentTarget) -> Recording | None:
        if self._originals is None or aim.original is None:
            return None
        return self._originals.of(aim.original)

    def _publish(
        self,
        v: int,
        request: int,
        aim: LatentTarget,
        sound: DecodedSound,
        recording: Recording | None = None,
    ) -> None:
        """`recording` is played instead of what the sound's magnitudes give."""
        board = self.board
        buffer = board.next_buffer(v)
        board.sounds[v, buffer] = sound.frames
        board.sound_gain[v, buffer] = sound.gain
        board.sound_level[v, buffer] = aim.level
        board.sound_onset[v, buffer] = sound.onset
        board.sound_end[v, buffer] = sound.end
        board.sound_request[v, buffer] = request
        board.sound_latent[v, buffer, : len(aim.latent)] = aim.latent
        board.sound_original[v, buffer] = -1 if aim.original is None else aim.original
        inputs = self.pointing.look()
        method = int(inputs.values[OFFSET["/phase"]])
        wave = recording.wave if recording is not None else None
        if wave is None and not inputs.held[v]:
            wave = self._whole(sound, method)
        board.sound_wave[v, buffer] = b.NO_WAVE if wave is None else b.MONO
        if wave is not None:
            board.waves[v, buffer] = wave
        if recording is not None and recording.side is not None:
            board.sides[v, buffer] = recording.side
            board.sound_wave[v, buffer] = b.STEREO
        board.publish(v)
        self._last[v] = None if recording is not None else (aim.latent, sound)

    def _whole(self, sound: DecodedSound, method: int) -> Floats | None:
        """The sound's waveform; None when the method is streamed, or another one is asked for
        before it is there."""
        reconstruct = METHODS[method].waveform
        if reconstruct is None:
            return None
        at = OFFSET["/phase"]
        work = partial(self.decoder.waveform, sound.frames, reconstruct)
        if self._background is None:
            return work()
        return self._background.run(work, lambda: int(self.board.values[at]) == method)
