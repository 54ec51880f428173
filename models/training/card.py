"""The card of a pack: what it was trained on and how good it is, measured, with pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentpad.models import decode_cost
from latentpad.models.libraries import STEPS
from latentpad.models.maps import picture
from latentpad.models.packs.pack import Pack
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats
from latentpad.models.training import loss_picture, reconstructions_picture
from latentpad.models.training.provenance import attributed, held_out, textured
from latentpad.models.training.quality import (
    DETAILED,
    GRIFFINLIM,
    LEARNED,
    SPLIT_LABELS,
    JudgedPhase,
    Quality,
    judged,
)

if TYPE_CHECKING:
    from latentpad.models.training.callbacks import TrainingHistory


ACTIVE = 0.1  # nats: a latent that carries less is not used
MOST_SHOWN = 16  # latents in the table of correlations


def write(
    pack: Pack,
    encoder: Any,
    decoder: Any,
    sounds: Any,
    sources: Sequence[dict[str, str]],
    history: TrainingHistory,
    recordings: Sequence[Path],
    phase: JudgedPhase = GRIFFINLIM,
    division: Quality | None = None,
    encoded: Floats | None = None,
    progress: ProgressCallback = no_progress,
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Make card.md and its pictures, as bytes by file name, and the figures in it.

    `sounds` (L, frames, bins) floats in 0...1 belong to the pack's anchors, as do the rows of
    `sources`, the paths of the `recordings`, and the latents (L, D) that are `encoded`, without
    refinement. `division`: what was measured before the model was fit to all sounds, None if it was
    not. Takes about half a minute; `progress` is called meanwhile.
    """
    splits = [row["split"] for row in sources]
    r, latents = pack.representation, pack.anchors.latents
    if division:
        everything = [LEARNED] * len(splits)
        quality = {
            **division,
            **judged(r, latents, sounds, decoder, everything, recordings, phase, progress),
        }
    else:
        quality = judged(
            r, latents, sounds, decoder, splits, recordings, phase, progress, encoded=encoded
        )
    progress("measuring a decode", 0, 0)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "decoder.keras"
        decoder.save(path)
        decode = decode_cost.decode(path)
    figures: dict[str, Any] = {
        **quality,
        "largest_correlation": round(float(np.abs(_correlations(pack)).max()), 2),
        "active_latents": sum(k > ACTIVE for k in pack.kl),
        "decode": decode,
    }
    chosen = reconstructions_picture.pictured_rows(splits)
    files = {
        "card.md": _text(pack, figures, history, decoder, encoder, phase, sources).encode(),
        "loss.png": loss_picture.picture(history, unseen="validation" in quality),
        reconstructions_picture.FILE: reconstructions_picture.draw(
            pack, decoder, chosen, [r.unscaled(sounds[i]) for i in chosen], phase.sound
        ),
        picture.FILE: picture.draw(pack),
    }
    return files, figures


def _correlations(pack: Pack) -> Any:
    """(D, D) correlations between the anchors' latents, 0 on the diagonal."""
    table = np.corrcoef(pack.anchors.latents.T).reshape(pack.latent_dim, pack.latent_dim)
    table = np.nan_to_num(table)
    np.fill_diagonal(table, 0)
    return table


def _correlation_table(pack: Pack) -> str:
    """A table of the correlations between latents, "" if it would be too wide to read."""
    count = pack.latent_dim
    if count > MOST_SHOWN:
        return ""
    rows = [
        f"| z{i} | " + " | ".join("" if i == j else f"{c:.2f}" for j, c in enumerate(row)) + " |"
        for i, row in enumerate(_correlations(pack))
    ]
    head = "| | " + " | ".join(f"z{i}" for i in range(count)) + " |"
    return "\n".join(["", "", head, "| --- |" + " --- |" * count, *rows])


def _text(
    pack: Pack,
    figures: dict[str, Any],
    history: TrainingHistory,
    decoder: Any,
    encoder: Any,
    phase: JudgedPhase,
    sources: Sequence[Mapping[str, str]],
) -> str:
    r = pack.representation
    sentence = held_out(pack.training["sounds"])
    last = (
        " Then it was\nfit once more, to all sounds; what is called unseen was measured before."
        if LEARNED in figures
        else ""
    )
    kept = "validation loss" if "test" in figures else "loss"
    unseen = ", unseen in training" if "test" in figures and LEARNED not in figures else ""
    rows = "\n".join(
        f"| {name} ({SPLIT_LABELS[name]}) | {q['sounds']} | {_mean_and_sd(q, 'mae_db')} "
        f"| {_mean_and_sd(q, 'visqol')} | {_mean_and_sd(q, 'visqol_late')} "
        f"| {q.get('grain', 'silent')} | {q.get('contrast', 'none')} ({q['tonal']}) |"
        for name, q in figures.items()
        if name in SPLIT_LABELS
    )
    kl = ", ".join(f"{k:.2f}" for k in pack.kl)
    spread = ", ".join(f"{s:.2f}" for s in pack.anchors.latents.std(axis=0))
    texture = textured(pack.training.get("texture", {}))
    recipe = ", ".join(f"{k} {v}" for k, v in pack.training["recipe"].items())
    return f"""# {pack.title}

A variational autoencoder of {pack.latent_dim} latents that decodes {r.seconds:.2f} s at
{r.sample_rate} Hz. Licence: {pack.licence}. {attributed(sources)}

## Learned from
{sentence[:1].upper()}{sentence[1:]}. Whole groups of
origin are held out (one recording session is never on two sides). All sounds are anchors.

Representation: frames of {r.n_fft} samples, hop {r.hop}, window {r.window}, {r.frames} frames of
{r.bins} bins, {r.range_db:g} dB below each sound's peak bin.

Training: {pack.training["epochs"]} epochs in {pack.training["minutes"]} minutes, weights of epoch
{pack.training["best_epoch"]} (the best {kept}), seed {pack.training["seed"]}; {recipe}.{last}
Decoder {decoder.count_params():,} parameters, encoder {encoder.count_params():,}.

![loss](loss.png)

## Reconstruction
{texture}MAE between magnitudes in dB over the frames of the recording's content (within 60 dB of
its loudest frame); ViSQOL in audio mode between recording and reconstruction, phases by
{phase.name}. Mean ± standard deviation over sounds. The last column is for comparison with those
who give ViSQOL a second of sound as it is: it then judges from 0.28 s on only. The encoder places a
sound, and {STEPS} steps of gradient descent on the decoder's error move it from there.

Grain and contrast say whether what is heard has as much detail as the recording, wherever it is:
1 is as much ({DETAILED} sounds at most). Grain is the fine structure in time and frequency.
Contrast is how far partials stand above the rest, of the tonal sounds; their number is beside it.

| split | sounds | MAE dB | ViSQOL | from 0.28 s | grain | contrast (tonal sounds) |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

![reconstructions]({reconstructions_picture.FILE})

Recordings{unseen}, and what is heard of them, on the same scale of dB.

## Latents
{figures["active_latents"]} of {pack.latent_dim} are active (over {ACTIVE} nats). Nats per latent:
{kl}. Standard deviations over the anchors: {spread}.
No two of them correlate by more than {figures["largest_correlation"]}.{_correlation_table(pack)}

![plane](plane.png)

The plane that the pad begins on, by its own 0...1: `/pad/xy` with the coordinates of a dot plays
its sound. The colours are labels.

## Cost
One decode on one CPU thread of the machine that trained it: {figures["decode"]["p50_ms"]} ms
(p50), {figures["decode"]["p99_ms"]} ms (p99).
"""


def _mean_and_sd(figures: Mapping[str, float], name: str) -> str:
    """Mean ± standard deviation of a figure over the sounds."""
    if name not in figures:
        return "not measured"
    return f"{figures[name]} ± {figures[f'{name}_sd']}"
