"""Packs whose every sound is one tone, so that it can be heard which of them is played."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Anchors, Pack
from latentpad.models.representation import Representation

COUNT = 12  # anchors
QUIET, LOUD = -12.0, 12.0  # before the sigmoid: silence, and the loudest bin


def tone_pack(
    folder: Path, hz: float, r: Representation, dim: int = 3, planes: tuple[str, ...] = ("map",)
) -> Pack:
    """Write a pack of `dim` latents to `folder`; its sounds are tones of about `hz`."""
    rng = np.random.default_rng(0)
    names = np.array([f"sound{k}" for k in range(COUNT)])
    anchors = Anchors(
        rng.normal(size=(COUNT, dim)).astype(np.float32), names, names, names,
        np.full(COUNT, -20, np.float32), np.zeros(COUNT, np.float32),
    )  # fmt: skip
    made = Pack(
        folder, folder.name, folder.name, "CC0-1.0", r, dim, (1.0,) * dim, anchors,
        {name: rng.normal(size=(COUNT, 2)).astype(np.float32) for name in planes}, planes[0],
    )  # fmt: skip
    z = keras.Input((dim,))
    x = layers.Reshape((r.frames, 1))(layers.Dense(r.frames)(z))
    sound = layers.Conv1D(r.bins, 1, activation="sigmoid")
    decoder = keras.Model(z, sound(x))
    bias = np.full(r.bins, QUIET, np.float32)
    bias[round(hz * r.n_fft / r.sample_rate)] = LOUD
    sound.set_weights([np.zeros((1, 1, r.bins), np.float32), bias])
    packs.save(made, None, decoder, [{"id": name, "licence": "CC0-1.0"} for name in names])
    return packs.load(folder)


def bin_hz(hz: float, r: Representation) -> float:
    """The frequency of the bin that is nearest to `hz`."""
    return round(hz * r.n_fft / r.sample_rate) * r.sample_rate / r.n_fft
