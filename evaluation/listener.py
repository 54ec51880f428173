"""Listens to decoded sounds as a voice plays them, beside their recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.grain import NO_GRAIN, Grain, SoundGrain, blended_amounts
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.audio import reading
from latentpad.models.grain import Steps, anchor_residual
from latentpad.models.metrics import heard, similarity
from latentpad.models.metrics.detail import contrast, fine_db
from latentpad.models.metrics.heard import Detail
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

NAN = float("nan")


class AnchorFigures(NamedTuple):
    """An anchor beside its recording. NaN where a figure is not measured."""

    detail: Detail
    visqol: float
    mae_db: float


class Listener:
    """The sounds of a pack, whose recordings are in `files`, by anchor. Each anchor is heard once,
    and once with `/grain` 1, and ViSQOL compares it where `has_visqol`. One thread."""

    def __init__(
        self, pack: Pack, decoder: Decoder, files: Mapping[int, Path], has_visqol: bool
    ) -> None:
        self.pack, self.files = pack, files
        self._decoder, self._has_visqol = decoder, has_visqol
        self._known: dict[tuple[int, bool], AnchorFigures] = {}
        self._grain = Grain(self, waits=True)

    def played(self, latent: Floats, grain: SoundGrain = NO_GRAIN) -> tuple[Floats, Floats]:
        """The decoded frames of a latent (D,) with its grain, and the samples that a voice plays
        of them."""
        r = self.pack.representation
        frames = grain.added(self._decoder.whole(latent[None])[0], slice(None), r)
        return frames, resynthesise(frames, r)

    def again(self, latent: Floats, grain: SoundGrain = NO_GRAIN) -> Floats:
        """(frames, bins) dB of what is heard of a latent (D,) with its grain."""
        return heard.again(self.played(latent, grain)[1], self.pack.representation)

    def residual(self, anchor: int) -> Steps | None:
        """As `models.grain.Residuals.residual`, of the recordings."""
        if anchor not in self.files:
            return None
        latent, r = self.pack.anchors.latents[anchor], self.pack.representation
        return anchor_residual(self.recorded(anchor)[0], latent, self._decoder.whole, r)

    def grain(self, blended: AnchorWeights) -> list[SoundGrain]:
        """The grain of points that blend these anchors, with `/grain` 1."""
        return [self._grain.of(wanted)[0] for wanted in blended_amounts(blended)]

    def recorded(self, anchor: int) -> tuple[Floats, Floats]:
        """An anchor's recording, its frames and its samples. Raises AudioError."""
        r = self.pack.representation
        samples = reading.read_samples(self.files[anchor], r)
        return heard.again(samples, r), samples

    def anchor(self, anchor: int, *, grained: bool = False) -> AnchorFigures:
        """An anchor, or with `/grain` 1, beside its recording, or by itself where there is none.
        Raises AudioError."""
        if (anchor, grained) not in self._known:
            r = self.pack.representation
            alone = AnchorWeights(np.array([[anchor]]), np.ones((1, 1)))
            grain = self.grain(alone)[0] if grained else NO_GRAIN
            decoded, samples = self.played(self.pack.anchors.latents[anchor], grain)
            again = heard.again(samples, r)
            if anchor in self.files:
                frames, recording = self.recorded(anchor)
                figures = AnchorFigures(
                    heard.detail(frames, again, r),
                    similarity.visqol(recording, samples, r) if self._has_visqol else NAN,
                    similarity.mae_db(frames, r.spectrum(decoded)),
                )
            else:
                detail = Detail(fine_db(again), NAN, contrast(again, r), NAN)
                figures = AnchorFigures(detail, NAN, NAN)
            self._known[anchor, grained] = figures
        return self._known[anchor, grained]
