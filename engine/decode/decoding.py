"""Decodes the voices' sounds: first what a voice plays next, then the rest."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.outlines import Outlines
from latentpad.engine.decode.pointing import DecoderInputs, Pointing
from latentpad.engine.decode.sound import describe, gain_of, playable
from latentpad.engine.decode.sounds import VoiceSound, VoiceSounds
from latentpad.engine.decode.windows import (
    REST,
    SIZES,
    Motion,
    first_windows,
    missing,
    motion,
    plays,
    rest_frame,
    window_from,
)
from latentpad.engine.parameters import OFFSET
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

SETTLED_S = 0.05  # after a point's last sound the rest of it is decoded
URGENT_S = 0.025  # frames that are played within this time are decoded before all else
LOOK_S = 0.01  # how often a voice that plays a sound in part is looked after, at least
IDLE_S = 0.1


class Decoding:
    """Begins and completes the sounds of the voices. One thread.

    A decoder that is not `windowed` decodes each sound whole.
    """

    def __init__(
        self,
        board: Board,
        pack: Pack,
        decoder: Decoder,
        pointing: Pointing,
        sounds: VoiceSounds,
        settled_s: float,
    ) -> None:
        self._board = board
        self._decoder = decoder
        self._outlines = Outlines(pack, decoder) if decoder.windowed else None
        self._representation = r = pack.representation
        self._hop_s = r.n_fft / 8 / r.sample_rate
        self._settled_s = settled_s
        self._pointing = pointing
        self._sounds = sounds
        self._window = min(SIZES[0], r.frames)

    def begin(
        self, voices: list[int], latents: list[Floats], whole: list[bool]
    ) -> list[VoiceSound | None]:
        """The sound of each latent, with the frames that its voice plays first, or `whole`. None
        if it cannot be decoded. What another voice has of a sound is not decoded again."""
        started = time.perf_counter()
        same = [self._sounds.same(latent) for latent in latents]
        new = [k for k, found in enumerate(same) if found is None]
        made = iter(self._new([latents[k] for k in new]))
        begun = [next(made) if found is None else self._sounds.copy(*found) for found in same]
        windows: dict[int, list[tuple[VoiceSound, int]]] = {}  # by their number of frames
        inputs = self._pointing.look()
        for v, sound, is_whole in zip(voices, begun, whole, strict=True):
            if sound.complete:
                continue
            if is_whole:
                sound.add(0, self._decoder.whole(sound.latent[None])[0])
                continue
            count, firsts = first_windows(
                self._motion(v, sound, inputs), self._restarts(inputs), len(sound.filled)
            )
            needed = [first for first in firsts if 0 in sound.filled[first : first + count]]
            windows.setdefault(count, []).extend((sound, first) for first in needed)
        for count, wanted in windows.items():
            for (sound, first), frames in zip(wanted, self._frames(wanted, count), strict=True):
                sound.add(first, frames)
        if new:
            us = (time.perf_counter() - started) * 1e6 / len(new)
            self._board.decoder[b.DECODE_US] += 0.1 * (us - self._board.decoder[b.DECODE_US])
        return [sound if sound.playable else None for sound in begun]

    def _new(self, latents: list[Floats]) -> list[VoiceSound]:
        """Sounds of latents that no voice has: outlines without frames, or whole sounds."""
        if not latents:
            return []
        stacked, r = np.stack(latents), self._representation
        if self._outlines is not None:
            return [
                VoiceSound(
                    latent, gain_of(o.loudness), o.onset, max(o.end, o.onset + 1),
                    bytearray(r.frames),
                )
                for latent, o in zip(latents, self._outlines.of(stacked), strict=True)
            ]  # fmt: skip
        return [
            VoiceSound.of(latent, describe(frames, r))
            for latent, frames in zip(latents, self._decoder.whole(stacked), strict=True)
        ]

    def is_needed(self, v: int) -> bool:
        """Whether the voice plays a shot of which it has not got all frames: its sound must not be
        replaced yet, as that of a loop may be."""
        board, inputs = self._board, self._pointing.look()
        if inputs.held[v] or not plays(board, inputs, v):
            return False
        incomplete = any(voice == v for voice, _ in self._incomplete())
        return incomplete or board.voice_fills[v] != board.fills[v]

    def fill_urgent(self, needed: list[int]) -> bool:
        """Decode frames that are played soon, of as many voices as a batch has, and of those that
        are `needed` any frames. Returns whether there were any."""
        inputs = self._pointing.look()
        hops = round(URGENT_S / self._hop_s) + 2
        urgent: list[tuple[int, int, int]] = []  # hops until then, voice, first frame
        for v, sound in self._incomplete():
            if self._board.voice_state[v] == b.FREE:
                continue
            where = self._motion(v, sound, inputs)
            found = missing(where, sound.filled, hops)
            if found is None and v in needed:
                found = rest_frame(where, sound.filled), hops
            if found is not None:
                frame, hop = found
                first = window_from(frame, where, self._window, len(sound.filled))
                urgent.append((hop, v, first))
        urgent = sorted(urgent)[: self._decoder.batch]
        self._fill([(v, first) for _, v, first in urgent], self._window)
        return bool(urgent)

    def fill_rest(self, now: float) -> float:
        """Decode one more window of a sound whose point has settled. Returns the seconds until
        there may be more to do, 0 if there is."""
        incomplete = self._incomplete()
        settled = [v for v, sound in incomplete if now - sound.begun_s >= self._settled_s]
        if not settled:
            if not incomplete:
                return IDLE_S
            return min(LOOK_S, *(self._settled_s - (now - s.begun_s) for _, s in incomplete))
        v = settled[0]
        sound = self._sounds.of(v)
        count = min(REST, len(sound.filled))
        where = self._motion(v, sound, self._pointing.look())
        first = window_from(rest_frame(where, sound.filled), where, count, len(sound.filled))
        self._fill([(v, first)], count)
        return 0.0

    def _frames(self, windows: list[tuple[VoiceSound, int]], count: int) -> Iterable[Floats]:
        """The windows of `count` frames that begin at a frame of each sound."""
        if not windows:
            return ()
        latents = np.stack([sound.latent for sound, _ in windows])
        return self._decoder.frames(latents, [first for _, first in windows], count)

    def _incomplete(self) -> list[tuple[int, VoiceSound]]:
        return [(v, sound) for v, sound in self._sounds.newest() if not sound.complete]

    def _motion(self, v: int, sound: VoiceSound, inputs: DecoderInputs) -> Motion:
        return motion(self._board, inputs, self._representation, v, sound.onset, sound.end)

    def _restarts(self, inputs: DecoderInputs) -> bool:
        """Whether a new sound is heard at once, without a morph."""
        return inputs.values[OFFSET["/morph"]] <= self._hop_s

    def _fill(self, windows: list[tuple[int, int]], count: int) -> None:
        """Decode windows, a voice and a first frame each, and add them to the voices' sounds."""
        sounds = [(self._sounds.of(v), first) for v, first in windows]
        for (v, first), frames in zip(windows, self._frames(sounds, count), strict=True):
            if playable(frames):
                self._sounds.fill(v, first, frames)
            else:
                self._sounds.give_up(v)
