"""Phase from magnitudes: equal to the published algorithm, and better than a reference method.

The reference vectors were computed by the library phaseret, from its own magnitudes.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from latentpad.benchmarks.phase import FINE, METHODS, convergence, played
from latentpad.benchmarks.signals import SOUNDS, tone
from latentpad.engine.play import phase
from latentpad.engine.play.integration import integrate
from latentpad.models.representation import GAMMA

Float64 = NDArray[np.float64]

REFERENCE = Path(__file__).parents[2] / "reference" / "rtpghi_libphaseret_vectors.npz"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return dict(np.load(REFERENCE))


def integrated(s: Float64, hop: int, gamma: float, tolerance: float, *, ahead: bool) -> Float64:
    """RTPGHI over (frames, bins) log-magnitudes, from log-magnitude 0 and phase 0.

    With look-ahead the reference has one frame of log-magnitude 0 in front, whose phase advance
    does not count. All its bins are equally loud: the reference's heap begins with the lowest and
    the highest one, and integrates from both as far as the middle.
    """
    bins = s.shape[1]
    empty = np.zeros(bins)
    before2 = before = angle = advance = empty
    seed, upward = np.array([1], np.uint32), np.zeros(bins)
    ends, middle = np.full(bins, -2.0), np.zeros(bins)
    ends[[0, -1]], middle[bins // 2] = 0.0, -1.0
    rows = [empty, *s] if ahead else list(s)
    out = []
    for n, now in enumerate(rows):
        after = rows[min(n + 1, len(rows) - 1)]
        tgrad, fgrad, estimated = np.zeros(bins), np.zeros(bins), np.zeros(bins)
        phase.gradient_time(now, gamma, hop, tgrad)
        phase.gradient_frequency(before2, before, now, after, ahead, gamma, hop, fgrad)
        front = ahead and n == 0
        integrate(
            ends if front else before, middle if front else now,
            angle, advance, tgrad, fgrad, tolerance, seed, upward, estimated,
        )  # fmt: skip
        out.append(estimated)
        advance = empty if front else tgrad
        before2, before, angle = before, now, estimated
    return np.array(out)


@pytest.mark.parametrize("ahead", [False, True], ids=["causal1", "causal0"])
def test_the_reference_implementations_phases_are_met(vectors: dict[str, Any], ahead: bool) -> None:
    """causal1 uses no frame ahead, causal0 one, so that its output lags by a frame."""
    kind = f"causal{0 if ahead else 1}_tol1e-06"
    wanted, mask = np.angle(vectors[f"c_{kind}"]), vectors[f"mask_{kind}"]
    s = np.log(np.maximum(vectors["S"], 1e-300))
    estimated = integrated(s, int(vectors["a"]), float(vectors["gamma"]), 1e-6, ahead=ahead)
    if ahead:  # the reference's first frame is the one put in front
        estimated, wanted, mask = estimated[1:-1], wanted[1:], mask[1:]
    off = np.angle(np.exp(1j * (estimated - wanted)))
    assert mask.shape == off.shape and mask.mean() > 0.5
    assert np.abs(off[mask]).max() < 1e-6


def test_gamma_is_the_hann_windows(vectors: dict[str, Any]) -> None:
    assert float(vectors["gamma"]) == pytest.approx(GAMMA["hann"] * int(vectors["M"]) ** 2)


spectra = arrays(np.float64, (6, 33), elements=st.floats(-30, 3))


@settings(max_examples=40)
@given(spectra)
def test_every_phase_is_wrapped_whatever_the_magnitudes(s: Float64) -> None:
    for ahead in (False, True):
        out = integrated(s, 8, 0.17 * 64**2, 1e-5, ahead=ahead)
        assert np.isfinite(out).all()
        assert np.abs(out[1 if ahead else 0 :]).max() <= 2 * math.pi


@settings(max_examples=40)
@given(spectra, st.floats(-20, 20))
def test_phases_do_not_depend_on_the_level(s: Float64, level: float) -> None:
    """Gradients, order of integration and tolerance are all relative."""
    rng = np.random.default_rng(0)
    s = s + rng.uniform(0, 1e-3, s.shape)  # no ties, which rounding would break either way
    frame = phase.frame(64, 8, "gauss")
    one, other = (_one_step(s + shift, frame.gamma, frame.hop) for shift in (0.0, level))
    assert np.abs(np.angle(np.exp(1j * (one - other)))).max() < 1e-6


def _one_step(s: Float64, gamma: float, hop: int) -> Float64:
    bins = s.shape[1]
    tgrad, fgrad, before, out = np.zeros((4, bins))
    phase.gradient_time(s[1], gamma, hop, before)
    phase.gradient_time(s[2], gamma, hop, tgrad)
    phase.gradient_frequency(s[0], s[1], s[2], s[3], True, gamma, hop, fgrad)
    integrate(
        s[1], s[2], np.zeros(bins), before, tgrad, fgrad, 1e-5, np.array([1], np.uint32),
        np.zeros(bins), out,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("name", sorted(GAMMA))
def test_a_steady_tones_phase_advances_by_its_frequency(name: str) -> None:
    """The slope of the log-magnitude over frequency gives the tone's position between the bins."""
    n_fft, hop, frequency_bin = 1024, 128, 40.37
    frame = phase.frame(n_fft, hop, name)
    time = np.arange(n_fft) - n_fft // 2
    spectrum = np.abs(np.fft.rfft(frame.window * np.cos(2 * np.pi * frequency_bin * time / n_fft)))
    advance = np.zeros(len(spectrum))
    phase.gradient_time(np.log(spectrum + 1e-9), frame.gamma, hop, advance)
    wanted = 2 * np.pi * frequency_bin * hop / n_fft
    # Exact for the Gaussian; the others only resemble it.
    assert advance[40] == pytest.approx(wanted, abs=0.01 if name == "gauss" else 0.05)


def test_an_impulses_phase_step_over_frequency_tells_its_time() -> None:
    n_fft, hop, late = 1024, 128, 50
    frame = phase.frame(n_fft, hop, "gauss")
    levels = []
    for n in (-1, 0, 1):
        sound = np.zeros(n_fft)
        sound[n_fft // 2 + late - n * hop] = 1
        levels.append(np.log(np.abs(np.fft.rfft(sound * frame.window))))
    step = np.zeros(n_fft // 2 + 1)
    phase.gradient_frequency(
        levels[0], levels[0], levels[1], levels[2], True, frame.gamma, hop, step
    )
    np.testing.assert_allclose(step, -2 * np.pi * late / n_fft, rtol=1e-2)


@pytest.mark.parametrize("name", sorted(GAMMA))
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 64), (1024, 128), (2048, 512)])
def test_overlapping_frames_add_up_to_one(name: str, n_fft: int, hop: int) -> None:
    frame = phase.frame(n_fft, hop, name)
    total = np.zeros(4 * n_fft)
    for start in range(0, 3 * n_fft + 1, hop):
        total[start : start + n_fft] += frame.window**2
    steady = total[n_fft : n_fft + hop]
    np.testing.assert_allclose(steady * frame.norm, 1, rtol=1e-5)


def test_a_spectrum_is_that_of_a_frame_centred_on_its_time() -> None:
    bins = 65
    spectrum = np.zeros(bins, np.complex64)
    phase.spectrum_of(np.ones(bins, np.float32), np.zeros(bins, np.float32), 1.0, spectrum)
    assert np.abs(np.fft.irfft(spectrum)).argmax() == 64
    angle = np.full(bins, 2.0, np.float32)
    phase.spectrum_of(np.ones(bins, np.float32), angle, 1.0, spectrum)
    assert spectrum[0].imag == spectrum[-1].imag == 0  # snapped: DC and Nyquist are real


def test_refining_keeps_the_magnitudes_and_comes_nearer_to_what_lies_before() -> None:
    frame = phase.frame(512, 64, "gauss")
    rng = np.random.default_rng(0)
    sound = rng.normal(size=512).astype(np.float32)
    wanted = np.fft.rfft(sound * frame.window)
    magnitude = np.abs(wanted).astype(np.float32)
    # What earlier frames of the same sound have left in the overlap.
    overlap = sound * (frame.window / np.maximum(frame.partial[0], 1e-9) - frame.window**2)
    overlap = overlap.astype(np.float32)

    def error(spectrum: NDArray[np.complex64]) -> float:
        return float(np.linalg.norm(spectrum - wanted) / np.linalg.norm(wanted))

    start = np.zeros(257, np.complex64)
    phase.spectrum_of(magnitude, rng.uniform(-3, 3, 257).astype(np.float32), 1.0, start)
    spectrum, angle = start.copy(), np.zeros(257, np.float32)
    phase.refine(magnitude, spectrum, overlap, frame.window, frame.partial[0], 1.0, 2, angle)
    np.testing.assert_allclose(np.abs(spectrum[1:-1]), magnitude[1:-1], rtol=1e-3)
    assert error(spectrum) < 0.75 * error(start)


@pytest.fixture(scope="module")
def figures() -> dict[str, tuple[float, float]]:
    """Spectral convergence in dB of the voices' default and of the reference method, for each
    sound."""
    hybrid, bar = METHODS["RTPGHI (1) + RTISI 2"], METHODS["Fast Griffin-Lim 32"]
    asked = {name: FINE.magnitudes(sound()) for name, sound in SOUNDS.items()}
    return {name: (convergence(m, hybrid(m)), convergence(m, bar(m))) for name, m in asked.items()}


def test_the_live_phase_beats_fast_griffin_lim(figures: dict[str, tuple[float, float]]) -> None:
    lead = {name: bar - hybrid for name, (hybrid, bar) in figures.items()}
    assert np.mean(list(lead.values())) >= 4
    assert min(lead[name] for name in ("steps", "pluck", "vibrato")) >= 2
    assert lead["noise"] >= -1


def test_each_step_of_the_hybrid_is_worth_its_cost() -> None:
    asked = [FINE.magnitudes(sound()) for sound in SOUNDS.values()]
    ladder = [
        np.mean([convergence(m, METHODS[name](m)) for m in asked])
        for name in ("RTPGHI", "RTPGHI (1)", "RTPGHI (1) + RTISI 2", "RTPGHI (2) + RTISI 2")
    ]
    assert all(worse - better > 0.5 for worse, better in pairwise(ladder))


def test_silence_stays_silent() -> None:
    assert not played(np.zeros((40, 513), np.float32)).any()


def test_the_waveform_lies_where_its_frames_do() -> None:
    sound = tone(1000)
    sound[:12000] = 0
    made = played(FINE.magnitudes(sound))
    level = np.sqrt(np.convolve(made**2, np.ones(64) / 64, "same"))
    assert abs(int(np.argmax(level > 0.5 * level.max())) - 12000) < 96
