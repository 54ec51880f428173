"""Listens to decoded sounds as a voice plays them, beside their recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.audio import reading
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
    and ViSQOL compares it where `has_visqol`. One thread."""

    def __init__(
        self, pack: Pack, decoder: Decoder, files: Mapping[int, Path], has_visqol: bool
    ) -> None:
        self.pack, self.files = pack, files
        self._decoder, self._has_visqol = decoder, has_visqol
        self._known: dict[int, AnchorFigures] = {}

    def played(self, latent: Floats) -> tuple[Floats, Floats]:
        """The decoded frames of a latent (D,), and the samples that a voice plays of them."""
        frames = self._decoder.whole(latent[None])[0]
        return frames, resynthesise(frames, self.pack.representation)

    def again(self, latent: Floats) -> Floats:
        """(frames, bins) dB of what is heard of a latent (D,)."""
        return heard.again(self.played(latent)[1], self.pack.representation)

    def recorded(self, anchor: int) -> tuple[Floats, Floats]:
        """An anchor's recording, its frames and its samples. Raises AudioError."""
        r = self.pack.representation
        samples = reading.read_samples(self.files[anchor], r)
        return heard.again(samples, r), samples

    def anchor(self, anchor: int) -> AnchorFigures:
        """An anchor beside its recording, or by itself where there is none. Raises AudioError."""
        if anchor not in self._known:
            r = self.pack.representation
            decoded, samples = self.played(self.pack.anchors.latents[anchor])
            again = heard.again(samples, r)
            if anchor in self.files:
                frames, recording = self.recorded(anchor)
                figures = AnchorFigures(
                    heard.detail(frames, again, r),
                    similarity.visqol(recording, samples, r) if self._has_visqol else NAN,
                    similarity.mae_db(frames, r.spectrum(decoded)),
                )
            else:
                alone = Detail(fine_db(again), NAN, contrast(again, r), NAN)
                figures = AnchorFigures(alone, NAN, NAN)
            self._known[anchor] = figures
        return self._known[anchor]
