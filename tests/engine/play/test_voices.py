"""Sixteen voices, hop by hop: shots are complete, loops do not click, a bad sound harms no other.

Clicks are measured relative to the sound: the fourth difference of the samples is tiny for a tone
and large for a step.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.benchmarks.phase import played
from latentpad.benchmarks.signals import noise, tone, vibrato
from latentpad.engine import board as b
from latentpad.engine.board import Event
from latentpad.engine.parameters import OFFSET, VALUES, VOICES
from latentpad.engine.play.handover import resume
from latentpad.engine.play.mix import Instruction
from latentpad.engine.play.voice_control import VoiceSettings
from latentpad.engine.play.voices import SOUND_TIMEOUT_S, STARTS_A_HOP
from latentpad.models.representation import Representation, onset
from tests.engine.stage import FINE, Stage, clicks, pitch, rms_db
from tests.limits import limits

Floats = NDArray[np.float32]

COARSE = Representation(hop=256, frames=94, range_db=90.0)  # as the packs are
AT = 6400  # where a test's sound sets in, samples: frame 50 of FINE, 25 of COARSE
SILENT = -60.0  # dB below what sounded


def burst(at: int = AT) -> Floats:
    """A tone and noise that begin abruptly and decay within 0.2 s."""
    time = np.arange(9600) / 48000
    sound = np.zeros(FINE.samples, np.float32)
    hiss = 0.1 * np.random.default_rng(1).normal(size=len(time)) * np.exp(-time * 80)
    sound[at : at + len(time)] = 0.4 * np.sin(2 * np.pi * 700 * time) * np.exp(-time * 20) + hiss
    return sound


def click(at: int = AT) -> Floats:
    sound = np.zeros(FINE.samples, np.float32)
    sound[at] = 0.9
    return sound


def energy_db(x: Floats) -> float:
    return 10 * math.log10(float(np.square(x, dtype=np.float64).sum()) + 1e-20)


def measured_onset(sound: Floats, r: Representation) -> float:
    return onset(r.decibels(r.magnitudes(sound)), r)


def shot(stage: Stage, sound: Floats, at: float, seconds: float = 0.3, end: float = 130) -> Floats:
    """One shot as it is heard, without the limiter's delay."""
    stage.put(0, sound, onset=at, end=end)
    stage.start(0, "shot")
    return stage.mono(seconds)[stage.delay :]


# -- shots -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lookahead", [0, 1, 2])
def test_a_shots_first_sample_is_the_sounds_own(lookahead: int) -> None:
    """Nothing comes before it, and nothing is missing: it is as loud as an offline resynthesis."""
    stage = Stage(FINE)
    stage.set("/lookahead", lookahead)
    made = shot(stage, burst(), AT / FINE.hop)
    reference = played(FINE.magnitudes(burst()), lookahead=lookahead)[AT:]
    for span, allowed in ((48, 1.5), (480, 0.3), (4800, 0.2)):  # 1, 10, 100 ms
        assert energy_db(made[:span]) == pytest.approx(energy_db(reference[:span]), abs=allowed)


@pytest.mark.parametrize("r", [FINE, COARSE], ids=["hop 128", "hop 256"])
@pytest.mark.parametrize("at", [AT, AT + 50, AT + 101])
def test_from_the_onset_that_is_found_nothing_is_lost(r: Representation, at: int) -> None:
    for sound, allowed in ((burst(at), 0.5), (click(at), 2.0)):
        start = measured_onset(sound, r)
        early = at - start * r.hop
        assert 0 <= early < 0.0045 * r.sample_rate
        made = shot(Stage(r), sound, start, end=r.frames)
        # The same frames played from the silence long before it.
        reference = shot(Stage(r), sound, 0, end=r.frames)[round(start * r.hop) :]
        assert energy_db(made[:4800]) == pytest.approx(energy_db(reference[:4800]), abs=allowed)


def test_two_shots_at_one_hop_are_both_heard() -> None:
    both = Stage()
    for v, frequency in ((0, 500), (1, 3000)):
        both.put(v, tone(frequency, seconds=0.4, level=0.2))
        both.start(v, "shot")
    spectrum = FINE.magnitudes(both.mono(0.2)[3000:])[20]
    levels = [spectrum[round(f * 1024 / 48000)] for f in (500, 3000)]
    np.testing.assert_allclose(levels, 0.2, rtol=0.15)


def test_more_starts_than_a_hop_can_bear_are_delayed_and_not_lost() -> None:
    stage = Stage()
    count = 2 * STARTS_A_HOP + 1
    for v in range(count):
        stage.put(v, burst(0))
        stage.start(v, "shot")
    sounding = []
    for _ in range(3):
        stage.hops(1)
        sounding.append(sum(stage.state(v) == b.SOUNDING for v in range(count)))
    assert sounding == [STARTS_A_HOP, 2 * STARTS_A_HOP, count]


def test_starts_are_taken_in_the_order_they_came() -> None:
    stage = Stage()
    for v in (9, 2, 5):
        stage.put(v, burst(0))
        stage.start(v, "shot")
    stage.hops(1)
    assert [stage.state(v) for v in (9, 2, 5)] == [b.SOUNDING, b.SOUNDING, b.WAITING]


@pytest.mark.parametrize("speed", [1, 2, 0.5, -1, -2])
def test_a_shot_ends_by_itself_and_its_voice_is_free(speed: float) -> None:
    stage = Stage()
    stage.set("/loop/speed", speed)
    stage.play(0.3)
    made = shot(stage, burst(), 50, seconds=0.25 / abs(speed) + 0.1)
    assert stage.state(0) == b.FREE
    length = round(80 * FINE.hop / abs(speed))
    # Backwards it ends with its attack, which leaves the DC guard something to forget.
    assert rms_db(made[length + 1500 :]) < rms_db(made[:length]) - 45


def test_a_shot_can_be_played_backwards() -> None:
    stage = Stage()
    stage.set("/loop/speed", -1)
    stage.play(0.3)
    made = shot(stage, burst(), 50, end=110)
    quarters = [energy_db(part) for part in np.array_split(made[: 60 * FINE.hop], 4)]
    assert quarters == sorted(quarters)  # it swells to where it began
    assert energy_db(made) == pytest.approx(energy_db(burst()), abs=1)


def test_a_shot_is_not_cut_by_its_key() -> None:
    one, other = Stage(), Stage()
    for stage in (one, other):
        stage.put(0, burst(), onset=50, end=130)
    serial = one.start(0, "shot")
    other.start(0, "shot")
    first = one.hops(2), other.hops(2)
    one.release(0, serial)
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(one.play(0.3), other.play(0.3))


@pytest.mark.parametrize("speed", [1.0, -1.0, 0.5])
def test_a_whole_waveform_is_played_as_it_is(speed: float) -> None:
    wave = tone(600, seconds=0.4, level=0.3)
    stage = Stage()
    stage.set("/loop/speed", speed)
    stage.play(0.3)
    stage.put(0, wave, onset=20, end=120, wave=wave)
    stage.start(0, "shot")
    length = round(100 * FINE.hop / abs(speed))
    made = stage.mono(length / 48000 + 0.05)
    inside = made[1000 : length - 1000]
    assert rms_db(inside) == pytest.approx(rms_db(wave), abs=0.2)
    assert pitch(inside, 48000) == pytest.approx(600 * abs(speed), rel=1e-3)
    assert stage.state(0) == b.FREE and rms_db(made[length + 1500 :]) < rms_db(wave) - 45


# -- loops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1.0, -1.0, 0.3, 3.0])
@pytest.mark.parametrize("region", [(0.0, 1.0), (0.3, 0.5)])
def test_a_loop_runs_round_without_a_click(speed: float, region: tuple[float, float]) -> None:
    stage = Stage()
    stage.set("/loop/speed", speed)
    stage.set("/loop/start", region[0])
    stage.set("/loop/end", region[1])
    stage.put(0, tone(440, seconds=0.6), onset=8, end=170)
    stage.start(0)
    made = stage.mono(2.0)[9600:]
    # A step of a fifth of the tone's level would be a fourth difference of 0.3.
    assert clicks(made).max() < 0.05
    assert rms_db(made) == pytest.approx(rms_db(tone(440)), abs=1)
    levels = [rms_db(part) for part in np.array_split(made, 40)]
    assert min(levels) > rms_db(tone(440)) - 6
    low, high = (8 + 162 * share for share in region)
    assert low - 3 <= stage.voices.memory.playhead[0] <= high + 3


@pytest.mark.parametrize("speed", [1.0, -1.0, 0.3, 3.0])
def test_a_loop_closes_without_a_hole(speed: float) -> None:
    """Its two ends may be different tones: one fades in as the other fades out."""
    time = np.arange(FINE.samples) / FINE.sample_rate
    sweep = (0.5 * np.sin(2 * np.pi * (400 * time + 1200 * time**2))).astype(np.float32)
    stage = Stage()
    for address, value in (("/loop/speed", speed), ("/loop/start", 0.2), ("/loop/end", 0.8)):
        stage.set(address, value)
    stage.play(0.3)
    stage.put(0, sweep, onset=8, end=170)
    stage.start(0)
    made = stage.mono(2.0)[9600:]
    levels = [rms_db(part) for part in np.array_split(made, 200)]
    assert min(levels) > np.median(levels) - 5
    assert max(levels) < np.median(levels) + 3
    assert clicks(made).max() < 0.05


def test_a_loop_comes_back_to_its_attack() -> None:
    """In every round the attack is as loud as the first time."""
    stage = Stage()
    stage.put(0, burst(), onset=48, end=110)
    stage.start(0)
    made = stage.mono(1.0)
    turn = 62 * FINE.hop
    peaks = [np.abs(made[k * turn :][: turn // 2]).max() for k in range(1, 5)]
    assert min(peaks) > 0.7 * np.abs(burst()).max()


@pytest.mark.parametrize("sound", ["tone", "vibrato"])
def test_a_frozen_frame_holds_its_level(sound: str) -> None:
    stage = Stage()
    stage.put(0, tone(440) if sound == "tone" else 0.3 * vibrato())
    stage.start(0)
    stage.play(0.1)
    stage.set("/loop/freeze", 1)
    held = stage.mono(2.2)[4800:]
    levels = [rms_db(part) for part in held[: 20 * 4800].reshape(20, 4800)]
    assert np.ptp(levels) < 1
    assert levels[0] > -20
    at = float(stage.voices.memory.playhead[0])
    stage.hops(10)
    assert stage.voices.memory.playhead[0] == at


@pytest.mark.parametrize("morph", [0.03, 0.2, 1.0])
def test_a_morph_between_tones_has_no_click(morph: float) -> None:
    stage = Stage()
    stage.set("/morph", morph)
    stage.put(0, tone(440, seconds=0.6))
    stage.start(0)
    stage.play(0.2)
    stage.put(0, tone(700, seconds=0.6))
    made = stage.mono(morph + 0.3)
    assert clicks(made).max() < 0.05
    assert pitch(made[-8000:], 48000) == pytest.approx(700, rel=1e-3)


def test_a_morph_of_no_time_stays_bounded() -> None:
    stage = Stage()
    stage.set("/morph", 0)
    stage.put(0, tone(440, seconds=0.6))
    stage.start(0)
    stage.play(0.2)
    peak = 0.0
    for k in range(60):  # a new sound every other hop
        stage.put(0, tone(300 + 37 * (k % 13), seconds=0.6))
        peak = max(peak, float(np.abs(stage.hops(2)).max()) * math.sqrt(2))
    assert 0.2 < peak < 2 * 0.5
    stage.play(0.1)
    assert np.abs(stage.mono(0.2)).max() == pytest.approx(0.5, rel=0.3)


@pytest.mark.parametrize("morph", [0.0, 0.03, 0.3])
@pytest.mark.parametrize("lift", [-40.0, 40.0])
def test_sounds_of_one_level_morph_at_that_level(morph: float, lift: float) -> None:
    """One is decoded 40 dB below the other, with a gain of 40 dB. The gain must not be heard
    before the sound that it belongs to."""
    frames = FINE.decibels(FINE.magnitudes(tone(440, seconds=0.6)))
    stage = Stage()
    stage.set("/morph", morph)
    stage.put_frames(0, frames + min(lift, 0), gain=-6 - min(lift, 0))
    stage.start(0)
    before = np.abs(stage.mono(0.3)[7000:]).max()
    stage.put_frames(0, frames - max(lift, 0), gain=-6 + max(lift, 0))
    assert np.abs(stage.mono(morph + 0.2)).max() < 1.4 * before


def test_a_loop_starts_without_a_step() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    stage.start(0)
    made = stage.mono(0.1)
    assert clicks(made[stage.delay :]).max() < 0.05
    assert np.abs(made[: stage.delay + 2]).max() < 0.02


def test_a_loop_dies_away_in_its_release_and_is_free() -> None:
    stage = Stage()
    stage.set("/release", 0.2)
    stage.put(0, tone(440))
    serial = stage.start(0)
    stage.play(0.2)
    stage.release(0, serial)
    made = stage.mono(0.3)
    level = rms_db(tone(440))
    assert rms_db(made[4800 - 480 : 4800 + 480]) == pytest.approx(level - 30, abs=2)  # half way
    assert clicks(made).max() < 0.05
    assert stage.state(0) == b.FREE


def test_a_tap_shorter_than_a_decode_is_heard() -> None:
    stage = Stage()
    serial = stage.start(0, request=1)
    stage.hops(1)
    stage.release(0, serial)
    stage.hops(2)
    stage.put(0, tone(440), request=1)
    assert rms_db(stage.mono(0.1)) > rms_db(tone(440)) - 20
    stage.play(0.4)
    assert stage.state(0) == b.FREE


def test_the_release_of_an_earlier_voice_does_not_touch_the_present_one() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    first = stage.start(0)
    stage.play(0.1)
    stage.start(0)
    stage.hops(2)
    stage.release(0, first)
    stage.play(0.5)
    assert stage.state(0) == b.SOUNDING


def test_a_voice_waits_for_the_sound_it_asked_for() -> None:
    stage = Stage()
    stage.put(0, tone(440), request=1)
    stage.start(0, request=2)
    assert not stage.play(0.05).any() and stage.state(0) == b.WAITING
    stage.put(0, tone(2000), request=2)
    made = stage.mono(0.2)[2000:]
    assert pitch(made, 48000) == pytest.approx(2000, rel=1e-3)


def test_a_voice_whose_sound_never_comes_plays_the_last_or_gives_up() -> None:
    stage = Stage()
    stage.put(0, tone(440), request=1)
    stage.start(0, request=2)
    stage.start(1, request=1)
    stage.play(SOUND_TIMEOUT_S + 0.1)
    assert stage.state(0) == b.SOUNDING and stage.state(1) == b.FREE


def test_a_held_voice_waits_for_its_first_sound_however_long_that_takes() -> None:
    stage = Stage()
    stage.board.held[0] = 1
    stage.start(0, request=1)
    stage.play(SOUND_TIMEOUT_S + 0.1)
    stage.put(0, tone(440), request=1)
    stage.play(0.1)
    assert stage.state(0) == b.SOUNDING


# -- stealing, panic, harm -------------------------------------------------------------------


# -- a recording's own sides -----------------------------------------------------------------


def recorded(left: Floats, right: Floats, pan: float = 0.0) -> Floats:
    """(samples, 2): a shot of a recording with these sides, from its first sample on."""
    stage, half = Stage(), np.float32(0.5)
    with stage.board.writing():
        stage.board.pans[0] = pan
    level = 20 * math.log10(float(stage.r.magnitudes(tone(400, level=0.3)).max()))
    peak = np.float32(10 ** (level / 20))
    stage.put_frames(
        0, stage.r.decibels(stage.r.magnitudes(left)), end=180, gain=level,
        wave=half * (left + right) / peak, side=half * (left - right) / peak,
    )  # fmt: skip
    stage.start(0, "shot")
    return stage.play(0.5)[stage.delay :]


def test_a_recording_keeps_its_sides() -> None:
    left, right = tone(400, level=0.3), tone(900, level=0.2)
    made = recorded(left, right)[100:20000]
    for heard, side in zip(made.T, (left, right), strict=True):
        np.testing.assert_allclose(heard, side[100:20000] / math.sqrt(2), atol=6e-3)


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_sides_are_balanced_as_a_voice_in_the_middle_is_panned(pan: float) -> None:
    """Each side has the gain that one channel would have there."""
    alone = tone(400, level=0.3)
    usual, nothing = recorded(alone, alone, pan), np.zeros_like(alone)
    for side, pair in enumerate([(alone, nothing), (nothing, alone)]):
        made = recorded(*pair, pan)
        np.testing.assert_allclose(made[:, side], usual[:, side], atol=1e-4)
        assert np.abs(made[:, 1 - side]).max() < 1e-4


def test_sides_alike_are_one_channel_to_the_bit() -> None:
    wave = tone(600, seconds=0.4, level=0.3)
    made = [Stage(), Stage()]
    for stage, side in zip(made, (None, 0 * wave), strict=True):
        stage.set("/pitch", 3.0)
        stage.put(0, wave, wave=wave, side=side)
        stage.start(0, "shot")
    np.testing.assert_array_equal(made[0].play(0.5), made[1].play(0.5))


def test_sides_against_each_other_are_heard_on_both() -> None:
    wave = tone(500, level=0.3)
    made = recorded(wave, -wave)
    np.testing.assert_allclose(made[2000:12000, 0], -made[2000:12000, 1], atol=1e-5)
    assert rms_db(made[2000:12000, 0]) == pytest.approx(rms_db(wave) - 3, abs=0.5)


def test_a_voice_has_no_sides_after_a_recording_that_had() -> None:
    wave, stage = tone(500, level=0.3), Stage()
    stage.put(0, wave, wave=wave, side=wave)
    stage.start(0, "shot")
    stage.hops(40)
    stage.put(0, wave, wave=wave, request=1)
    stage.start(0, "shot", request=1)
    stage.hops(20)  # the rest of the first has gone
    made = stage.play(0.2)
    np.testing.assert_allclose(made[:, 0], made[:, 1], atol=1e-3)


def test_a_bad_side_is_guarded_too() -> None:
    wave, stage = tone(440), Stage()
    side = wave.copy()
    side[4800:] = np.nan
    stage.put(0, wave, wave=wave, side=side)
    stage.start(0, "shot")
    assert np.isfinite(stage.play(0.5)).all()
    assert stage.voices.guarded > 0


@pytest.mark.parametrize("kind", ["loop", "shot", "wave"])
@pytest.mark.parametrize("then", ["loop", "shot"])
def test_stealing_a_sounding_voice_makes_no_step(kind: str, then: str) -> None:
    sound = tone(300, seconds=0.5, level=0.4)
    stage = Stage()
    stage.put(0, sound, wave=sound if kind == "wave" else None)
    stage.start(0, "loop" if kind == "loop" else "shot")
    before = stage.mono(0.2)
    stage.put(0, 1e-3 * noise())
    stage.start(0, then)
    after = stage.mono(0.1)
    made = np.concatenate([before, after])
    largest_step = np.abs(np.diff(sound)).max()
    assert np.abs(np.diff(made[5000:])).max() < 1.2 * largest_step
    assert clicks(made[5000:]).max() < 0.03
    assert rms_db(after[-1000:]) < -50


@pytest.mark.parametrize("steal", [False, True])
def test_panic_is_silence_within_15_ms(steal: bool) -> None:
    stage = Stage()
    for v in range(4):
        stage.put(v, tone(300 + 100 * v, level=0.2))
        stage.start(v, "loop" if v % 2 else "shot")
    sounded = rms_db(stage.mono(0.2)[4800:])
    if steal:
        stage.start(0, request=9)
    stage.panic()
    made = stage.mono(0.2)
    assert rms_db(made[720:1200]) < sounded - 50
    assert rms_db(made[1200:]) < sounded + SILENT
    assert all(stage.state(v) == b.FREE for v in range(VOICES))
    assert clicks(made[1:]).max() < 0.1


def test_a_voice_starts_again_after_panic() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    stage.start(0)
    stage.play(0.1)
    stage.panic()
    stage.start(0)
    assert rms_db(stage.mono(0.2)[4800:]) == pytest.approx(rms_db(tone(440)), abs=0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("bins", [slice(None), slice(5, 6)], ids=["all", "one"])
@pytest.mark.parametrize("lookahead", [0, 1, 2])
def test_a_bad_sound_silences_its_own_voice_only_and_is_counted(
    bad: float, bins: slice, lookahead: int
) -> None:
    stage = Stage()
    stage.set("/lookahead", lookahead)
    frames = FINE.decibels(FINE.magnitudes(tone(440)))
    frames[10:, bins] = bad
    stage.put_frames(0, frames)
    stage.put(1, tone(1000))
    stage.start(0)
    stage.start(1)
    made = stage.mono(0.4)
    assert np.isfinite(made).all()
    assert stage.voices.guarded > 50
    inside = made[4800:15000]
    assert rms_db(inside) == pytest.approx(rms_db(tone(1000)), abs=0.5)
    assert pitch(inside, 48000) == pytest.approx(1000, rel=1e-3)


def test_a_voice_recovers_from_a_bad_sound_with_the_next() -> None:
    stage = Stage()
    stage.put_frames(0, np.full((FINE.frames, FINE.bins), np.nan, np.float32))
    stage.start(0)
    stage.play(0.1)
    assert stage.voices.guarded > 0
    stage.put(0, tone(440))
    stage.play(0.1)
    count = stage.voices.guarded
    assert rms_db(stage.mono(0.2)) == pytest.approx(rms_db(tone(440)), abs=0.5)
    assert stage.voices.guarded == count


def test_a_bad_waveform_is_guarded_too() -> None:
    wave = tone(440)
    wave[4800:] = np.nan
    stage = Stage()
    stage.put(0, tone(440), wave=wave)
    stage.start(0, "shot")
    made = stage.play(0.3)
    assert np.isfinite(made).all() and stage.voices.guarded > 0


def performed() -> Floats:
    """Many different things at once, at fixed hops."""
    stage = Stage(COARSE)
    rng = np.random.default_rng(0)
    out = []
    for k in range(120):
        v = k % 5
        if k % 3 == 0:
            stage.put(v, tone(200 * (v + 1))[: FINE.samples] + 0.2 * burst(), onset=v)
        if k % 7 == 0:
            stage.start(v, ("loop", "shot")[k % 2])
        if k % 20 == 0:
            stage.set("/texture", float(rng.uniform()))
            stage.set("/pitch", float(rng.integers(-12, 13)))
            stage.set("/loop/speed", float(rng.uniform(-2, 2)))
        out.append(stage.hops(1))
    return np.concatenate(out)


def test_the_same_events_give_the_same_samples() -> None:
    one, other = performed(), performed()
    np.testing.assert_array_equal(one, other)
    assert rms_db(one) > -40


def test_a_bundle_half_written_is_not_heard() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    stage.start(0)
    stage.play(0.1)
    with stage.board.writing():
        stage.set("/pan", 1)
        stage.set("/gain", -60)
        made = stage.play(0.1)
    np.testing.assert_allclose(made[:, 0], made[:, 1], rtol=1e-6)
    assert rms_db(stage.play(0.3)[9600:]) < -100


def test_the_events_of_a_bundle_half_written_are_not_heard() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    with stage.board.writing():
        stage.start(0)
        assert rms_db(stage.play(0.1)) < -100
    assert rms_db(stage.play(0.1)[1200:]) > -30


def noisy(stage: Stage, v: int, serial: int) -> Floats:
    """Shaped noise that voice `v` plays as the sound with this serial."""
    stage.set("/phase", "noise")
    stage.put(v, tone(440))
    assert stage.board.send(Event(b.START, v, 0, 0, 0.0, serial))
    return stage.play(0.2)


def test_a_sound_s_noise_depends_on_its_number_and_on_nothing_before() -> None:
    fresh, used = Stage(), Stage()
    noisy(used, 3, 1)
    noisy(used, 5, 2)
    used.panic()
    used.play(3.0)
    one, other = noisy(fresh, 0, 7), noisy(used, 3, 7)
    np.testing.assert_allclose(one, other, atol=1e-5)
    third = noisy(Stage(), 0, 8)
    assert abs(np.corrcoef(one[:, 0], third[:, 0])[0, 1]) < 0.5 < 20 * np.abs(third).max()


def test_a_glide_arrives_and_the_sound_is_as_if_nothing_else_had_been_before() -> None:
    deep = replace(FINE, range_db=120.0)  # its faintest bins get a phase by chance
    fresh, used = Stage(deep), Stage(deep)
    used.set("/texture", 0.85)
    used.play(0.1)
    used.set("/texture", 0)
    used.play(1.0)
    for stage in (fresh, used):
        stage.put(0, tone(440))
        assert stage.board.send(Event(b.START, 0, 0, 0, 0.0, 7))
    np.testing.assert_array_equal(fresh.play(1.0), used.play(1.0))


# -- level, pan, pitch -----------------------------------------------------------------------


def heard(stage: Stage) -> Floats:
    stage.put(0, tone(440, seconds=0.6), onset=8, end=170)
    stage.start(0)
    stage.play(0.3)
    return stage.play(0.3)


def test_gain_and_levels_are_decibels() -> None:
    usual = rms_db(heard(Stage())[:, 0])
    quieter = Stage()
    quieter.set("/gain", -12)
    quieter.set("/level", 4)
    with quieter.board.writing():
        quieter.board.levels[0] = -6
    assert rms_db(heard(quieter)[:, 0]) == pytest.approx(usual - 14, abs=0.05)


def test_the_lowest_gain_is_silence() -> None:
    stage = Stage()
    stage.set("/gain", -60)
    stage.set("/level", 24)
    assert rms_db(heard(stage)[9600:]) < -120


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.7, 1.0])
def test_a_pan_keeps_the_power(pan: float) -> None:
    stage = Stage()
    with stage.board.writing():
        stage.board.pans[0] = pan
    left, right = heard(stage).T
    power = np.square(left).mean() + np.square(right).mean()
    assert 10 * math.log10(power) == pytest.approx(rms_db(tone(440)), abs=0.2)
    wanted = math.tan((pan + 1) * math.pi / 4) if pan < 1 else math.inf
    assert math.sqrt(np.square(right).mean() / max(np.square(left).mean(), 1e-12)) == (
        pytest.approx(wanted, rel=0.02, abs=0.01) if pan < 1 else pytest.approx(1e5, rel=1e3)
    )


def test_dynamics_bring_the_recordings_own_level_back() -> None:
    stage = Stage()
    stage.set("/dynamics", 1)
    stage.board.sound_level[0] = -20
    assert rms_db(heard(stage)[:, 0]) == pytest.approx(rms_db(heard(Stage())[:, 0]) - 20, abs=0.1)


@pytest.mark.parametrize("semitones", [-12, 12])
def test_pitches_of_finger_and_instrument_add_up(semitones: float) -> None:
    stage = Stage()
    stage.set("/pitch", semitones + 5)
    with stage.board.writing():
        stage.board.pitches[0] = -5
    made = heard(stage)[:, 0]
    found_ = pitch(made, 48000)
    assert abs(1200 * math.log2(found_ / (440 * 2 ** (semitones / 12)))) < 4
    assert rms_db(made) == pytest.approx(rms_db(heard(Stage())[:, 0]), abs=1.5)


@pytest.mark.parametrize(
    ("address", "to"),
    [("/gain", -60), ("/pan", 1), ("/texture", 1), ("/pitch", 12), ("/loop/speed", -4)],
)
def test_no_control_clicks_when_it_jumps(address: str, to: float) -> None:
    stage = Stage()
    stage.put(0, tone(440))
    stage.start(0)
    stage.play(0.2)
    stage.set(address, to)
    made = stage.mono(0.3)
    # Noise has fourth differences of its own; a step of 0.5 would be 3.
    assert clicks(made).max() < (0.5 if address == "/texture" else 0.1)


def test_the_board_is_told_what_is_heard() -> None:
    stage = Stage()
    stage.put(3, tone(440, level=0.25), onset=10)
    serial = stage.start(3)
    stage.play(0.2)
    board = stage.board
    assert board.voice_state[3] == b.SOUNDING and board.voice_serial[3] == serial


# -- a decoder that is too fast ----------------------------------------------------------------


class Overtaken:
    """While it is set, every copied sound counts as overwritten."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set = True
        self._stage = stage
        monkeypatch.setattr("latentpad.engine.board.fence", self._publish)

    def _publish(self) -> None:
        if self.set:
            for v in range(VOICES):
                self._stage.board.published[v] += b.BUFFERS


@pytest.mark.parametrize("morph", [0.0, 0.1])
def test_a_sound_that_cannot_be_read_whole_is_taken_up_by_a_later_hop(
    morph: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    stage.set("/morph", morph)
    stage.put(0, tone(440))
    stage.start(0)
    stage.play(0.2)
    stage.put(0, tone(660))
    overtaken = Overtaken(stage, monkeypatch)
    held = stage.mono(0.2)
    assert pitch(held[4800:], 48000) == pytest.approx(440, rel=1e-3)
    assert rms_db(held) == pytest.approx(rms_db(tone(440)), abs=1) and clicks(held).max() < 0.05
    overtaken.set = False
    made = stage.mono(0.4)[9600:]
    assert pitch(made, 48000) == pytest.approx(660, rel=1e-3)


def test_a_voice_begins_with_a_whole_sound_or_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    stage.put(0, tone(440))
    overtaken = Overtaken(stage, monkeypatch)
    stage.start(0)
    assert not stage.mono(0.1).any() and stage.state(0) == b.WAITING
    overtaken.set = False
    assert pitch(stage.mono(0.3)[4800:], 48000) == pytest.approx(440, rel=1e-3)


# -- what a hand does ------------------------------------------------------------------------


def test_pressure_is_heard_after_an_attack_of_the_velocity_s_level() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    with stage.board.writing():
        stage.board.pressures[0] = -20.0
    stage.start(0)
    heard = stage.mono(0.4)[stage.delay :]
    assert rms_db(heard[240:720]) - rms_db(heard[9600:]) > 12


def test_expression_is_a_level_and_0_is_silence() -> None:
    stage = Stage()
    stage.put(0, tone(440))
    stage.start(0)
    stage.play(0.3)
    full = rms_db(stage.mono(0.2))
    stage.set("/expression", 0.5)
    stage.play(0.3)
    assert full - rms_db(stage.mono(0.2)) == pytest.approx(12.04, abs=0.2)
    stage.set("/expression", 0)
    stage.play(0.5)
    assert rms_db(stage.mono(0.2)) < full - 80


# -- after a restart -------------------------------------------------------------------------


def test_a_note_sounds_as_loud_again_after_a_restart() -> None:
    from latentpad.engine.control.instrument import Instrument, Sender
    from latentpad.engine.play.voices import Voices

    stage = Stage()
    instrument = Instrument(
        stage.board,
        limits(2),
        clock=lambda: 0.0,
    )
    instrument.apply("/note", (60, 40), Sender("midi keys:1"))
    stage.put(0, tone(440), request=int(stage.board.requests[0]))
    stage.play(0.1)
    before = rms_db(stage.mono(0.2))
    stage.voices = Voices(stage.board, FINE)
    resume(stage.voices)
    stage.play(0.1)
    assert rms_db(stage.mono(0.2)) == pytest.approx(before, abs=0.5)


def test_a_loop_that_is_just_being_let_go_when_the_player_begins_again_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from latentpad.engine.play.voices import Voices

    stage = Stage()
    board = stage.board
    stage.put(0, tone(440))
    serial = stage.start(0)
    board.held[0] = 1
    stage.play(0.1)
    change = board.writing()
    change.__enter__()
    stage.release(0, serial)

    def finish(seconds: float) -> None:
        if board.held[0]:
            board.held[0] = 0
            change.__exit__(None, None, None)

    monkeypatch.setattr("latentpad.engine.board.sleep", finish, raising=False)
    stage.voices = Voices(board, FINE)
    resume(stage.voices)
    finish(0)
    stage.play(1.0)
    assert stage.state(0) == b.FREE


@pytest.mark.parametrize("quality", [0, 1, 2, 3])
def test_every_quality_plays(quality: int) -> None:
    stage = Stage()
    stage.set("/lookahead", 2)
    stage.voices.quality = quality
    assert rms_db(heard(stage)[:, 0]) == pytest.approx(rms_db(tone(440)) - 3, abs=0.5)


# -- settings --------------------------------------------------------------------------------


def test_a_setting_is_read_from_the_row_that_it_is_named_after() -> None:
    settings = VoiceSettings.of(range(VALUES))
    for address, value in (
        ("/loop/speed", settings.loop_speed), ("/loop/start", settings.loop_start),
        ("/attack", settings.attack), ("/gain", settings.gain), ("/level", settings.level),
    ):  # fmt: skip
        assert value == OFFSET[address]


def test_the_kernel_s_record_has_an_instruction_s_fields_under_their_names() -> None:
    record = np.zeros(2, Instruction)
    written = (Instruction * 2).from_buffer(record.data)[1]
    for k, (name, *_) in enumerate(Instruction._fields_):
        setattr(written, name, k + 1)
        assert record[name].tolist() == [0, bool(k + 1) if name in ("active", "loops") else k + 1]
