"""What a short window costs in sound and computing: two tables of `benchmarks.low_latency`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from latentpad.benchmarks import signals
from latentpad.benchmarks.phase import convergence, played
from latentpad.benchmarks.stages import driven
from latentpad.models.representation import Floats, Representation
from latentpad.models.training.config import representation

WINDOWS, LOOKAHEADS = (1024, 512, 256), (0, 1, 2)
SOUNDS: dict[str, Callable[[], Floats]] = {
    **signals.SOUNDS,
    "82 Hz": partial(signals.pluck, pitch=82.4),
    "41 Hz": partial(signals.pluck, pitch=41.2),
}
#: Resolves the partials of the lowest note, so all windows are judged alike.
LONG = Representation(n_fft=4096, hop=512, frames=94, range_db=120.0)
USUAL = 1  # look-ahead


@dataclass(frozen=True)
class Quality:
    """A window and look-ahead: spectral convergence in dB, by the names of `SOUNDS`."""

    own: dict[str, float]  # judged by this window, as in phase.md
    long: dict[str, float]  # judged by a long one, frames decoded and interpolated as in a pack
    us: float  # a frame


def fine(n_fft: int) -> Representation:
    """All frames that a voice plays, so nothing is interpolated."""
    r = representation(n_fft)
    return Representation(n_fft=n_fft, hop=r.hop // 2, frames=2 * r.frames, range_db=120.0)


def quality(n_fft: int, lookahead: int) -> Quality:
    r, decoded = fine(n_fft), representation(n_fft)
    own, long, spent = {}, {}, []
    for name, sound in SOUNDS.items():
        recorded = sound()
        magnitudes = r.magnitudes(recorded)
        began = time.perf_counter()
        made = played(magnitudes, representation=r, lookahead=lookahead)
        spent.append((time.perf_counter() - began) / r.frames)
        own[name] = convergence(magnitudes, made, r)
        made = played(decoded.magnitudes(recorded), representation=decoded, lookahead=lookahead)
        long[name] = convergence(LONG.magnitudes(recorded), made, LONG)
    return Quality(own, long, 1e6 * float(np.median(spent)))


def share(n_fft: int, voices: int) -> float:
    """The share of a core that rendering takes, a median."""
    r = representation(n_fft)
    sounds = np.stack([r.decibels(r.magnitudes(sound())) for sound in SOUNDS.values()])
    spent = driven(r, sounds, voices, "rtpghi", USUAL, hops=200 * 1024 // n_fft)
    return float(np.median(spent)) / (1e6 * n_fft / 8 / r.sample_rate)


def sound_table(judged: dict[tuple[int, int], Quality], which: str) -> Iterator[str]:
    yield f"| n_fft | look-ahead | {' | '.join(SOUNDS)} |"
    yield "| --- | --- |" + " --- |" * len(SOUNDS)
    for (n_fft, lookahead), each in judged.items():
        figures = getattr(each, which).values()
        yield f"| {n_fft} | {lookahead} | {' | '.join(f'{db:.1f}' for db in figures)} |"


def cost_table(judged: dict[tuple[int, int], Quality]) -> Iterator[str]:
    yield (
        "| n_fft | resolution, Hz | hop, ms | half a window, ms | us a frame (look-ahead 0, 1, 2) "
        "| of a core: 1 voice | 8 voices |"
    )
    yield "| --- |" + " --- |" * 6
    for n_fft in WINDOWS:
        rate = representation(n_fft).sample_rate
        us = ", ".join(f"{judged[n_fft, lookahead].us:.0f}" for lookahead in LOOKAHEADS)
        one, eight = (100 * share(n_fft, voices) for voices in (1, 8))
        yield (
            f"| {n_fft} | {rate / n_fft:.0f} | {125 * n_fft / rate:.2f} | {500 * n_fft / rate:.1f} "
            f"| {us} | {one:.0f} % | {eight:.0f} % |"
        )
