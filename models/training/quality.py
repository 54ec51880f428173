"""How well a model makes its sounds: figures of seen and unseen ones, for its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentpad.models import extras
from latentpad.models.audio import reading
from latentpad.models.audio.griffinlim import griffinlim
from latentpad.models.metrics import heard, similarity
from latentpad.models.metrics.heard import evenly
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats, Representation, audible


class JudgedPhase(NamedTuple):
    """A method that turns decoded magnitudes into samples, to be judged."""

    name: str
    sound: Callable[[Floats, Representation], Floats]  # decoded (frames, columns) to (samples,)


def _griffinlim(decoded: Floats, representation: Representation) -> Floats:
    r = representation
    return griffinlim(audible(r.spectrum(decoded), r), r.hop, r.window)


GRIFFINLIM = JudgedPhase("Fast Griffin-Lim (32 iterations, momentum 0.99)", _griffinlim)
SOUNDS_MEASURED = 64  # at most, of each split: ViSQOL takes a tenth of a second each
DETAILED = 40  # of these: their grain and contrast take a twentieth of a second each
LEARNED = "anchors"  # all sounds, after the last fit
ENCODED = "encoded"  # unseen sounds, without models.refinement
SPLIT_LABELS = {
    "train": "seen",
    "validation": "unseen, chose the epoch",
    "test": "unseen",
    ENCODED: "unseen, as the encoder alone places them",
    LEARNED: "after the last fit, on all sounds",
}

Quality = dict[str, dict[str, float]]
"""Figures of `reconstruction_errors` by split."""


def judged(
    representation: Representation,
    latents: Floats,
    sounds: Any,
    decoder: Any,
    splits: Sequence[str],
    recordings: Sequence[Path],
    phase: JudgedPhase = GRIFFINLIM,
    progress: ProgressCallback = no_progress,
    *,
    encoded: Floats | None = None,
) -> Quality:
    """`reconstruction_errors` of the sounds of each split, and of the unseen ones as they are
    `encoded` (L, D)."""
    quality: Quality = {}

    def judge(name: str, placed: Floats, chosen: Sequence[int]) -> None:
        report = partial(progress, f"judging sounds ({SPLIT_LABELS[name]})")
        quality[name] = reconstruction_errors(
            representation, placed, sounds, decoder, chosen, recordings, phase, shown=report
        )

    for split in SPLIT_LABELS:
        if chosen := _of_split(splits, split):
            judge(split, latents, chosen)
    if encoded is not None and "test" in quality:
        judge(ENCODED, encoded, _of_split(splits, "test"))
    return quality


def judged_sounds(splits: Sequence[str]) -> list[int]:
    """The sounds that `judged` measures, ascending."""
    chosen = (evenly(_of_split(splits, split), SOUNDS_MEASURED) for split in set(splits))
    return sorted(i for of_split in chosen for i in of_split)


def _of_split(splits: Sequence[str], split: str) -> list[int]:
    return [i for i, side in enumerate(splits) if side == split]


def reconstruction_errors(
    representation: Representation,
    latents: Floats,
    sounds: Any,
    decoder: Any,
    chosen: Sequence[int],
    recordings: Sequence[Path],
    phase: JudgedPhase = GRIFFINLIM,
    most: int = SOUNDS_MEASURED,
    shown: Callable[[float, float], None] = lambda done, of: None,
) -> dict[str, float]:
    """Mean MAE in dB on content frames and ViSQOL of the `chosen` sounds' reconstructions, and
    their detail as they are heard (models.metrics.heard).

    If there are more than `most` sounds, that many are taken, evenly spread; `DETAILED` of them for
    the detail. `shown` is called with the number of sounds done. `visqol` is of sounds with silence
    before them; `visqol_late` is of the bare sounds, which ViSQOL judges from 0.28 s on. Without
    the extra `evaluate` there are no figures of ViSQOL. `grain` and `contrast` are ratios to the
    recordings, `contrast` that of the `tonal` sounds; they are left out where there are none.
    """
    r = representation
    has_visqol = extras.installed("visqol")
    errors: list[float] = []
    grades: dict[str, list[float]] = {"visqol": [], "visqol_late": []}
    details: list[heard.Detail] = []
    some = evenly(chosen, most)
    detailed = set(evenly(some, DETAILED))
    shown(0, len(some))
    for i, output in zip(some, _outputs(latents, decoder, some), strict=True):
        reference, decoded = r.unscaled(sounds[i]), r.decoded(output)
        errors.append(similarity.mae_db(reference, r.spectrum(decoded)))
        if has_visqol or i in detailed:
            sound = phase.sound(decoded, r)
        if i in detailed:
            details.append(heard.detail(reference, heard.again(sound, r), r))
        if has_visqol:
            original = reading.read_samples(recordings[i], r)
            grades["visqol"].append(similarity.visqol(original, sound, r))
            grades["visqol_late"].append(similarity.visqol(original, sound, r, whole=False))
        shown(len(errors), len(some))
    figures: dict[str, float] = {"sounds": len(errors)}
    for name, values in {"mae_db": errors, **(grades if has_visqol else {})}.items():
        figures[name] = round(float(np.mean(values)), 2)
        figures[f"{name}_sd"] = round(float(np.std(values)), 2)
    means = heard.means(details)
    for name, value in (("grain", means.grain), ("contrast", means.contrast)):
        if not np.isnan(value):
            figures[name] = round(value, 2)
    return {**figures, "tonal": means.tonal}


def _outputs(latents: Floats, decoder: Any, chosen: Sequence[int]) -> Floats:
    """(n, frames, columns) in 0...1: the chosen latents, decoded."""
    return np.asarray(decoder.predict(latents[list(chosen)], 32, verbose=0))
