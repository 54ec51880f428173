"""The pictures of a training and of its card."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from latentpad.models.audio import reading
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Floats
from latentpad.models.training import quality, reconstructions_picture, train
from latentpad.models.training.config import Recipe, TrainingConfig
from latentpad.models.training.preview import Preview


def test_the_preview_names_its_sounds_and_tells_them_from_what_is_made_of_them(
    small: pack.Pack, tmp_path: Path
) -> None:
    r = small.representation
    sounds = np.full((2, r.frames, r.bins), 0.5, np.float32)
    made = Preview(lambda x: {"decoded": x / 2}, sounds, ("tone 1", "noise 4"), r, tmp_path)
    made.update(3, {"loss": 1.0}, last=True)
    assert (tmp_path / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "preview.partial.png").exists()
    first, _, third, _, _ = made.figure(np.full_like(sounds, 0.25), 3).axes
    assert first.get_title() == "tone 1" and first.get_ylabel() == "recording\nkHz"
    assert third.get_ylabel() == "epoch 3\nkHz"
    assert np.asarray(third.images[0].get_array()).max() == pytest.approx(-0.75 * r.range_db)


def test_a_training_previews_unseen_sounds_under_their_own_names(
    small: pack.Pack, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[list[str], Floats]] = []

    class Watched(Preview):
        def figure(self, decoded: Floats, epoch: int) -> Any:
            shown.append((list(self._names), np.asarray(self._sounds)))
            return super().figure(decoded, epoch)

    monkeypatch.setattr(train.preview, "Preview", Watched)
    config = TrainingConfig(2, Recipe(width=16), small.representation, epochs=1, batch=4)
    made = train.train(recordings, tmp_path / "out", config, card=False, progress=False)
    names, sounds = shown[0]
    rows = {row["name"]: row for row in made.sources()}
    assert names and {rows[name]["split"] for name in names} == {"validation"}
    r = made.representation
    for name, sound in zip(names, sounds, strict=True):
        heard = reading.read_samples(recordings / rows[name]["id"], r)
        np.testing.assert_allclose(sound, r.scaled(r.decibels(r.magnitudes(heard))), atol=1e-3)


def test_a_card_shows_recordings_that_training_did_not_see(small: pack.Pack) -> None:
    splits = [row["split"] for row in small.sources()]
    chosen = reconstructions_picture.pictured_rows(splits)
    assert chosen == [i for i, split in enumerate(splits) if split == "test"]
    assert "Recordings, unseen in training, and what" in (small.path / "card.md").read_text()
    assert reconstructions_picture.pictured_rows(["test"] * 100) == [0, 14, 28, 42, 56, 70, 84, 99]
    assert reconstructions_picture.pictured_rows(["train"] * 3) == [0, 1, 2]


def test_a_card_s_picture_can_be_drawn_again_from_the_pack_and_its_recordings(
    small: pack.Pack, recordings: Path
) -> None:
    r = small.representation
    chosen = reconstructions_picture.pictured_rows([row["split"] for row in small.sources()])
    recorded = [
        r.decibels(r.magnitudes(reading.read_samples(recordings / str(small.anchors.ids[i]), r)))
        for i in chosen
    ]
    again = reconstructions_picture.draw(
        small, networks.load_decoder(small), chosen, recorded, quality.GRIFFINLIM.sound
    )
    old = imread(small.path / reconstructions_picture.FILE)
    new = imread(io.BytesIO(again))
    # The card's own recordings went through 16-bit floats.
    assert old.shape == new.shape and np.abs(old - new).mean() < 0.01
