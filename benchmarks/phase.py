"""Accuracy and cost of the phase methods on four sounds with known magnitudes.

    python -m latentpad.benchmarks.phase

Prints spectral convergence in dB (lower is better: the norm of the difference between the given
magnitudes and those of the resulting waveform, over that of the former) and µs a frame on one core.
n_fft 1024, hop 128, Gaussian window, 48 kHz. The live methods run in `play_frame`, as in the
voices; Griffin-Lim (momentum 0) and its fast form (0.99) process the complete sound, 32 times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from latentpad.benchmarks.signals import SOUNDS
from latentpad.engine.play import voice
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.metrics.similarity import spectral_convergence
from latentpad.models.representation import Floats, Representation

FINE = Representation(hop=128, frames=375, range_db=120.0)
EDGE = 8  # frames at either end that are not compared: their windows reach beyond the sound

Method = Callable[[Floats], Floats]  # (frames, bins) linear magnitudes to (samples,)


def played(magnitudes: Floats, *, representation: Representation = FINE, **how: Any) -> Floats:
    """(frames, bins) linear magnitudes, played once by one voice, (samples,)."""
    peak = np.float32(magnitudes.max())
    made: Floats = resynthesise(representation.decibels(magnitudes), representation, **how) * peak
    return made


def griffinlim(magnitudes: Floats, momentum: float) -> Floats:
    """The reference: `models.audio.griffinlim` with 32 iterations."""
    from latentpad.models.audio.griffinlim import griffinlim as whole

    return whole(magnitudes, FINE.hop, FINE.window, iterations=32, momentum=momentum)


def convergence(magnitudes: Floats, sound: Floats, representation: Representation = FINE) -> float:
    """Spectral convergence in dB of a sound made for (frames, bins) linear magnitudes."""
    result = representation.magnitudes(sound)
    return spectral_convergence(magnitudes[EDGE:-EDGE], result[EDGE:-EDGE])


METHODS: dict[str, Method] = {
    "Griffin-Lim 32": lambda m: griffinlim(m, 0.0),
    "Fast Griffin-Lim 32": lambda m: griffinlim(m, 0.99),
    "RTPGHI": lambda m: played(m, lookahead=0, iterations=0),
    "RTPGHI (1)": lambda m: played(m, iterations=0),
    "RTPGHI (0) + RTISI 2": lambda m: played(m, lookahead=0),
    "RTPGHI (1) + RTISI 2": played,
    "RTPGHI (2) + RTISI 2": lambda m: played(m, lookahead=2),
    "noise": lambda m: played(m, method=voice.NOISE),
}


def main() -> None:
    sounds = {name: FINE.magnitudes(sound()) for name, sound in SOUNDS.items()}
    print(f"{'':22}" + "".join(f"{name:>10}" for name in sounds) + f"{'mean':>10}{'µs':>8}")
    for name, method in METHODS.items():
        method(sounds["steps"])  # compiles the method before it is timed
        figures, spent = [], []
        for magnitudes in sounds.values():
            began = time.perf_counter()
            made = method(magnitudes)
            spent.append(time.perf_counter() - began)
            figures.append(convergence(magnitudes, made))
        cells = "".join(f"{figure:10.1f}" for figure in (*figures, np.mean(figures)))
        print(f"{name:22}{cells}{np.median(spent) / FINE.frames * 1e6:8.0f}", flush=True)


if __name__ == "__main__":
    main()
