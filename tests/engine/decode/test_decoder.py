"""The decoder with the shipped pack: from latents to decibels, and the properties of the sounds."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from latentpad.benchmarks.signals import tone
from latentpad.engine.decode.decoder import LEVEL_DB, MOST_DB, Decoder
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.phase_methods import METHODS, Waveform
from latentpad.models.packs import networks
from latentpad.models.packs.pack import Pack, PackError
from latentpad.models.representation import Representation, loudness


def test_a_latent_becomes_a_sound_of_the_packs_shape(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    frames = decoder.decode(footsteps.anchors.latents[:3])
    assert frames.shape == (3, r.frames, r.bins) and frames.dtype == np.float32
    assert np.isfinite(frames).all()
    assert frames.min() >= -r.range_db and frames.max() <= 0


def test_frames_stay_within_the_range_wherever_a_latent_may_be(
    footsteps: Pack, decoder: Decoder
) -> None:
    r = footsteps.representation
    bounds = LatentBounds.of(footsteps.anchors.latents)
    random = np.random.default_rng(0)
    corners = np.where(random.random((8, 4)) < 0.5, bounds.low, bounds.high)
    for latent in corners.astype(np.float32):
        frames = decoder.decode(latent[None])
        assert frames.min() >= -r.range_db and frames.max() <= 0
        decoder.describe(frames[0])


@pytest.fixture
def copy(footsteps: Pack, tmp_path: Path) -> Pack:
    """A pack whose decoder a test may change."""
    return replace(footsteps, path=Path(shutil.copytree(footsteps.path, tmp_path / "copy")))


def scaled(pack: Pack, first: float, last: float, activation: str = "sigmoid") -> Pack:
    """The pack with the weights of its first and last layer multiplied by a factor."""
    model = networks.load_decoder(pack)
    layers = [layer for layer in model.layers if layer.weights]
    for layer, factor in ((layers[0], first), (layers[-1], last)):
        layer.set_weights([factor * w for w in layer.get_weights()])
    layers[-1].activation = keras.activations.get(activation)
    model.save(pack.decoder_path)
    return pack


def test_a_decoder_whose_weights_overflow_is_refused_in_one_line(copy: Pack) -> None:
    with pytest.raises(PackError, match=r"copy: decoder\.keras gives no numbers for") as refused:
        Decoder(scaled(copy, 1e37, 1e37))
    assert len(str(refused.value).splitlines()) == 1


def test_a_decoder_that_overflows_only_where_latents_may_go_is_refused_too(copy: Pack) -> None:
    far = float(np.abs(copy.anchors.latents).max()) ** 2
    model = networks.load_decoder(copy)
    latent = keras.Input((copy.latent_dim,))
    far_away = keras.ops.sum(keras.ops.square(latent), axis=1)[:, None, None]
    grown = model(latent) * keras.ops.exp(keras.ops.maximum(far_away - 4 * far, 0))
    keras.Model(latent, grown).save(copy.decoder_path)
    with pytest.raises(PackError, match="the lower end of its latents"):
        Decoder(copy)


def test_a_decoder_far_too_loud_is_held_to_the_range(copy: Pack) -> None:
    decoder = Decoder(scaled(copy, 1, 1e28, "linear"))
    frames = decoder.decode(copy.anchors.latents[:1])[0]
    assert sorted({*frames.ravel().tolist()}) == [-copy.representation.range_db, 0.0]
    sound = decoder.describe(frames)
    assert all(map(math.isfinite, (sound.gain, sound.onset, sound.end)))


def test_sounds_do_not_depend_on_their_company(footsteps: Pack, decoder: Decoder) -> None:
    latents = footsteps.anchors.latents[:4]
    together = decoder.decode(latents)
    alone = np.concatenate([decoder.decode(z[None]) for z in latents])
    np.testing.assert_allclose(together, alone, atol=1e-2)
    assert np.abs(together[0] - together[1]).max() > 1


def test_the_same_latent_gives_the_same_sound_bit_for_bit(
    footsteps: Pack, decoder: Decoder
) -> None:
    z = footsteps.anchors.latents[7:8]
    np.testing.assert_array_equal(decoder.decode(z), decoder.decode(z))


def test_every_anchor_is_brought_to_one_level(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    for frames in decoder.decode(footsteps.anchors.latents[:16]):
        sound = decoder.describe(frames)
        assert loudness(frames + np.float32(sound.gain), r) == pytest.approx(LEVEL_DB, abs=0.01)
        assert 0 <= sound.onset < sound.end <= r.frames
        assert sound.end >= sound.onset + 1


def test_silence_is_not_blown_up(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    sound = decoder.describe(np.full((r.frames, r.bins), -r.range_db, np.float32))
    assert sound.gain == MOST_DB and sound.onset == 0 and sound.end == r.frames


def test_a_late_sound_is_described_as_late(decoder: Decoder, footsteps: Pack) -> None:
    r = footsteps.representation
    sound = np.zeros(r.samples, np.float32)
    sound[60 * r.hop : 100 * r.hop] = tone(1000)[: 40 * r.hop]
    described = decoder.describe(r.decibels(r.magnitudes(sound)))
    assert 60 - 0.002 * r.sample_rate / r.hop - 1 <= described.onset <= 60
    assert 100 <= described.end <= 100 + r.n_fft / r.hop


@pytest.mark.parametrize("reconstruct", [m.waveform for m in METHODS if m.waveform is not None])
def test_the_whole_waveform_has_the_sounds_spectrum(
    footsteps: Pack, decoder: Decoder, reconstruct: Waveform
) -> None:
    r: Representation = footsteps.representation
    frames = decoder.decode(footsteps.anchors.latents[:1])[0]
    made = decoder.waveform(frames, reconstruct)
    assert made.shape == (r.samples,) and made.dtype == np.float32
    measured = 20 * np.log10(r.magnitudes(made) + 1e-9)
    loud = frames > frames.max() - 40
    assert np.median(np.abs(measured - frames)[loud]) < 3


def test_it_knows_what_a_decode_costs(decoder: Decoder) -> None:
    assert decoder.milliseconds > 0
    assert "CPU" in decoder.device or "GPU" in decoder.device
    assert decoder.batch >= 1
