"""Similarity of decode(encode(x)) to the recordings, played as by the voices.

    python -m latentpad.benchmarks.reconstruction FOLDER --pack PACK [--texture 0.5]
    python -m latentpad.benchmarks.reconstruction FOLDER [--latent 4] [--seeds 0 1 2 3 4]
        [--by-clip]

Prints ViSQOL (audio mode) between recording and reconstruction, mean ± standard deviation over
sounds (also without silence before them, when it judges from 0.28 s on), and MAE in dB on frames
with content, for the training, validation and test splits. With a pack: its own split of FOLDER.
Without: a training for each seed, each with its own split by groups of origin (or by clip, for
comparison with those who do so), kept in --work and resumed from there; then the mean over the
splits with its 95 % interval (Student's t).
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latentpad.engine.play import resynthesis
from latentpad.models import extras
from latentpad.models.packs import networks
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.training import dataset
from latentpad.models.training.quality import SPLIT_LABELS, JudgedPhase, Quality, judged

NAMES = {"ViSQOL": "visqol", "from 0.28 s": "visqol_late", "MAE": "mae_db"}


def grades(pack: Pack, folder: Path, texture: float = 0.0) -> Quality:
    """`models.training.quality.judged` of the pack's sounds."""
    with (pack.path / "sources.csv").open(newline="", encoding="utf-8") as file:
        sources = list(csv.DictReader(file))
    recordings = [folder / row["id"] for row in sources]
    clips = [dataset.Clip(path, path.name, "", "") for path in recordings]
    sounds, _ = dataset.spectrograms(clips, pack.representation)
    decoder = networks.load_decoder(pack)
    phase = JudgedPhase(resynthesis.DESCRIPTION, partial(resynthesis.resynthesise, texture=texture))
    splits = [row["split"] for row in sources]
    latents = pack.anchors.latents
    return judged(pack.representation, latents, sounds, decoder, splits, recordings, phase)


def trained(folder: Path, work: Path, seed: int, options: argparse.Namespace) -> Pack:
    """The pack of one seed, from `work` if it is there already."""
    from latentpad.models.training.config import TrainingConfig
    from latentpad.models.training.train import train

    out = work / f"seed{seed}"
    if (out / "model.toml").is_file():
        return packs.load(out)
    config = TrainingConfig(options.latent, seed=seed, epochs=options.epochs)
    return train(folder, out, config, card=False)


def ungrouped(folder: Path, into: Path) -> Path:
    """The folder's sounds as links, with tables without groups."""
    for path in folder.iterdir():
        if path.suffix != ".csv":
            (into / path.name).symlink_to(path.resolve())
            continue
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row.pop("origin_group", None)
        with (into / path.name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return into


def show(name: str, pack: Pack, figures: dict[str, dict[str, float]]) -> None:
    latents = pack.anchors.latents.T
    apart = np.abs(np.corrcoef(latents) - np.eye(pack.latent_dim)).max()
    print(f"{name}: correlation at most {apart:.2f}, nats {min(pack.kl):.2f} at least")
    for side, q in figures.items():
        print(
            f"  {SPLIT_LABELS[side]:16} {q['sounds']:4} sounds   ViSQOL {q['visqol']:.2f} ± "
            f"{q['visqol_sd']:.2f} (from 0.28 s {q['visqol_late']:.2f} ± "
            f"{q['visqol_late_sd']:.2f})   MAE {q['mae_db']:.2f} ± {q['mae_db_sd']:.2f} dB",
            flush=True,
        )


def interval(values: list[float]) -> str:
    """Mean ± half the 95 % interval of the mean."""
    from scipy import stats

    n = len(values)
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return f"{np.mean(values):.2f} ± {half:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--texture", type=float, default=0.0, help="share of noise")
    parser.add_argument("--latent", type=int, default=4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--by-clip", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--work", type=Path, help="where trained packs are kept")
    options = parser.parse_args()
    extras.check("visqol", "this page needs ViSQOL")
    if options.pack:
        pack = packs.load(options.pack)
        show(pack.name, pack, grades(pack, options.folder, options.texture))
        return
    scratch = Path(tempfile.mkdtemp())
    try:
        folder, work = options.folder, options.work or scratch / "packs"
        work.mkdir(parents=True, exist_ok=True)
        if options.by_clip:
            (scratch / "clips").mkdir()
            folder = ungrouped(folder, scratch / "clips")
        table: dict[str, list[Any]] = {}
        for seed in options.seeds:
            pack = trained(folder, work, seed, options)
            figures = grades(pack, folder)
            show(f"seed {seed}", pack, figures)
            for side, q in figures.items():
                table.setdefault(side, []).append(q)
        print(f"{len(options.seeds)} divisions, {options.latent} latents, mean ± 95 % interval:")
        for side, rows in table.items():
            marks = ", ".join(
                f"{name} {interval([row[key] for row in rows])}" for name, key in NAMES.items()
            )
            print(f"  {SPLIT_LABELS[side]:16} {marks}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
