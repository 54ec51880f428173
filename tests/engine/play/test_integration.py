"""The phase integration without a heap equals that with one, as the paper has it."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latentpad.engine.play.integration import integrate

Float64 = NDArray[np.float64]

TOLERANCE = 1e-5


def by_heap(
    s_before: Float64, s: Float64, phase_before: Float64, tgrad: Float64, fgrad: Float64
) -> tuple[Float64, Float64]:
    """RTPGHI's algorithm 1 (Průša & Søndergaard, DAFx-16): phases (bins,), and where they are
    meant. `tgrad` (2, bins) are those of both frames."""
    audible = s > max(s.max(), s_before.max()) + math.log(TOLERANCE)
    phase, remaining = np.zeros(len(s)), set(np.flatnonzero(audible).tolist())
    heap = [
        (-s_before[m], "before", m)
        for m in remaining
        if s_before[m] > max(s.max(), s_before.max()) + math.log(TOLERANCE)
    ]
    heapq.heapify(heap)
    while remaining:
        if not heap:
            loudest = max(remaining, key=lambda m: s[m])
            phase[loudest] = 0.0
            remaining.remove(loudest)
            heap = [(-s[loudest], "now", loudest)]
        _, of, m = heapq.heappop(heap)
        if of == "before":
            if m in remaining:
                phase[m] = phase_before[m] + tgrad[:, m].mean()
                remaining.remove(m)
                heapq.heappush(heap, (-s[m], "now", m))
            continue
        for other in (m + 1, m - 1):
            if other in remaining:
                phase[other] = phase[m] + (other - m) * (fgrad[m] + fgrad[other]) / 2
                remaining.remove(other)
                heapq.heappush(heap, (-s[other], "now", other))
    return phase, audible


@settings(max_examples=200)
@given(
    st.integers(2, 80),
    st.integers(0, 2**32 - 1),
    st.floats(0.5, 30),
    st.floats(0, 1),
    st.booleans(),
)
def test_phases_are_those_of_the_heap(
    bins: int, seed: int, spread: float, quiet: float, begins: bool
) -> None:
    """With runs of inaudible bins, with none, and where nothing was audible before."""
    rng = np.random.default_rng(seed)
    s, s_before = rng.normal(-5, spread, (2, bins))
    for row in (s, s_before):
        low = rng.integers(bins)
        row[low : low + int(quiet * bins)] -= 60
    if begins:
        s_before -= 200
    phase_before, fgrad = rng.uniform(-3, 3, (2, bins))
    tgrad = rng.uniform(-3, 3, (2, bins))
    phase = np.zeros(bins)
    integrate(
        s_before, s, phase_before, tgrad[0], tgrad[1], fgrad, TOLERANCE,
        np.array([1], np.uint32), np.zeros(bins), phase,
    )  # fmt: skip
    wanted, audible = by_heap(s_before, s, phase_before, tgrad, fgrad)
    off = np.angle(np.exp(1j * (phase - wanted)))
    assert np.abs(off[audible]).max(initial=0.0) < 1e-9


def test_after_silence_one_bin_continues_it_and_the_others_follow() -> None:
    """All bins of silence are equally loud, and their phases mean nothing."""
    bins = 9
    phase = np.zeros(bins)
    integrate(
        np.full(bins, -8.0), np.zeros(bins), np.full(bins, 2.0), np.zeros(bins), np.zeros(bins),
        np.full(bins, 0.1), TOLERANCE, np.array([1], np.uint32), np.zeros(bins), phase,
    )  # fmt: skip
    assert phase == pytest.approx(2.0 + 0.1 * np.arange(bins))


def test_inaudible_bins_get_random_phases() -> None:
    s = np.full(64, -100.0)
    s[:4] = 0.0
    phases = []
    for seed in (1, 2):
        phase = np.zeros(64)
        integrate(
            s, s, np.zeros(64), np.zeros(64), np.zeros(64), np.zeros(64), TOLERANCE,
            np.array([seed], np.uint32), np.zeros(64), phase,
        )  # fmt: skip
        phases.append(phase)
    assert phases[0][:4] == pytest.approx(0.0)
    assert (phases[0][4:] != phases[1][4:]).all()
    assert np.abs(phases[0]).max() <= math.pi
