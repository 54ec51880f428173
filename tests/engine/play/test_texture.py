"""The texture that a sound tells by band and time, as a voice plays it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.benchmarks.signals import tone
from latentpad.engine.play import morph, voice
from latentpad.engine.play.memory import FrameSettings, Scratch, VoiceMemory, scratch, voice_memory
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.engine.play.texture import share_noise
from latentpad.models.audio.texture import BANDS, bands
from latentpad.models.representation import Representation
from tests.engine.stage import Stage, rms_db

Floats = NDArray[np.float32]

R = Representation(hop=128, frames=188, range_db=100.0, texture_bands=BANDS)
INSIDE = slice(6000, 18000)
CUT = bands(R)[18]  # a bin: below it are 18 bands
PLAY = FrameSettings(
    advance=1.0, low=0.0, high=188.0, loop=True, ratio=1.0, method=voice.RTPGHI, texture=0.0,
    lookahead=1, iterations=2, range_db=100.0, level=1.0, learned=1.0,
)  # fmt: skip


def partials() -> Floats:
    """Decibels of tones below and above `CUT`."""
    hz = CUT * R.sample_rate / R.n_fft
    sounds = [tone(hz * share, seconds=R.seconds) for share in (0.2, 0.4, 1.3, 1.6)]
    return R.decibels(R.magnitudes(sum(sounds, np.zeros(R.samples, np.float32))))


def smooth(*, gap: bool = False) -> Floats:
    """Decibels without partials: a steady spectrum that falls by 30 dB. A `gap` is around `CUT`."""
    steady = np.linspace(-20, -50, R.bins, dtype=np.float32)
    if gap:
        steady[int(0.9 * CUT) : int(1.3 * CUT)] = -R.range_db
    return np.tile(steady, (R.frames, 1))


def with_texture(decibels: Floats, texture: float | Floats) -> Floats:
    """Decoded frames of which bands (BANDS,) are so noise-like."""
    decoded = R.untextured(decibels)
    decoded[:, R.bins :] = texture
    return decoded


def high(samples: Floats, *, above: bool) -> Floats:
    """The part of the sound above `CUT`, or below."""
    spectrum = np.fft.rfft(samples)
    cut = round(CUT * len(samples) / R.n_fft)
    spectrum[slice(cut) if above else slice(cut, None)] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)


def likeness(one: Floats, other: Floats) -> float:
    return float(abs(np.corrcoef(one[INSIDE], other[INSIDE])[0, 1]))


def test_bands_that_are_noise_are_played_as_noise_and_the_others_coherently() -> None:
    decibels = smooth(gap=True)
    made = resynthesise(with_texture(decibels, (np.arange(BANDS) >= 19).astype(np.float32)), R)
    plain, noisy = resynthesise(decibels, R), resynthesise(decibels, R, method=voice.NOISE)
    for above in (False, True):
        parts = [high(sound, above=above) for sound in (made, plain, noisy)]
        as_loud = parts[2 if above else 1]
        assert rms_db(parts[0][INSIDE]) == pytest.approx(rms_db(as_loud[INSIDE]), abs=1.5)
        alike = likeness(parts[0], parts[1]), likeness(parts[0], parts[2])
        assert (alike[0] < 0.3 and alike[1] > 0.99) if above else alike[0] > 0.99


def test_a_texture_that_is_the_same_in_all_bands_is_as_that_of_the_parameter() -> None:
    decibels = smooth()
    for share in (0.3, 0.7):
        told = resynthesise(with_texture(decibels, share), R)
        np.testing.assert_allclose(told, resynthesise(decibels, R, texture=share), atol=2e-4)


def test_noise_of_the_parameter_is_added_to_what_the_sound_tells() -> None:
    """t = 1 - (1 - texture) (1 - learned * map)"""
    decibels = smooth()
    both = resynthesise(with_texture(decibels, 0.8), R, texture=0.4, learned=0.5)
    np.testing.assert_allclose(both, resynthesise(decibels, R, texture=0.64), atol=2e-4)


def test_partials_stay_coherent_in_a_band_that_is_noise_between_them() -> None:
    decibels = partials()
    floor = np.maximum(decibels, -50)
    told = resynthesise(with_texture(floor, 1.0), R)
    plain = resynthesise(floor, R)
    assert likeness(told, plain) > 0.98
    between = ~(decibels[40:150] > -50).any(axis=0)
    piece = slice(8192, 8192 + R.n_fft)
    spectrum = [np.fft.rfft(sound[piece] * np.hanning(R.n_fft)) for sound in (told, plain)]
    one, other = (each[between] for each in spectrum)
    assert abs(np.vdot(one, other)) < 0.4 * np.linalg.norm(one) * np.linalg.norm(other)


def test_noise_of_the_parameter_does_not_spare_partials() -> None:
    decibels = partials()
    noise = resynthesise(decibels, R, texture=1.0)
    told = resynthesise(with_texture(decibels, 0.5), R, texture=1.0)
    np.testing.assert_allclose(told, noise, atol=2e-4)


def test_without_its_share_a_sound_with_a_texture_is_as_one_without() -> None:
    decibels = partials()
    decoded = with_texture(decibels, 0.6)
    for texture in (0.0, 0.4, 1.0):
        made = resynthesise(decoded, R, texture=texture, learned=0.0)
        np.testing.assert_array_equal(made, resynthesise(decibels, R, texture=texture))


def test_no_texture_takes_no_noise() -> None:
    """The seed of the noise is where it was."""
    state, space = voice_memory(1, 188, R.n_fft, 1, BANDS), scratch(R.n_fft)
    state.tables[0, 1] = with_texture(partials(), 0.0)
    assert not share_noise(state, space, 0, PLAY, 60.0, 0.0)
    state.tables[0, 1, 61:, R.bins + 3] = 0.5
    assert share_noise(state, space, 0, PLAY, 60.5, 0.0)
    assert not share_noise(state, space, 0, PLAY._replace(learned=0.0), 60.5, 0.0)


def shares(state: VoiceMemory, space: Scratch, playhead: float, **changes: float) -> Floats:
    """(BANDS,) the shares of noise at a playhead."""
    play = PLAY._replace(**changes)  # type: ignore[arg-type]
    if not share_noise(state, space, 0, play, playhead, 0.0):
        return np.zeros(BANDS, np.float32)
    return np.asarray(1 - np.arcsin(np.clip(space.cosine, 0, 1)) * 2 / np.pi, np.float32)


def test_a_texture_is_interpolated_and_morphs_with_its_sound() -> None:
    state, space = voice_memory(1, 10, R.n_fft, 1, BANDS), scratch(R.n_fft)
    rng = np.random.default_rng(0)
    state.tables[0, :, :, : R.bins] = -30
    source, target = rng.uniform(0, 1, (2, 10, BANDS)).astype(np.float32)
    state.tables[0, 0, :, R.bins :], state.tables[0, 1, :, R.bins :] = source, target
    state.mix[0] = 0.25
    before = 0.75 * source + 0.25 * target
    loop = {"high": 10.0, "loop": False}
    np.testing.assert_allclose(shares(state, space, 4.0, **loop), before[4], atol=1e-3)
    between = 0.5 * before[4] + 0.5 * before[5]
    np.testing.assert_allclose(shares(state, space, 4.5, **loop), between, atol=1e-3)
    morph.begin_morph(state, 0)
    np.testing.assert_allclose(shares(state, space, 4.5, **loop), between, atol=1e-3)
    new = np.full((10, R.columns), 0.9, np.float32)
    morph.add_frames(state, 0, new, new[:, 0], np.arange(10) < 5)
    state.mix[0] = 1.0
    np.testing.assert_allclose(shares(state, space, 4.0, **loop), 0.9, atol=1e-3)
    np.testing.assert_allclose(shares(state, space, 5.0, **loop), before[5], atol=1e-3)


def test_silence_has_no_texture() -> None:
    state, space = voice_memory(1, 10, R.n_fft, 1, BANDS), scratch(R.n_fft)
    state.tables[0] = 0.8
    assert not shares(state, space, 12.0, loop=False).any()
    morph.begin_in_silence(state, 0)
    assert not shares(state, space, 4.0, loop=False).any()
    morph.begin_morph(state, 0)
    new = np.full((10, R.columns), 0.8, np.float32)
    morph.add_frames(state, 0, new, new[:, 0], np.arange(10) == 9)
    state.mix[0] = 0.5
    assert not shares(state, space, 4.0, loop=False).any()
    np.testing.assert_allclose(shares(state, space, 9.0, loop=False), 0.4, atol=1e-3)


def test_a_loop_of_an_even_texture_has_it_also_where_it_ends() -> None:
    state, space = voice_memory(1, 100, R.n_fft, 1, BANDS), scratch(R.n_fft)
    state.tables[0] = 0.7
    for playhead in np.arange(20, 40, 0.5):
        found = shares(state, space, float(playhead), low=20.0, high=40.0)
        np.testing.assert_allclose(found, 0.7, atol=1e-3)


def test_a_transposed_sound_has_its_noise_where_its_bins_are() -> None:
    hz = CUT * R.sample_rate / R.n_fft
    decibels = R.decibels(R.magnitudes(tone(0.6 * hz, seconds=R.seconds)))
    high_only = with_texture(decibels, (np.arange(BANDS) >= 19).astype(np.float32))
    made, plain = (resynthesise(d, R, ratio=2.0) for d in (high_only, decibels))
    assert likeness(made, plain) > 0.99  # now above the cut, but of the bands below


def test_a_voice_on_the_board_plays_it_as_far_as_its_row_says() -> None:
    """As the live voices and the offline renderer do: both are `Voices` on a board."""
    decoded = with_texture(smooth(gap=True), (np.arange(BANDS) >= 19).astype(np.float32))
    made = {}
    for learned in (1.0, 0.0):
        stage = Stage(R)
        stage.set("/texture/learned", learned)
        stage.voices.settle()
        stage.put_frames(0, decoded, end=R.frames)
        stage.start(0)
        made[learned] = stage.mono(0.4)[2000:]
    twice = Stage(Representation(hop=128, frames=188, range_db=100.0))
    twice.put_frames(0, R.spectrum(decoded), end=R.frames)
    twice.start(0)
    np.testing.assert_array_equal(made[0.0], twice.mono(0.4)[2000:])
    one, other = (made[k][2000:14000] for k in (1.0, 0.0))
    alike = [
        abs(np.corrcoef(high(one, above=above), high(other, above=above))[0, 1])
        for above in (False, True)
    ]
    assert alike[0] > 0.99 and alike[1] < 0.4


def test_a_sound_that_tells_no_texture_is_the_same_whatever_the_share() -> None:
    for texture in (0.0, 0.3):
        one, other = (
            resynthesise(partials(), R, texture=texture, learned=learned) for learned in (0.0, 1.0)
        )
        np.testing.assert_array_equal(one, other)
