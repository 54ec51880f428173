"""The kernels of one voice: pitch, level, texture, playhead, morph."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.benchmarks.phase import FINE, played
from latentpad.benchmarks.signals import noise, tone, vibrato
from latentpad.engine.play import morph, phase, voice
from latentpad.engine.play.memory import FrameSettings, scratch, voice_memory
from latentpad.engine.play.playhead import NEPER, magnitudes_at
from tests.engine.stage import pitch, rms_db

Floats = NDArray[np.float32]

INSIDE = slice(12000, 36000)


def play(**changes: float) -> FrameSettings:
    usual = FrameSettings(
        advance=1.0, low=0.0, high=100.0, loop=True, ratio=1.0, method=voice.RTPGHI, texture=0.0,
        lookahead=1, iterations=2, range_db=100.0, level=1.0,
    )  # fmt: skip
    return usual._replace(**changes)  # type: ignore[arg-type]


def cents(measured: float, wanted: float) -> float:
    return 1200 * math.log2(measured / wanted)


@pytest.mark.parametrize("frequency", [220.0, 440.0, 447.3, 1000.0, 3210.0])
@pytest.mark.parametrize("semitones", [-12, -5, -1, 0, 0.5, 7, 12])
def test_a_tone_is_transposed_in_tune_and_at_its_level(frequency: float, semitones: float) -> None:
    ratio = 2 ** (semitones / 12)
    made = played(FINE.magnitudes(tone(frequency)), ratio=ratio)[INSIDE]
    # Where the lobe reaches below 0 Hz the bins have less to tell the frequency by.
    allowed = 3 if frequency * ratio > 200 else 12
    assert abs(cents(pitch(made, 48000), frequency * ratio)) < allowed
    assert rms_db(made) == pytest.approx(rms_db(tone(frequency)[INSIDE]), abs=0.5)


@pytest.mark.parametrize("lookahead", [0, 1, 2])
def test_an_octave_up_is_in_tune_at_every_look_ahead(lookahead: int) -> None:
    made = played(FINE.magnitudes(tone(440)), ratio=2.0, lookahead=lookahead)[INSIDE]
    assert abs(cents(pitch(made, 48000), 880)) < 3
    assert rms_db(made) == pytest.approx(rms_db(tone(440)), abs=1.5)


def test_noise_has_the_level_of_the_coherent_sound() -> None:
    asked = FINE.magnitudes(noise())
    coherent, shaped = played(asked), played(asked, method=voice.NOISE)
    assert rms_db(shaped[INSIDE]) == pytest.approx(rms_db(coherent[INSIDE]), abs=1)
    assert abs(np.corrcoef(coherent[INSIDE], shaped[INSIDE])[0, 1]) < 0.2


def test_noise_is_shaped_by_the_magnitudes() -> None:
    asked = FINE.magnitudes(tone(2000) + 0.1 * tone(6000))
    measured = FINE.magnitudes(played(asked, method=voice.NOISE))
    level = 10 * np.log10(np.square(measured[50:-50]).mean(axis=0) + 1e-12)
    low, high, between = (level[round(f * 1024 / 48000)] for f in (2000, 6000, 4000))
    assert low - high == pytest.approx(20, abs=3)
    assert between < high - 30


def test_texture_cross_fades_at_even_power() -> None:
    asked = FINE.magnitudes(noise())
    levels = [rms_db(played(asked, texture=t)[INSIDE]) for t in np.linspace(0, 1, 9)]
    assert np.ptp(levels) < 1.5
    likeness = [
        abs(np.corrcoef(played(asked, texture=t)[INSIDE], played(asked)[INSIDE])[0, 1])
        for t in (0.0, 1.0)
    ]
    assert likeness[0] == pytest.approx(1) and likeness[1] < 0.2


def test_full_texture_is_the_noise_method() -> None:
    asked = FINE.magnitudes(vibrato())
    np.testing.assert_array_equal(played(asked, texture=1.0), played(asked, method=voice.NOISE))


@pytest.mark.parametrize("lookahead", [0, 1, 2])
@pytest.mark.parametrize("texture", [0.0, 0.5])
def test_the_same_magnitudes_give_the_same_samples(lookahead: int, texture: float) -> None:
    asked = FINE.magnitudes(noise())[:100]
    one, other = (played(asked, lookahead=lookahead, texture=texture) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("above", "heard"), [(0.0, False), (2.9, False), (3.1, True)])
def test_bins_at_the_floor_are_silence_and_not_hiss(above: float, heard: bool) -> None:
    state, space = voice_memory(1, 20, 256, 1), scratch(256)
    constants = phase.frame(256, 32, "gauss")
    state.tables[0, 1] = above - 100
    voice.clear_voice(state, 0, constants, 100.0)
    out = np.zeros((20, 32), np.float32)
    for hop in out:
        voice.play_frame(state, space, 0, constants, play(high=20.0), hop)
    assert out.any() == heard


# -- the playhead ----------------------------------------------------------------------------


@given(
    st.floats(-1e4, 1e4),
    st.floats(0, 100),
    st.floats(1, 100),
    st.floats(-16, 16),
)
def test_a_loops_playhead_stays_in_its_region(
    playhead: float, low: float, length: float, advance: float
) -> None:
    wrapped = voice.wrap(playhead, play(low=low, high=low + length, advance=advance))
    assert low <= wrapped <= low + length
    turns = (wrapped - playhead) / (low + length - low)
    assert turns == pytest.approx(round(turns), abs=1e-6)


@given(st.floats(-1e4, 1e4))
def test_a_shots_playhead_goes_where_it_goes(playhead: float) -> None:
    assert voice.wrap(playhead, play(loop=False)) == playhead


@pytest.mark.parametrize("advance", [0.5, -0.5, 3.0, -2.25])
def test_a_frame_moves_the_playhead(advance: float) -> None:
    state, space = voice_memory(1, 100, 256, 1), scratch(256)
    constants = phase.frame(256, 32, "gauss")
    out = np.zeros(32, np.float32)
    state.playhead[0] = 50
    for turn in range(1, 5):
        voice.play_frame(state, space, 0, constants, play(advance=advance), out)
        assert state.playhead[0] == 50 + turn * advance


def test_a_loop_of_a_steady_sound_is_steady() -> None:
    """At its end, the loop is cross-faded with what comes before its start."""
    r = FINE
    frames = r.decibels(r.magnitudes(tone(1000)))[100:200]
    state, space = voice_memory(1, 100, r.n_fft, 1), scratch(r.n_fft)
    constants = phase.frame(r.n_fft, r.hop, r.window)
    state.tables[0, 1] = frames
    voice.clear_voice(state, 0, constants, r.range_db)
    out = np.zeros((300, r.hop), np.float32)
    for hop in out:
        voice.play_frame(state, space, 0, constants, play(low=20.0, high=40.0), hop)
    steady = out[40:].ravel()
    levels = [rms_db(part) for part in np.array_split(steady, 60)]
    assert np.ptp(levels) < 0.3
    assert abs(cents(pitch(steady, r.sample_rate), 1000)) < 1


# -- whole waves -----------------------------------------------------------------------------


def waved(rate: float, hops: int, start: float = 0.0) -> Floats:
    state = voice_memory(1, 1, 64, 4800)
    state.waves[0] = tone(500, seconds=0.1)
    state.wave_position[0] = start
    out = np.zeros((hops, 100), np.float32)
    for hop in out:
        voice.play_wave(state, 0, rate, hop)
    return out.ravel()


def test_a_wave_at_rate_1_is_itself_and_then_silence() -> None:
    made = waved(1.0, 60)
    np.testing.assert_allclose(made[:4800], tone(500, seconds=0.1), atol=1e-7)
    assert not made[4800:].any()


def test_a_wave_backwards_is_itself_reversed() -> None:
    made = waved(-1.0, 60, start=4799)
    np.testing.assert_allclose(made[:4800], tone(500, seconds=0.1)[::-1], atol=1e-7)
    assert not made[4800:].any()


@pytest.mark.parametrize("rate", [0.5, 1.25, 2.0])
def test_a_wave_at_another_rate_is_transposed_without_grain(rate: float) -> None:
    made = waved(rate, int(4600 / rate / 100))
    time = np.arange(len(made)) * rate / 48000
    np.testing.assert_allclose(made[2:], 0.5 * np.sin(2 * np.pi * 500 * time)[2:], atol=1e-3)


# -- morph -----------------------------------------------------------------------------------


tables = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).uniform(-90, 0, (2, 5, 9)).astype(np.float32)
)


@settings(max_examples=50)
@given(tables, st.floats(0, 1))
def test_a_new_sound_is_adopted_without_a_step(pair: Floats, mix: float) -> None:
    """The sound right after is the sound right before, at any point of a morph."""
    state = voice_memory(1, 5, 16, 1)
    state.tables[0] = pair
    state.mix[0] = mix
    before = (1 - mix) * pair[0] + mix * pair[1]
    new = np.full((5, 9), -33, np.float32)
    morph.begin_morph(state, 0)
    assert state.mix[0] == 0 and not state.filled[0].any()
    np.testing.assert_allclose(state.tables[0, 0], before, atol=1e-3)
    decoded = np.array([True, False, True, True, False])
    morph.add_frames(state, 0, new, np.full(5, -20, np.float32), decoded)
    np.testing.assert_array_equal(state.filled[0], decoded)
    np.testing.assert_array_equal(state.tables[0, 1][decoded], new[decoded])


@settings(max_examples=50)
@given(tables, st.floats(0, 1), st.floats(0, 1), st.lists(st.booleans(), min_size=5, max_size=5))
def test_where_the_new_sound_is_not_decoded_the_one_before_is_heard(
    pair: Floats, mix: float, later: float, decoded: list[bool]
) -> None:
    state = voice_memory(1, 5, 16, 1)
    state.tables[0] = pair
    state.mix[0] = mix
    new = np.full((5, 9), -33, np.float32)
    morph.begin_morph(state, 0)
    morph.add_frames(state, 0, new, np.full(5, -20, np.float32), np.array(decoded))
    state.mix[0] = later
    row, heard = np.zeros(9, np.float32), np.zeros(9, np.float32)
    for k in range(5):
        magnitudes_at(state, 0, float(k), play(high=100.0), row, heard)
        before = (1 - mix) * pair[0, k] + mix * pair[1, k]
        expected = (1 - later) * before + later * (new[k] if decoded[k] else before)
        np.testing.assert_allclose(heard / NEPER, expected, atol=1e-3)


def test_a_frame_carries_the_level_it_was_made_with() -> None:
    asked = FINE.magnitudes(tone(1000))[:60]
    r = FINE
    state, space = voice_memory(1, 60, r.n_fft, 1), scratch(r.n_fft)
    constants = phase.frame(r.n_fft, r.hop, r.window)
    state.tables[0, 1] = r.decibels(asked)
    voice.clear_voice(state, 0, constants, r.range_db)
    out = np.zeros((60, r.hop), np.float32)
    for k, hop in enumerate(out):
        level = 1.0 if k < 30 else 100.0
        voice.play_frame(state, space, 0, constants, play(high=60.0, level=level), hop)
    peaks = np.abs(out).max(axis=1)
    # The louder frames come up under their window; nothing that was there before jumps.
    assert peaks[30] < 10 * peaks[29] < peaks[40]
