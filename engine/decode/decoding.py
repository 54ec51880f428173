"""Decodes the voices' sounds: first what a voice plays next, then the rest."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import cast

import numpy as np

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.grain import SoundGrain
from latentpad.engine.decode.outlines import Outlines
from latentpad.engine.decode.pointing import DecoderInputs, Pointing
from latentpad.engine.decode.sound import MOST_DB, describe, gain_of, playable
from latentpad.engine.decode.sounds import VoiceSound, VoiceSounds
from latentpad.engine.decode.windows import (
    REST,
    SIZES,
    Motion,
    begins_at_onset,
    first_windows,
    missing,
    motion,
    plays,
    rest_frame,
    window_from,
)
from latentpad.engine.parameters import OFFSET, VOICES
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, frame_levels, loudness, onset_within

SETTLED_S = 0.05  # after a point's last sound the rest of it is decoded
MEASURED_S = 0.05  # between two sounds of a voice that are measured, at least
MEASURED_SHARE = 0.03  # of the processor, for measuring the sounds of a voice whose point moves
URGENT_S = 0.025  # frames that are played within this time are decoded before all else
TAKEN_UP_HOPS = 3  # after so many a voice plays its newest sound
LOOK_S = 0.02  # how often a voice that plays a sound in part is looked after, at least
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
        self._outlines = Outlines(pack, cast(FrameDecoder, decoder)) if decoder.windowed else None
        self._representation = r = pack.representation
        self._hop_s = r.n_fft / 8 / r.sample_rate
        self._settled_s = settled_s
        self._pointing = pointing
        self._sounds = sounds
        self._window = min(SIZES[0], r.frames)
        self._measured_at = [-math.inf] * VOICES
        self._measure_s = 0.0  # what measuring a sound takes

    def begin(
        self,
        voices: list[int],
        wanted_sounds: list[tuple[Floats, SoundGrain]],
        whole: list[bool],
    ) -> list[VoiceSound | None]:
        """The sound of each latent and grain, with the frames that its voice plays first, or
        `whole`. None if it cannot be decoded. What another voice has of a sound is not decoded
        again."""
        started = time.perf_counter()
        same = [self._sounds.same(latent, grain) for latent, grain in wanted_sounds]
        inputs = self._pointing.look()
        begun = [
            self._new(latent, grain) if found is None else self._sounds.copy(*found)
            for (latent, grain), found in zip(wanted_sounds, same, strict=True)
        ]
        for sound, is_whole in zip(begun, whole, strict=True):
            if is_whole and not sound.complete:
                sound.add(0, self._whole(sound.latent, sound.grain))
        self._guess(voices, begun, whole, inputs)
        wanted: dict[int, list[tuple[VoiceSound, int]]] = {}  # windows by their number of frames
        for v, sound in zip(voices, begun, strict=True):
            if not sound.complete:
                where = self._motion(v, sound, inputs, restarts=self._restarts(inputs))
                count, firsts = first_windows(where, len(sound.filled))
                needed = [first for first in firsts if 0 in sound.filled[first : first + count]]
                wanted.setdefault(count, []).extend((sound, first) for first in needed)
        for count, windows in wanted.items():
            self._add(windows, count)
        for sound in begun:
            if not sound.measured:
                sound.gain = min(sound.gain, gain_of(self._loudness(sound)))
        if any(found is None for found in same):
            us = (time.perf_counter() - started) * 1e6 / len(voices)
            self._board.decoder[b.DECODE_US] += 0.1 * (us - self._board.decoder[b.DECODE_US])
        return [sound if sound.playable else None for sound in begun]

    def _new(self, latent: Floats, grain: SoundGrain) -> VoiceSound:
        """The sound that no voice has: without frames, or whole."""
        if self._outlines is None:
            sound = describe(self._whole(latent, grain), self._representation)
            return VoiceSound.of(latent, sound, grain)
        count = self._representation.frames
        return VoiceSound(latent, MOST_DB, 0, count, bytearray(count), measured=False, grain=grain)

    def _whole(self, latent: Floats, grain: SoundGrain) -> Floats:
        """(frames, columns) all frames of a sound."""
        frames = self._decoder.whole(latent[None])[0]
        return grain.added(frames, slice(None), self._representation)

    def _guess(
        self,
        voices: list[int],
        sounds: list[VoiceSound],
        whole: list[bool],
        inputs: DecoderInputs,
    ) -> None:
        """Tell where each new sound begins and ends, as far as its voice has to know at once.

        A voice that plays goes on in the region of the sound before. One that begins with the
        beginning looks for it in the first frames. Only one that begins elsewhere has to have the
        outline.
        """
        begins = []
        for v, sound, is_whole in zip(voices, sounds, whole, strict=True):
            if sound.measured:
                continue
            before = self._sounds.get(v)
            if not is_whole and plays(self._board, inputs, v) and before is not None:
                sound.gain, sound.onset, sound.end = before.gain, before.onset, before.end
            elif not is_whole and begins_at_onset(inputs, v):
                begins.append(sound)
            else:
                self._measure(sound)
        self._find_onsets(begins)

    def _find_onsets(self, sounds: list[VoiceSound]) -> None:
        """Decode the beginnings of sounds as far as their onsets."""
        first = 0
        while sounds:
            first = min(first, self._representation.frames - self._window)
            begin = slice(first, first + self._window)
            self._add([(s, first) for s in sounds if 0 in s.filled[begin]], self._window)
            left = []
            for sound in sounds:
                onset = onset_within(self._levels(sound), self._representation)
                if onset is None and 0 in sound.filled:
                    left.append(sound)
                else:
                    sound.onset = onset or 0.0
            sounds, first = left, first + self._window

    def _levels(self, sound: VoiceSound) -> Floats:
        """The levels of its first frames, in dB."""
        return frame_levels(self._representation.spectrum(sound.beginning()))

    def _loudness(self, sound: VoiceSound) -> float:
        """The loudness of the frames that are decoded: it is as loud at least."""
        r = self._representation
        return loudness(r.spectrum(sound.decoded()), r)

    def _measure(self, sound: VoiceSound) -> bool:
        """Find the sound's level, beginning and end. Returns whether they are numbers."""
        assert self._outlines is not None
        (found,) = self._outlines.of(sound.latent[None], [sound.grain])
        sound.measured = True
        if not math.isfinite(found.loudness):
            return False
        sound.gain, sound.onset = gain_of(found.loudness), found.onset
        sound.end = max(found.end, found.onset + 1)
        return True

    def measure(self, now: float, needed: list[int]) -> bool:
        """Measure the sound that waits for it longest, at time `now`. Returns whether there was
        one. While a voice's point moves on and on, only some of its sounds are measured."""
        waiting = [
            (sound.begun_s, v)
            for v, sound in self._sounds.newest()
            if not sound.measured and (v in needed or self._may_measure(v, sound, now))
        ]
        if not waiting:
            return False
        v = min(waiting)[1]
        self._measured_at[v] = now
        began = time.perf_counter()
        if self._measure(self._sounds.of(v)):
            self._sounds.correct(v)
        self._measure_s += 0.1 * (time.perf_counter() - began - self._measure_s)
        return True

    def _may_measure(self, v: int, sound: VoiceSound, now: float) -> bool:
        settled = now - sound.begun_s >= self._settled_s
        pause = MEASURED_S if settled else max(MEASURED_S, self._measure_s / MEASURED_SHARE)
        return now - self._measured_at[v] >= pause

    def is_needed(self, v: int) -> bool:
        """Whether the voice plays a shot of which it has not got all: its sound must not be
        replaced yet, as that of a loop may be."""
        board, inputs = self._board, self._pointing.inputs
        if board.voice_loops[v] or not plays(board, inputs, v):
            return False
        sound = self._sounds.get(v)
        if sound is None:
            return False
        taken = board.voice_fills[v] == board.fills[v]
        return not (sound.complete and sound.measured and taken)

    def fill_urgent(self, now: float, needed: list[int]) -> bool:
        """Decode frames that are played soon, of as many voices as a batch has, and of those that
        are `needed` any frames. Returns whether there were any."""
        inputs = self._pointing.inputs
        hops = round(URGENT_S / self._hop_s) + 2
        urgent: list[tuple[int, int, int]] = []  # hops until then, voice, first frame
        for v, sound in self._incomplete():
            if self._board.voice_state[v] == b.FREE:
                continue
            taken_up = now - sound.begun_s > TAKEN_UP_HOPS * self._hop_s
            restarts = not taken_up and self._restarts(inputs)
            where = self._motion(v, sound, inputs, restarts=restarts)
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

    def _add(self, windows: list[tuple[VoiceSound, int]], count: int) -> None:
        """Decode windows of sounds that are not published yet."""
        for (sound, first), frames in zip(windows, self._frames(windows, count), strict=True):
            sound.add(first, frames)

    def _frames(self, windows: list[tuple[VoiceSound, int]], count: int) -> Iterable[Floats]:
        """The windows of `count` frames that begin at a frame of each sound."""
        if not windows:
            return ()
        latents = np.stack([sound.latent for sound, _ in windows])
        decoded = self._decoder.frames(latents, [first for _, first in windows], count)
        return [
            sound.grain.added(frames, slice(first, first + count), self._representation)
            for (sound, first), frames in zip(windows, decoded, strict=True)
        ]

    def _incomplete(self) -> list[tuple[int, VoiceSound]]:
        return [(v, sound) for v, sound in self._sounds.newest() if not sound.complete]

    def _motion(
        self, v: int, sound: VoiceSound, inputs: DecoderInputs, *, restarts: bool = False
    ) -> Motion:
        return motion(
            self._board, inputs, self._representation, v, sound.onset, sound.end, restarts=restarts
        )

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
