"""Teaches a trained decoder to tell how noise-like its sounds are, by band and time.

A loss on magnitudes learns the median, so what was noise becomes smooth. The last layer gets
`BANDS` outputs more, a logistic readout of what it computes the magnitudes from, fitted to the
texture of the recordings. The rest of the decoder, and so its magnitudes, stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from latentpad.models import vae
from latentpad.models.audio.texture import BANDS, frame_texture
from latentpad.models.metrics import detail, heard
from latentpad.models.representation import Floats, Representation
from latentpad.models.training.dataset import Clip

if TYPE_CHECKING:
    from latentpad.models.training.quality import JudgedPhase

ROWS = 1 << 14  # frames that are fitted, at most: 16 MB for 256 channels
SOUNDS = 2048  # from as many sounds at most
DECODED = 32  # at once
ITERATIONS = 40
DECAY = 1e-4  # of the readout's squared weights, on features of variance 1
PLAYED = 24  # sounds that are played for the grain, at most
MOST = 2.0  # the largest factor
TRIES = 5  # factors that are tried after it
NEAR = 0.01  # below the grain that is wanted is near enough


@dataclass(frozen=True)
class TexturedModel:
    """A decoder that tells the texture of its sounds."""

    decoder: Any  # (batch, latent) -> (batch, frames, columns) in 0...1
    representation: Representation
    figures: dict[str, float]  # factor, and grain if it was measured


def textured(
    decoder: Any,
    latents: Floats,
    sounds: Any,
    representation: Representation,
    clips: Sequence[Clip],
    phase: JudgedPhase | None = None,
) -> TexturedModel:
    """The decoder with a texture learned from the sounds that it has learned from.

    `latents` (L, D), `sounds` (L, frames, bins) in 0...1 and L `clips` belong together. The texture
    that is learned is the measured one times a factor, 1 at most. With a method `phase` that plays
    it, the factor is the one with which the sounds, played and analysed again, have the grain of
    their recordings (`models.metrics.detail.grain`), up to `MOST`; else it is 1. Some seconds.
    """
    r = replace(representation, texture_bands=BANDS)
    chosen = [i for i, clip in enumerate(clips) if clip.split == "train"]
    learned = heard.evenly(chosen, SOUNDS)
    readout = _Readout(*_examples(decoder, latents, sounds, representation, learned))
    figures = {"factor": 1.0}
    if phase is not None:
        some = _Heard(decoder, latents, sounds, r, heard.evenly(chosen, PLAYED), phase)
        factor, grain = _calibrated(lambda k: some.grain(*readout.fit(k)))
        figures = {"factor": round(factor, 3), "grain": round(grain, 3)}
        readout.fit(factor)
    else:
        readout.fit(1.0)
    return TexturedModel(vae.with_outputs(decoder, *readout.weights), r, figures)


def _calibrated(grain_of: Callable[[float], float]) -> tuple[float, float]:
    """The smallest factor, about, whose grain is 1, or as near as it comes, and that grain."""
    factor, grain, too_small = MOST, grain_of(MOST), 0.0
    enough = min(1.0, grain) - NEAR
    for _ in range(TRIES):
        middle = (too_small + factor) / 2
        found = grain_of(middle)
        if found < enough:
            too_small = middle
        else:
            factor, grain = middle, found
    return factor, grain


def _examples(
    decoder: Any, latents: Floats, sounds: Any, r: Representation, chosen: Sequence[int]
) -> tuple[Floats, Floats]:
    """Features (rows, channels) and measured textures (rows, BANDS) of frames of the chosen
    sounds: every n-th, beginning with another one in each sound."""
    trunk = vae.trunk(decoder)
    step = -(-len(chosen) * r.frames // ROWS)
    features, measured = [], []
    for start in range(0, len(chosen), DECODED):
        part = list(chosen[start : start + DECODED])
        computed = np.asarray(trunk(latents[part], training=False))
        for k, (i, rows) in enumerate(zip(part, computed, strict=True)):
            kept = slice((start + k) % step, None, step)
            frames = r.unscaled(np.asarray(sounds[i], np.float32))
            features.append(rows[kept].astype(np.float32))
            measured.append(frame_texture(frames, r)[kept])
    return np.concatenate(features), np.concatenate(measured)


class _Readout:
    """A logistic regression from features (rows, channels) to textures (rows, BANDS)."""

    def __init__(self, features: Floats, measured: Floats) -> None:
        self._mean, spread = features.mean(axis=0), features.std(axis=0)
        # A channel that is nearly the same in all frames must not get a large weight.
        self._scale = 1 / (spread + np.float32(0.1) * spread.mean() + np.float32(1e-3))
        self._features = features
        self._features -= self._mean
        self._features *= self._scale
        self._measured = measured
        self._fitted = np.zeros((features.shape[1] + 1, BANDS))

    def fit(self, factor: float) -> tuple[Floats, Floats]:
        """Fit it to `factor` times the textures, from where the last fit ended. Returns its
        `weights`."""
        from scipy.optimize import minimize

        wanted = np.minimum(np.float32(factor) * self._measured, np.float32(1))
        shape, x, count = self._fitted.shape, self._features, len(wanted)

        def loss(flat: Any) -> tuple[float, Any]:
            """The cross-entropy and the decay, and their gradient."""
            fitted = flat.reshape(shape).astype(np.float32)
            logits = x @ fitted[:-1] + fitted[-1]
            entropy = (np.logaddexp(np.float32(0), logits) - wanted * logits).sum() / count
            error = (1 / (1 + np.exp(-logits)) - wanted) / np.float32(count)
            slope = np.vstack([x.T @ error + 2 * DECAY * fitted[:-1], error.sum(axis=0)])
            decay = DECAY * float(np.square(fitted[:-1]).sum())
            return float(entropy) + decay, slope.astype(np.float64).ravel()

        found = minimize(
            loss, self._fitted.ravel(), jac=True, method="L-BFGS-B",
            options={"maxiter": ITERATIONS},
        )  # fmt: skip
        self._fitted = found.x.reshape(shape)
        return self.weights

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """The kernel (channels, BANDS) and the bias (BANDS,) for features as they are."""
        kernel = (self._fitted[:-1].T * self._scale).T.astype(np.float32)
        return kernel, (self._fitted[-1] - self._mean @ kernel).astype(np.float32)


class _Heard:
    """Some sounds as their decoder makes them, played with any texture."""

    def __init__(
        self,
        decoder: Any,
        latents: Floats,
        sounds: Any,
        representation: Representation,
        chosen: Sequence[int],
        phase: JudgedPhase,
    ) -> None:
        self._r, self._phase = representation, phase
        self._features = np.asarray(vae.trunk(decoder)(latents[chosen], training=False))
        self._decoded = np.asarray(decoder(latents[chosen], training=False))
        r = representation
        self._recorded = [r.unscaled(np.asarray(sounds[i], np.float32)) for i in chosen]

    def grain(self, kernel: Floats, bias: Floats) -> float:
        """The mean grain of the sounds, with the texture of a readout."""
        r, grains = self._r, []
        for features, output, recorded in zip(
            self._features, self._decoded, self._recorded, strict=True
        ):
            texture = 1 / (1 + np.exp(-(features @ kernel + bias)))
            decoded = r.decoded(np.concatenate([output, texture], axis=1))
            again = heard.again(self._phase.sound(decoded, r), r)
            grains.append(detail.grain(recorded, again))
        return float(np.nanmean(grains))
