"""A pack whose decoder is larger than the shipped ones, untrained, for measurements.

python -m latentpad.benchmarks.wide_pack FOLDER
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentpad.models.packs.pack import SHIPPED, Anchors, Pack, load, save

LATENTS, WIDTH, HIDDEN = 64, 384, 512
ANCHORS = 200
CONTRAST = 150.0  # factor of the last layer's weights: sounds of different latents differ


def wide_pack(path: Path) -> Pack:
    """Write the pack to a folder. Imports TensorFlow. Raises `PackError`."""
    from latentpad.models.vae import build

    like, dice = load(SHIPPED / "oneshots"), np.random.default_rng(0)
    latents = dice.normal(size=(ANCHORS, LATENTS)).astype(np.float32)
    names = np.array([f"sound {k}" for k in range(ANCHORS)])
    zeros = np.zeros(ANCHORS, np.float32)
    _, decoder = build(like.representation, LATENTS, width=WIDTH, hidden=HIDDEN)
    last = [layer for layer in decoder.layers if layer.weights][-1]
    last.set_weights([CONTRAST * weights for weights in last.get_weights()])
    pack = replace(
        like,
        path=path,
        name=path.name,
        title="Wide, untrained",
        latent_dim=LATENTS,
        kl=(1.0,) * LATENTS,
        anchors=Anchors(latents, names, names, names, zeros, zeros),
        planes={"map": dice.uniform(size=(ANCHORS, 2)).astype(np.float32)},
        default_plane="map",
        training={},
        descriptors={},
    )
    save(pack, None, decoder, [])
    return load(path)


if __name__ == "__main__":
    wide_pack(Path(sys.argv[1]))
