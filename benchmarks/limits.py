"""Limits of the reconstruction of a folder of sounds, independent of any model.

    python -m latentpad.benchmarks.limits FOLDER [COUNT]

Prints ViSQOL (audio mode) between COUNT (default 48) recordings, evenly spread over the test split,
and their resynthesis by a voice: from their magnitudes; from their power smoothed over frequency (a
Hann window of some ERBs at half its height) or over time (some frames); from their mean over time;
and from linear models of the training split (principal components of the decibels). The columns are
by the length of the sound within its second, as silence is easy and counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models import extras
from latentpad.models.audio import reading
from latentpad.models.metrics import similarity
from latentpad.models.representation import Floats, Representation, power
from latentpad.models.training import dataset

R = Representation()
COMPONENTS = (4, 16, 64, 256)
EDGES = (0.0, 0.5, 0.99, 2.0)  # s of content


def decibels(energy: Floats) -> Floats:
    levels: Floats = 10 * np.log10(energy + np.float32(1e-12))
    return np.clip(levels, -R.range_db, 0).astype(np.float32)


def over_frequency(frames_db: Floats, erbs: float) -> Floats:
    frequency = np.fft.rfftfreq(R.n_fft, 1 / R.sample_rate)
    rate = 21.4 * np.log10(1 + 0.00437 * frequency)  # Glasberg & Moore, 1990
    apart = np.abs(rate[:, None] - rate) / erbs
    weights = np.where(apart < 1, 0.5 + 0.5 * np.cos(np.pi * apart), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return decibels(power(frames_db) @ weights.T.astype(np.float32))


def over_time(frames_db: Floats, frames: int) -> Floats:
    weights = np.hanning(frames + 2)[1:-1]
    weights /= weights.sum()
    energy = power(frames_db)
    return decibels(
        np.apply_along_axis(lambda column: np.convolve(column, weights, "same"), 0, energy)
    )


WAYS: dict[str, Callable[[Floats], Floats]] = {
    "as they are": lambda x: x,
    "1 ERB": lambda x: over_frequency(x, 1),
    "2 ERBs": lambda x: over_frequency(x, 2),
    "4 ERBs": lambda x: over_frequency(x, 4),
    "7 frames (37 ms)": lambda x: over_time(x, 7),
    "15 frames (80 ms)": lambda x: over_time(x, 15),
    "2 ERBs, 7 frames": lambda x: over_time(over_frequency(x, 2), 7),
    "mean over time": lambda x: np.repeat(
        decibels(power(x).mean(axis=0, keepdims=True)), len(x), 0
    ),
}


def linear(learned: Floats, unseen: Floats) -> dict[str, list[Floats]]:
    """`unseen` (n, frames, bins) dB, reconstructed with principal components of `learned`."""
    shape, mean = unseen.shape, learned.mean(axis=0).ravel()
    seen = learned.reshape(len(learned), -1) - mean
    variances, turned = np.linalg.eigh(seen @ seen.T)
    made: dict[str, list[Floats]] = {}
    for count in COMPONENTS:
        if count < len(learned):
            chosen = np.argsort(-variances)[:count]
            basis = (turned[:, chosen].T @ seen) / np.sqrt(variances[chosen])[:, None]
            flat = (unseen.reshape(len(unseen), -1) - mean) @ basis.T @ basis + mean
            made[f"{count} components"] = list(np.clip(flat, -R.range_db, 0).reshape(shape))
    return made


def main(arguments: list[str]) -> None:
    extras.check("visqol", "this page needs ViSQOL")
    clips = dataset.clips(Path(arguments[0]))
    sides = {side: [c for c in clips if c.split == side] for side in ("train", "test")}
    some = np.linspace(0, len(sides["test"]) - 1, int(arguments[1]) if len(arguments) > 1 else 48)
    met = [sides["test"][i] for i in np.unique(some.astype(int))]
    recordings = [reading.read_samples(clip.path, R) for clip in met]
    spectra = {
        side: R.unscaled(dataset.spectrograms(found, R)[0])
        for side, found in (("train", sides["train"]), ("test", met))
    }
    heard = [np.flatnonzero(np.abs(sound) > 1e-4 * np.abs(sound).max()) for sound in recordings]
    column = np.digitize([(x[-1] + 1) / R.sample_rate for x in heard], EDGES[1:-1])
    heads = [f"{low:g}-{min(high, 1):g} s" for low, high in pairwise(EDGES)]
    print(f"{'':20}{'all':>14}" + "".join(f"{head:>14}" for head in heads))
    print(f"{'sounds':20}{len(met):14}" + "".join(f"{(column == c).sum():14}" for c in range(3)))
    made = {name: [transform(x) for x in spectra["test"]] for name, transform in WAYS.items()}
    made.update(linear(spectra["train"], spectra["test"]))
    for name, sounds in made.items():
        grades = np.array(
            [
                similarity.visqol(recording, resynthesise(sound, R), R)
                for recording, sound in zip(recordings, sounds, strict=True)
            ]
        )
        groups = [grades, *(grades[column == c] for c in range(3))]
        cells = (f"{g.mean():.2f} ± {g.std():.2f}" if len(g) else "" for g in groups)
        print(f"{name:20}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
