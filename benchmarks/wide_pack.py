"""Untrained packs, for measurements: one of a larger decoder than the shipped ones, or of a window.

    python -m latentpad.benchmarks.wide_pack FOLDER [N_FFT]

With N_FFT the decoder is as `latentpad train --n-fft N_FFT` makes it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentpad.models.packs.pack import SHIPPED, Anchors, Pack, load, save
from latentpad.models.representation import Representation
from latentpad.models.training.config import Recipe, representation

LATENTS, WIDTH, HIDDEN = 64, 384, 512
ANCHORS = 200
CONTRAST = 150.0  # factor of the last layer's weights: sounds of different latents differ


def wide_pack(path: Path) -> Pack:
    """Write a pack of a larger decoder to a folder. Imports TensorFlow. Raises `PackError`."""
    return _untrained(path, "Wide, untrained", Representation(), LATENTS, WIDTH, HIDDEN)


def window_pack(path: Path, n_fft: int) -> Pack:
    """Write a pack of frames of `n_fft` samples to a folder. Imports TensorFlow. Raises
    `PackError`."""
    return _untrained(path, "Untrained", representation(n_fft), 4, Recipe().width, 128)


def _untrained(
    path: Path, title: str, r: Representation, latents: int, width: int, hidden: int
) -> Pack:
    from latentpad.models.vae import build

    like, dice = load(SHIPPED / "oneshots"), np.random.default_rng(0)
    points = dice.normal(size=(ANCHORS, latents)).astype(np.float32)
    names = np.array([f"sound {k}" for k in range(ANCHORS)])
    zeros = np.zeros(ANCHORS, np.float32)
    _, decoder = build(r, latents, width=width, hidden=hidden)
    last = [layer for layer in decoder.layers if layer.weights][-1]
    last.set_weights([CONTRAST * weights for weights in last.get_weights()])
    pack = replace(
        like,
        path=path,
        name=path.name,
        title=title,
        representation=r,
        latent_dim=latents,
        kl=(1.0,) * latents,
        anchors=Anchors(points, names, names, names, zeros, zeros),
        planes={"map": dice.uniform(size=(ANCHORS, 2)).astype(np.float32)},
        default_plane="map",
        training={},
        descriptors={},
    )
    save(pack, None, decoder, [])
    return load(path)


if __name__ == "__main__":
    if sys.argv[2:]:
        window_pack(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        wide_pack(Path(sys.argv[1]))
