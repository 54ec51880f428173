"""Level, onset and end of a sound from a few of its frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.grain import NO_GRAIN, SoundGrain
from latentpad.engine.decode.layers import Indices
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import (
    Floats,
    Levels,
    Outline,
    Representation,
    decisive,
    levels,
    loudest_frames,
    outline_of,
)

# (until, every) in s: the frames that are sampled of any sound.
SAMPLED = ((0.08, 0.0), (0.32, 0.022), (np.inf, 0.048))
WINDOWS = 2  # decoded at most besides the samples, where the outline is decided
FLAT_DB = 1.0  # samples that differ by less need no frames between them for the loudness


class Outlines:
    """Measures the outline of a pack's sounds without decoding them whole. One thread.

    Most sounds begin at once, with their loudest 50 ms, so all of the first frames are decoded. Of
    the later ones samples are enough to find the loudest part, a late onset, and the end. Levels
    between samples are interpolated in dB. Where the loudest part or the onset lies between
    samples, the frames there are decoded too. So both are those of the whole sound, unless a peak
    lies hidden between two samples. The end is interpolated: some frames early or late.

    The result is a function of the pack and the latent. Nothing is fitted or stored.
    """

    def __init__(self, pack: Pack, decoder: FrameDecoder) -> None:
        self._representation = r = pack.representation
        self._decoder = decoder
        frames = sampled(r)
        self._plan = decoder.plan(frames.tolist())
        self._sampled = frames
        self._known = np.isin(np.arange(r.frames), frames)
        self._between: Floats = np.array(
            [np.interp(np.arange(r.frames), frames, sample) for sample in np.eye(len(frames))],
            np.float32,
        )
        self._window = min(2 * loudest_frames(r), r.frames)
        # The two samples to either side of each frame.
        before = np.searchsorted(frames, np.arange(r.frames), "right") - 1
        around = before[:, None] + np.arange(-1, 3)
        self._around: Indices = np.clip(around, 0, len(frames) - 1)

    def of(self, latents: Floats, grains: Sequence[SoundGrain] = ()) -> list[Outline]:
        """The outline of each sound; `latents` (n, D) float32, with the grain of each, if any.

        What the decoder computes for it is counted in `FrameDecoder.computed`: the frames `sampled`
        of each sound, and at most `WINDOWS` windows of twice `loudest_frames`. A sound's outline
        does not depend on the others, to the last bit. It is NaN if a frame that was decoded is.
        """
        grains = grains or [NO_GRAIN] * len(latents)
        return [self._of(latent, grain) for latent, grain in zip(latents, grains, strict=True)]

    def _of(self, latent: Floats, grain: SoundGrain) -> Outline:
        r = self._representation
        decoded = grain.added(self._decoder.at(latent, self._plan), self._sampled, r)
        weighted, total = levels(r.spectrum(decoded), r)
        weighted_db = 10 * np.log10(weighted + np.float32(1e-20))
        estimate = Levels(
            np.exp(weighted_db @ self._between * np.float32(np.log(10) / 10)),
            total @ self._between,
        )
        known = self._known.copy()
        for _ in range(WINDOWS):
            first = self._undecided(estimate, known, weighted_db)
            if first is None:
                break
            window = slice(first, first + self._window)
            frames = self._decoder.frames(latent[None], [first], self._window)[0]
            frames = grain.added(frames, window, r)
            estimate.weighted[window], estimate.total[window] = levels(r.spectrum(frames), r)
            known[window] = True
        if not np.isfinite(estimate.total).all():
            return Outline(np.nan, np.nan, np.nan)
        return outline_of(estimate, r)

    def _undecided(
        self, estimate: Levels, known: NDArray[np.bool_], sampled_db: Floats
    ) -> int | None:
        """The first frame of a window around what decides the outline and is interpolated.

        The onset comes first, and the loudest part with it if one window holds both.
        """
        r = self._representation
        loudest, rise = decisive(estimate, r)
        onset = [f for f in rise if not known[f]]
        wanted = onset + [f for f in loudest if not known[f]]
        if not wanted:
            return None
        spread = np.ptp(sampled_db[self._around[wanted]], axis=1)
        wanted = onset + [
            f for f, db in zip(wanted, spread, strict=True) if f in loudest and db >= FLAT_DB
        ]
        if not wanted:
            return None
        if onset and max(wanted) - min(wanted) >= self._window:
            wanted = onset
        middle = (min(wanted) + max(wanted) + 1) // 2
        return int(min(max(middle - self._window // 2, 0), r.frames - self._window))


def sampled(representation: Representation) -> Indices:
    """(n,) the frames that are decoded of any sound, ascending; the last one is among them."""
    r, frames, frame = representation, [], 0
    while frame < r.frames:
        frames.append(frame)
        every = next(every for until, every in SAMPLED if frame * r.hop / r.sample_rate < until)
        frame += max(1, round(every * r.sample_rate / r.hop))
    return np.unique([*frames, r.frames - 1])
