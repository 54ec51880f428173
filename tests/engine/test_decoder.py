"""The decoder with the shipped pack: latents in, decibels and what they say of the sound out."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.signals import tone
from engine.decoder import LEVEL_DB, MOST_DB, Decoder
from models.pack import Pack
from models.representation import Representation, loudness


def test_a_latent_becomes_a_sound_of_the_packs_shape(footsteps: Pack, decoder: Decoder) -> None:
    r = footsteps.representation
    frames = decoder.decode(footsteps.anchors.latents[:3])
    assert frames.shape == (3, r.frames, r.bins) and frames.dtype == np.float32
    assert np.isfinite(frames).all()
    assert frames.min() >= -r.range_db and frames.max() <= 0


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


@pytest.mark.parametrize("fast", [False, True])
def test_the_whole_waveform_has_the_sounds_spectrum(
    footsteps: Pack, decoder: Decoder, fast: bool
) -> None:
    r: Representation = footsteps.representation
    frames = decoder.decode(footsteps.anchors.latents[:1])[0]
    made = decoder.waveform(frames, fast=fast)
    assert made.shape == (r.samples,) and made.dtype == np.float32
    found = 20 * np.log10(r.magnitudes(made) + 1e-9)
    loud = frames > frames.max() - 40
    assert np.median(np.abs(found - frames)[loud]) < 3


def test_it_knows_what_a_decode_costs(decoder: Decoder) -> None:
    assert decoder.milliseconds > 0
    assert "CPU" in decoder.device or "GPU" in decoder.device
    assert decoder.batch >= 1
