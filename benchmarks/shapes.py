"""How a model sounds by its shape and recipe.

    python -m latentpad.benchmarks.shapes FOLDER [--latent 64] [--set FIELD=VALUE ...]
        [--held-out SHARE] [--work DIR] [--sounds 40]

Trains a model on the sounds of FOLDER with a recipe of which some fields are set, and prints a row
of a table for each set of sounds: those learned from and those never met, as before the last fit,
and the anchors after it. As heard means played as a voice plays, and analysed again. With --work,
the trained models are kept there, and a training that was ended goes on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.play import resynthesis
from latentpad.models.audio import reading
from latentpad.models.metrics import heard, similarity
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.training import dataset
from latentpad.models.training.config import DEFAULT, Recipe, TrainingConfig
from latentpad.models.training.quality import JudgedPhase
from latentpad.models.training.train import train

PHASE = JudgedPhase(resynthesis.DESCRIPTION, resynthesis.resynthesise)
WINDOW = 16  # frames of a first window
TIMED = 100
HEAD = (
    "| sounds | MAE, dB | ViSQOL | grain | contrast, tonal | how many tonal |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


def recipe(settings: Sequence[str]) -> Recipe:
    """The default recipe with FIELD=VALUE settings. Raises ValueError for no such field."""
    kinds = {field.name: type(getattr(DEFAULT, field.name)) for field in fields(Recipe)}
    chosen: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in kinds:
            raise ValueError(f"{name}: no field of a recipe: {', '.join(kinds)}")
        chosen[name] = value == "True" if kinds[name] is bool else kinds[name](value)
    return replace(DEFAULT, **chosen)


def row(
    name: str,
    pack: Pack,
    decoder: FrameDecoder,
    chosen: Sequence[int],
    folder: Path,
    phase: JudgedPhase = PHASE,
) -> str:
    """A row of the table about the chosen anchors."""
    r = pack.representation
    judged, details = [], []
    for i in chosen:
        path = folder / str(pack.anchors.ids[i])
        recorded = r.unscaled(dataset.spectrogram(dataset.Clip(path, "", "", ""), r)[0])
        decoded = decoder.whole(pack.anchors.latents[i : i + 1])[0]
        samples = phase.sound(decoded, r)
        judged.append(
            (
                similarity.mae_db(recorded, r.spectrum(decoded)),
                similarity.visqol(reading.read_samples(path, r), samples, r),
            )
        )
        details.append(heard.detail(recorded, heard.again(samples, r), r))
    mae, visqol = np.array(judged).T
    figures = heard.means(details)
    ratio = f"{figures.contrast:.2f}" if figures.tonal else "none"
    return (
        f"| {len(details)} {name} | {mae.mean():.2f} | {visqol.mean():.2f} ± {visqol.std():.2f} "
        f"| {figures.grain:.2f} | {ratio} | {figures.tonal} |"
    )


def window_ms(decoder: FrameDecoder, pack: Pack) -> float:
    """The median time of decoding a first window of one voice, ms."""
    seconds = []
    for k in range(TIMED):
        latent = pack.anchors.latents[k % len(pack.anchors)][None]
        began = time.perf_counter()
        decoder.frames(latent, [pack.representation.frames // 3], WINDOW)
        seconds.append(time.perf_counter() - began)
    return 1000 * float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latent", type=int, default=64)
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", dest="settings")
    parser.add_argument("--held-out", type=float)
    parser.add_argument("--work", type=Path, help="where trained models are kept")
    parser.add_argument("--sounds", type=int, default=40, help="measured of each set, at most")
    options = parser.parse_args()
    config = TrainingConfig(options.latent, recipe(options.settings), held_out=options.held_out)
    with tempfile.TemporaryDirectory() as scratch:
        name = "-".join([str(options.latent), *options.settings]).replace("=", "_") or "default"
        out = (options.work or Path(scratch)) / name
        if not (out / "model.toml").is_file():
            out.parent.mkdir(parents=True, exist_ok=True)
            train(options.folder, out, config, phase=PHASE)
        pack = packs.load(out)
        decoder = FrameDecoder(pack)
        splits = np.array([source["split"] for source in pack.sources()])
        size = (out / "decoder.keras").stat().st_size / 2**20
        print(
            f"\n## {options.folder.name}: {options.latent} latents, {' '.join(options.settings)}\n"
        )
        print(
            f"{pack.training['epochs']} epochs, {pack.training['minutes']} minutes before the last "
            f"fit; a window of {WINDOW} frames {window_ms(decoder, pack):.2f} ms; decoder "
            f"{size:.1f} MB; {sum(k > 0.1 for k in pack.kl)} latents active.\n"
        )
        print(HEAD)
        for split in dataset.SIDES:
            chosen = np.flatnonzero(splits == split)
            if len(chosen):
                some = heard.evenly(chosen.tolist(), options.sounds)
                print(row(f"of {split}", pack, decoder, some, options.folder), flush=True)
        for split, figures in pack.training.get("quality", {}).items():
            if isinstance(figures, dict) and "visqol" in figures:
                print(
                    f"| {figures['sounds']} of {split}, by the card | {figures['mae_db']:.2f} | "
                    f"{figures['visqol']:.2f} ± {figures['visqol_sd']:.2f} | | | |"
                )


if __name__ == "__main__":
    main()
