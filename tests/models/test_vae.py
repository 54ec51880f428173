from __future__ import annotations

import numpy as np
import pytest

from latentpad.models import vae
from latentpad.models.reconstruction import contrast_errors, errors
from latentpad.models.representation import Representation
from latentpad.models.training.loss import dependence


@pytest.mark.parametrize("frames", [4, 30, 33])
@pytest.mark.parametrize("latent", [1, 4])
def test_shapes_are_the_representations(frames: int, latent: int) -> None:
    r = Representation(sample_rate=16000, n_fft=128, hop=64, frames=frames)
    encoder, decoder = vae.build(r, latent, width=8)
    assert encoder.input_shape == (None, frames, 65)
    assert encoder.output_shape == (None, 2 * latent)
    assert decoder.input_shape == (None, latent)
    assert decoder.output_shape == (None, frames, 65)


def test_the_prior_itself_costs_no_nats_and_all_else_does() -> None:
    zero = np.zeros((1, 3), np.float32)
    np.testing.assert_allclose(vae.kl(zero, zero), 0)
    # A mean one standard deviation off is half a nat; half the deviation ln 2 - 3/8.
    np.testing.assert_allclose(vae.kl(zero + 1, zero), 0.5)
    halved = zero + 2 * np.float32(np.log(0.5))
    np.testing.assert_allclose(vae.kl(zero, halved), np.log(2) - 0.375, rtol=1e-5)


def test_split_keeps_means_and_bounds_log_variances() -> None:
    mean, logvar = vae.split(np.array([[1.0, 2.0, -99.0, 99.0]], np.float32))
    np.testing.assert_array_equal(mean, [[1, 2]])
    np.testing.assert_array_equal(logvar, [[-10, 4]])


def test_the_loss_is_in_db_and_counts_sound_more_than_silence() -> None:
    sound = np.zeros((1, 20, 5), np.float32)
    sound[:, :4] = 0.8
    assert float(*errors(sound, sound, 90.0)) == 0
    assert float(*errors(sound, sound + 0.1, 90.0)) == pytest.approx(9, rel=1e-4)
    in_sound, in_silence = sound.copy(), sound.copy()
    in_sound[:, 0] += 0.1
    in_silence[:, 10] += 0.1
    heard = float(*errors(sound, in_sound, 90.0))
    assert heard > 10 * float(*errors(sound, in_silence, 90.0)) > 0


def test_a_tail_that_should_not_be_there_costs_as_much_as_one_that_is_missing() -> None:
    sound = np.zeros((1, 20, 5), np.float32)
    sound[:, :8] = 0.8
    longer, shorter = sound.copy(), sound.copy()
    longer[:, 8:10] = 0.8
    shorter[:, 6:8] = 0.0
    added, missed = (float(*errors(sound, y, 90.0)) for y in (longer, shorter))
    assert added == pytest.approx(missed, rel=0.25)


def test_the_contrast_of_a_blur_is_an_error_and_that_of_moved_peaks_is_not() -> None:
    peaks = np.full((1, 4, 64), 0.4, np.float32)
    peaks[:, :, ::4] = 0.8
    smooth = np.full_like(peaks, peaks.mean())
    moved = np.roll(peaks, 1, axis=2)
    assert float(*contrast_errors(peaks, peaks, 90.0, 16)) == 0
    blurred = float(*contrast_errors(peaks, smooth, 90.0, 16))
    assert blurred == pytest.approx(90 * peaks[0, 0, :16].std(), rel=0.02)
    assert float(*contrast_errors(peaks, moved, 90.0, 16)) < 0.01 * blurred
    assert float(*contrast_errors(peaks, peaks - 0.1, 90.0, 16)) < 0.01 * blurred


def test_the_peaks_of_noise_do_not_stay_so_their_contrast_is_not_asked_for() -> None:
    rng = np.random.default_rng(0)
    noise = (0.6 + rng.normal(0, 0.1, (2, 48, 64))).astype(np.float32)
    smooth, lines = np.full_like(noise, 0.6), np.repeat(noise[:, :1], 48, axis=1)
    of_noise, of_lines = (contrast_errors(sound, smooth, 90.0, 16) for sound in (noise, lines))
    assert float(np.max(of_noise)) < 0.05 * float(np.min(of_lines))


def test_dependence_is_of_latents_that_tell_the_same() -> None:
    z = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    assert float(dependence(z)) < 0.02
    same = np.stack([z[:, 0], -3 * z[:, 0]], axis=1)
    assert float(dependence(same)) == pytest.approx(1, abs=0.02)
    assert float(dependence(z[:, :1])) == 0
