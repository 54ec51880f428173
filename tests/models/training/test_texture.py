"""The texture that a decoder learns to tell."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.engine.control.instrument import Sender
from latentpad.engine.offline import OfflineRenderer
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.evaluation.scoring import Reference, judge
from latentpad.models import vae
from latentpad.models.audio.texture import BANDS, bands, frame_texture
from latentpad.models.metrics import detail
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Representation
from latentpad.models.training.dataset import Clip
from latentpad.models.training.provenance import textured as sentence
from latentpad.models.training.quality import JudgedPhase
from latentpad.models.training.texture import MOST, _calibrated, textured

Floats = NDArray[np.float32]

R = Representation(sample_rate=16000, n_fft=256, hop=64, frames=64, range_db=80.0)
TONAL, NOISY, MIXED = range(3)  # by the index modulo 3
COUNT = 12


def sound(i: int) -> Floats:
    """Partials, noise, or partials below 3 kHz and noise above."""
    rng, time = np.random.default_rng(i), np.arange(R.samples) / R.sample_rate
    pitch = 250 + 20 * i
    partials = sum((np.sin(2 * np.pi * k * pitch * time) for k in range(1, 40)), 0 * time)
    noise = rng.normal(size=R.samples)
    spectra = [np.fft.rfft(x / np.std(x)) for x in (partials, noise)]
    hz = np.fft.rfftfreq(R.samples, 1 / R.sample_rate)
    low, high = ((TONAL, TONAL), (NOISY, NOISY), (TONAL, NOISY))[i % 3]
    return np.fft.irfft(np.where(hz < 3000, spectra[low], spectra[high])).astype(np.float32)


@pytest.fixture(scope="module")
def learned() -> tuple[Floats, Floats]:
    """(COUNT, frames, BANDS): the textures that a decoder tells of sounds that it has learned, and
    those that were measured."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(COUNT, 8)).astype(np.float32)
    decibels = [R.decibels(R.magnitudes(sound(i))) for i in range(COUNT)]
    sounds = np.stack([R.scaled(d) for d in decibels])
    keras.utils.set_random_seed(0)
    _, decoder = vae.build(R, 8, width=48)
    decoder.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mae")
    decoder.fit(latents, sounds, batch_size=COUNT, epochs=120, verbose=0)
    clips = [Clip(Path(), str(i), "", "", split="train") for i in range(COUNT)]
    made = textured(decoder, latents, sounds, R, clips)
    output = np.asarray(made.decoder(latents, training=False))
    before = np.asarray(decoder(latents, training=False))
    np.testing.assert_allclose(output[..., : R.bins], before, atol=1e-6)
    assert made.figures == {"factor": 1.0} and made.representation.columns == output.shape[2]
    return output[..., R.bins :], np.stack([frame_texture(d, R) for d in decibels])


def test_a_decoder_tells_noise_from_partials_band_by_band(learned: tuple[Floats, Floats]) -> None:
    told, measured = learned
    high = np.arange(BANDS) >= np.searchsorted(bands(R), 3500 * R.n_fft / R.sample_rate)
    low = np.arange(BANDS) < np.searchsorted(bands(R), 2500 * R.n_fft / R.sample_rate) - 1
    kind = np.arange(COUNT) % 3
    for each in (told, measured):
        mixed = each[kind == MIXED]
        assert each[kind == NOISY].mean() > each[kind == TONAL].mean() + 0.4
        assert mixed[..., high].mean() > mixed[..., low].mean() + 0.4
    assert np.corrcoef(told.ravel(), measured.ravel())[0, 1] > 0.8
    assert np.abs(told - measured).mean() < 0.16


def test_the_factor_is_the_one_with_which_the_grain_is_that_of_the_recordings() -> None:
    tried: list[float] = []

    def rising(factor: float) -> float:
        tried.append(factor)
        return min(0.7 + 0.25 * factor, 1.1)

    factor, grain = _calibrated(rising)
    assert grain == pytest.approx(1, abs=0.02) and rising(factor) == grain
    assert len(tried) <= 8 and max(tried) == MOST


@pytest.mark.parametrize("most", [0.8, 0.9, 1.0])
def test_noise_that_adds_no_grain_is_not_added(most: float) -> None:
    """Where the grain stays below 1, the factor is a small one of those with the most grain."""
    factor, grain = _calibrated(lambda k: min(0.7 + 0.4 * k, most))
    assert grain == pytest.approx(most, abs=0.011) and factor <= (most - 0.7) / 0.4 + 0.07


def test_a_calibrated_texture_has_the_grain_of_its_recordings() -> None:
    """Of a decoder whose last layer gives smooth magnitudes of noise."""
    rng = np.random.default_rng(5)
    noises = rng.normal(size=(3, R.samples)).astype(np.float32)
    decibels = [R.decibels(R.magnitudes(noise)) for noise in noises]
    _, decoder = vae.build(R, 2, width=8)
    level = R.scaled(np.full(1, np.mean(decibels), np.float32))[0]
    kernel, bias = decoder.layers[-1].get_weights()
    decoder.layers[-1].set_weights([0 * kernel, 0 * bias + np.log(level / (1 - level))])
    latents = rng.normal(size=(3, 2)).astype(np.float32)
    clips = [Clip(Path(), str(i), "", "", split="train") for i in range(3)]
    sounds = np.stack([R.scaled(d) for d in decibels])
    phase = JudgedPhase("a voice", resynthesise)
    made = textured(decoder, latents, sounds, R, clips, phase)
    plain = resynthesise(np.full((R.frames, R.bins), np.mean(decibels), np.float32), R)
    smooth = detail.grain(decibels[0], R.decibels(R.magnitudes(plain)))
    assert made.figures["grain"] == pytest.approx(1, abs=0.02) and smooth < 0.95


def test_a_pack_tells_its_texture_and_what_the_card_says_of_it(small: Pack) -> None:
    assert small.representation.texture_bands == BANDS
    assert small.training["texture"] == {"factor": 1.0}
    assert "texture_bands = 24" in (small.path / "model.toml").read_text(encoding="utf-8")
    assert sentence({"factor": 1.0}) == ""
    told = sentence({"factor": 1.25, "grain": 0.981})
    assert "times 1.25" in told and "0.98 of the grain" in told


def rendered(pack: Pack, learned: float) -> Floats:
    renderer = OfflineRenderer(pack)
    player = Sender("test")
    renderer.instrument.apply("/texture/learned", (learned,), player)
    renderer.voices.settle()
    renderer.instrument.apply("/pad/1/xy", (0.4, 0.6), player)
    return np.concatenate([renderer.hop() for _ in range(120)])


def test_an_instrument_plays_it_the_same_each_time(small: Pack) -> None:
    one, again, without = (rendered(small, learned) for learned in (1.0, 1.0, 0.0))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one).max() > 1e-3 and np.abs(one - without).max() > 1e-3


def test_an_evaluation_hears_it_and_compares_the_decibels(small: Pack) -> None:
    r = small.representation
    decibels = R.decibels(R.magnitudes(sound(NOISY)))[: r.frames, : r.bins]
    noisy = r.untextured(decibels)
    noisy[:, r.bins :] = 1.0
    reference = Reference(b"", decibels, None, noisy)
    (same, other) = judge(r, reference, np.stack([noisy, r.untextured(decibels)]))
    assert same.mae_db == other.mae_db == 0
    assert same.log_spectral_db < 0.1 < other.log_spectral_db
