"""A pack whose sounds are as clear as its latents: how loud, how bright, how long."""

from __future__ import annotations

import numpy as np
import pytest

from latentpad.models.packs import pack
from latentpad.models.representation import Representation, outline

R = Representation(sample_rate=16000, n_fft=256, hop=128, frames=60, range_db=80.0)


@pytest.fixture(scope="session")
def clear(tmp_path_factory: pytest.TempPathFactory) -> pack.Pack:
    """30 anchors of 3 latents; the decoder is one layer with weights of our own."""
    import keras

    time, tone = np.linspace(0, 1, R.frames)[:, None], np.linspace(0, 1, R.bins)[None]
    base = 2 - 5 * time - 2 * tone + 0.5 * np.sin(40 * tone)
    ways = np.stack(
        [base * 0 + 1.5 * np.cos(3 * tone), -2 * time + 0 * tone, np.sin(9 * tone * (1 + time))]
    )
    z = keras.Input((3,))
    flat = keras.layers.Dense(base.size, activation="sigmoid")
    decoder = keras.Model(z, keras.layers.Reshape(base.shape)(flat(z)))
    flat.set_weights([ways.reshape(3, -1), base.ravel()])
    latents = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    sounds = [R.unscaled(s) for s in np.asarray(decoder(latents))]
    names = np.array([f"sound {i}" for i in range(30)])
    made = pack.Pack(
        path=tmp_path_factory.mktemp("packs") / "clear",
        name="clear",
        title="Clear",
        licence="CC0",
        representation=R,
        latent_dim=3,
        kl=(1.0, 0.9, 0.8),
        anchors=pack.Anchors(
            latents=latents,
            labels=names,
            ids=names,
            names=names,
            loudness=np.array([outline(s, R)[0] for s in sounds], np.float32),
            onset=np.array([outline(s, R)[1] for s in sounds], np.float32),
        ),
        planes={"map": (latents[:, :2] + 0.3 * latents[:, 2:]).astype(np.float32)},
        default_plane="map",
    )
    splits = ["train"] * 24 + ["validation"] * 3 + ["test"] * 3
    rows = [
        {"id": n, "name": n, "label": n, "split": s} for n, s in zip(names, splits, strict=True)
    ]
    return pack.load(pack.save(made, None, decoder, rows))
