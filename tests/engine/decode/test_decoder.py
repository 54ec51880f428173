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
from latentpad.engine.decode.decoder import Decoder, fastest_decoder
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.keras_decoder import KerasDecoder
from latentpad.engine.decode.sound import LEVEL_DB, MOST_DB, describe, whole_waveform
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.phase_methods import METHODS, Waveform
from latentpad.models.packs import networks
from latentpad.models.packs.pack import SHIPPED, Pack, PackError
from latentpad.models.representation import Floats, Representation, loudness


def test_a_latent_becomes_a_sound_of_the_packs_shape(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    frames = decoder.whole(footsteps.anchors.latents[:3])
    assert frames.shape == (3, r.frames, r.columns) and frames.dtype == np.float32
    check_range(frames, r)


def check_range(frames: Floats, r: Representation) -> None:
    """The decibels are within the representation's range, the texture within 0...1."""
    decibels, texture = r.spectrum(frames), frames[..., r.bins :]
    assert np.isfinite(frames).all()
    assert decibels.min() >= -r.range_db and decibels.max() <= 0
    assert (texture >= 0).all() and (texture <= 1).all()


def test_frames_stay_within_the_range_wherever_a_latent_may_be(
    footsteps: Pack, decoder: Decoder
) -> None:
    r = footsteps.representation
    bounds = LatentBounds.of(footsteps.anchors.latents)
    random = np.random.default_rng(0)
    corners = np.where(random.random((8, footsteps.latent_dim)) < 0.5, bounds.low, bounds.high)
    for latent in corners.astype(np.float32):
        frames = decoder.whole(latent[None])
        check_range(frames, r)
        describe(frames[0], r)


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
        fastest_decoder(scaled(copy, 1e37, 1e37))
    assert len(str(refused.value).splitlines()) == 1


def test_a_decoder_that_overflows_only_where_latents_may_go_is_refused_too(copy: Pack) -> None:
    far = float(np.abs(copy.anchors.latents).max()) ** 2
    model = networks.load_decoder(copy)
    latent = keras.Input((copy.latent_dim,))
    far_away = keras.ops.sum(keras.ops.square(latent), axis=1)[:, None, None]
    grown = model(latent) * keras.ops.exp(keras.ops.maximum(far_away - 4 * far, 0))
    keras.Model(latent, grown).save(copy.decoder_path)
    with pytest.raises(PackError, match="the lower end of its latents"):
        fastest_decoder(copy)


def test_a_decoder_far_too_loud_is_held_to_the_range(copy: Pack) -> None:
    decoder, _ = fastest_decoder(scaled(copy, 1, 1e28, "linear"))
    r = copy.representation
    frames = decoder.whole(copy.anchors.latents[:1])[0]
    assert np.unique(r.spectrum(frames)).tolist() == [-r.range_db, 0.0]
    check_range(frames, r)
    sound = describe(frames, r)
    assert all(map(math.isfinite, (sound.gain, sound.onset, sound.end)))


def test_sounds_do_not_depend_on_their_company(footsteps: Pack, decoder: Decoder) -> None:
    latents = footsteps.anchors.latents[:4]
    together = decoder.whole(latents)
    alone = np.concatenate([decoder.whole(z[None]) for z in latents])
    np.testing.assert_allclose(together, alone, atol=1e-2)
    assert np.abs(together[0] - together[1]).max() > 1


def test_the_same_latent_gives_the_same_sound_bit_for_bit(
    footsteps: Pack, decoder: Decoder
) -> None:
    z = footsteps.anchors.latents[7:8]
    np.testing.assert_array_equal(decoder.whole(z), decoder.whole(z))


def test_every_anchor_is_brought_to_one_level(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    for frames in decoder.whole(footsteps.anchors.latents[:16]):
        sound = describe(frames, r)
        level = loudness(r.spectrum(frames) + np.float32(sound.gain), r)
        assert level == pytest.approx(LEVEL_DB, abs=0.01)
        assert 0 <= sound.onset < sound.end <= r.frames
        assert sound.end >= sound.onset + 1


def test_silence_is_not_blown_up(footsteps: Pack) -> None:
    r = footsteps.representation
    sound = describe(np.full((r.frames, r.bins), -r.range_db, np.float32), r)
    assert sound.gain == MOST_DB and sound.onset == 0 and sound.end == r.frames


def test_a_late_sound_is_described_as_late(footsteps: Pack) -> None:
    r = footsteps.representation
    sound = np.zeros(r.samples, np.float32)
    sound[60 * r.hop : 100 * r.hop] = tone(1000)[: 40 * r.hop]
    described = describe(r.decibels(r.magnitudes(sound)), r)
    assert 60 - 0.002 * r.sample_rate / r.hop - 1 <= described.onset <= 60
    assert 100 <= described.end <= 100 + r.n_fft / r.hop


@pytest.mark.parametrize("reconstruct", [m.waveform for m in METHODS if m.waveform is not None])
def test_the_whole_waveform_has_the_sounds_spectrum(
    footsteps: Pack, decoder: Decoder, reconstruct: Waveform
) -> None:
    r: Representation = footsteps.representation
    frames = decoder.whole(footsteps.anchors.latents[:1])[0]
    made = whole_waveform(frames, r, reconstruct)
    assert made.shape == (r.samples,) and made.dtype == np.float32
    measured = 20 * np.log10(r.magnitudes(made) + 1e-9)
    asked = r.spectrum(frames)
    loud = asked > asked.max() - 40
    assert np.median(np.abs(measured - asked)[loud]) < 3


def test_a_stack_of_known_layers_is_decoded_without_tensorflow(footsteps: Pack) -> None:
    decoder, milliseconds = fastest_decoder(footsteps)
    assert isinstance(decoder, FrameDecoder) and milliseconds > 0
    assert decoder.windowed and "NumPy" in decoder.device and decoder.batch >= 1


def test_any_other_model_is_decoded_by_tensorflow(copy: Pack) -> None:
    model = networks.load_decoder(copy)
    latent = keras.Input((copy.latent_dim,))
    keras.Model(latent, model(latent)).save(copy.decoder_path)
    decoder, milliseconds = fastest_decoder(copy)
    assert isinstance(decoder, KerasDecoder) and milliseconds > 0
    assert (not decoder.windowed and "CPU" in decoder.device) or "GPU" in decoder.device
    latents = copy.anchors.latents[:2]
    whole = decoder.whole(latents)
    np.testing.assert_allclose(whole, FrameDecoder(footsteps_of(copy)).whole(latents), atol=1e-3)
    parts = decoder.frames(latents, [3, 40], 16)
    np.testing.assert_array_equal(parts, np.stack([whole[0, 3:19], whole[1, 40:56]]))


def footsteps_of(copy: Pack) -> Pack:
    """The shipped pack that a copy was made of."""
    return replace(copy, path=SHIPPED / "footsteps")
