"""`latentpad evaluate`: the tables of a pack, on all cores, resumed after a kill."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from latentpad.engine.decode.decoder import Decoder, fastest_decoder
from latentpad.engine.expanders import NAMES, Expander, fit
from latentpad.engine.plane import Float64, Plane
from latentpad.engine.planes import Planes
from latentpad.evaluation import paths, tables
from latentpad.evaluation.cache import FigureCache
from latentpad.evaluation.comparison import compare, cores, magnitudes
from latentpad.evaluation.examples import ExpanderExample, decode_examples
from latentpad.evaluation.how_it_sounds import HELD, SOUNDS, SoundTable, how_it_sounds
from latentpad.evaluation.motion import STEPS
from latentpad.evaluation.paths import EvaluationError
from latentpad.evaluation.scoring import Figures, Reference, rehearse
from latentpad.models import extras
from latentpad.models.audio import reading
from latentpad.models.cluster import Workers, cluster
from latentpad.models.packs.pack import Pack
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import FLOOR, Floats, Representation


@dataclass(frozen=True)
class EvaluationSettings:
    """The arguments of an evaluation. The defaults are the paper's."""

    pairs: int = paths.PAIRS
    stops: int = paths.STOPS
    draws: int = 20  # K of table 1; the paper's 1,000 take hours
    finer: int = 100  # paths whose steps are measured
    planes: tuple[str, ...] = ()  # empty: all planes of the pack
    brief: bool = False  # with no planes named: only the pack's default plane
    axes: tuple[int, int] | None = (
        None  # of the plane `raw`; None: the two latents with the most nats
    )
    expanders: tuple[str, ...] = NAMES
    seed: int = 0
    perceptual: bool = True  # ViSQOL and PEAQ too; False: MAE only
    heard: int = SOUNDS  # sounds of each row of table 3
    held: int = HELD  # places held at anchors, and as many between them
    fitted: Mapping[str, Any] = field(
        default_factory=dict
    )  # arguments of `fit`: metric, focus, ...

    @classmethod
    def quick(cls, **others: Any) -> EvaluationSettings:
        few = {"pairs": 30, "draws": 1, "finer": 20, "brief": True, "held": 3}
        return cls(**{**few, **others})


class Evaluation(NamedTuple):
    """The results of an evaluation."""

    pack: Pack
    settings: EvaluationSettings
    sounds: int  # held out, of table 1
    recordings: bool  # table 1 is against recordings, and not against decoded anchors
    paths: paths.Paths
    neighbourhoods: dict[float, Float64]  # SNR -> (n, K, figures)
    rows: list[tables.ExpanderRow]
    shown: dict[tuple[str, str], ExpanderExample]  # by plane and expander
    heard: SoundTable


def evaluate(
    pack: Pack,
    folder: Path,
    settings: EvaluationSettings = EvaluationSettings(),
    *,
    recordings: Path | None = None,
    dask: str | None = None,
    progress: ProgressCallback = no_progress,
) -> Evaluation:
    """Make the tables. Comparisons are kept in `folder`, and those already there are reused.

    `recordings` is the folder of sounds that the pack was trained on; without it table 1 compares
    with the decoded anchors, and table 3 has what can be measured without. `dask` is a scheduler's
    address, see `models.cluster`; without it the cores of this machine compare. Decoding uses all
    cores of this process. `progress` is called as work goes on. Raises EvaluationError, AudioError.
    """
    planes, anchors = Planes(pack), paths.held_out(pack)
    paths.check_planes(planes, settings.planes)
    chosen = paths.draw_paths(anchors, settings.pairs, settings.stops, settings.seed)
    finer = chosen.finer(STEPS, settings.finer)
    latents, r = pack.anchors.latents, pack.representation
    files = {} if recordings is None else paths.files(pack, recordings, anchors)
    neighbourhoods, rows, shown = {}, [], {}
    with _workers(settings, dask) as judges:
        if judges is not None and dask is None:
            progress("getting ready to judge", 0, 0)
            rehearse(r)
        progress("decoding the anchors", 0, 0)
        decoder, _ = fastest_decoder(pack)
        spectra = partial(_spectra, decoder, r)
        used = sorted({*anchors.tolist(), *chosen.first.tolist(), *chosen.last.tolist()})
        decoded = {
            i: Reference(b"decoded" + latents[i].tobytes(), r.spectrum(frames), None, frames)
            for i, frames in zip(used, _singly(decoder, latents[used]), strict=True)
        }
        recorded = decoded if recordings is None else _recorded(pack, files)
        with _listening(pack, folder, decoder, judges) as listen:
            for snr in paths.SNRS:
                report = partial(progress, f"table 1, SNR {snr:g}")
                neighbourhoods[snr] = tables.table1(
                    latents, anchors, recorded, snr, settings.draws, settings.seed,
                    partial(listen, shown=report),
                )  # fmt: skip
            for name in settings.planes or ((planes.default,) if settings.brief else planes.names):
                plane = planes.get(name, settings.axes or planes.default_axes(name))
                for expander in settings.expanders:
                    what = f"{name}, {expander}"
                    progress(f"fitting, {what}", 0, 0)
                    made, seconds = _fitted(expander, plane, settings)
                    rows.append(
                        tables.row(
                            expander, made, plane, latents, chosen, finer, decoded, seconds,
                            compare=partial(listen, shown=partial(progress, f"table 2, {what}")),
                            decode=spectra, shown=partial(progress, f"steps, {what}"),
                        )
                    )  # fmt: skip
                    progress(f"all over the pad, {what}", 0, 0)
                    shown[name, expander] = decode_examples(
                        made, plane, latents, chosen, spectra, decoder.whole
                    )
    heard = _heard(pack, planes, rows, decoder, settings, recordings, progress)
    return Evaluation(
        pack, settings, len(anchors), recordings is not None, chosen, neighbourhoods, rows,
        shown, heard,
    )  # fmt: skip


def _heard(
    pack: Pack,
    planes: Planes,
    rows: Sequence[tables.ExpanderRow],
    decoder: Decoder,
    settings: EvaluationSettings,
    recordings: Path | None,
    progress: ProgressCallback,
) -> SoundTable:
    """Table 3, on `tables.played` of the rows."""
    played = tables.played(rows, planes.default)
    axes = settings.axes or planes.default_axes(played.plane)
    plane = planes.get(played.plane, axes)
    no_visqol = "" if extras.installed("visqol") else "it is not installed"
    return how_it_sounds(
        pack, plane, _fitted(played.expander, plane, settings)[0], played.expander, decoder,
        recordings=recordings, sounds=settings.heard, axes=settings.axes, fitted=settings.fitted,
        seed=settings.seed, held_places=settings.held,
        no_visqol=no_visqol if settings.perceptual else "magnitudes only", progress=progress,
    )  # fmt: skip


def _fitted(name: str, plane: Plane, settings: EvaluationSettings) -> tuple[Expander, float]:
    """The fitted expander, and the seconds that fitting took."""
    began = perf_counter()
    expander = fit(name, plane, **settings.fitted)
    return expander, perf_counter() - began


def _workers(
    settings: EvaluationSettings, dask: str | None
) -> AbstractContextManager[Workers | None]:
    """The workers that compare: none, those of a cluster, or all cores."""
    if not settings.perceptual:
        return nullcontext()
    if dask is None:
        return cores(os.cpu_count() or 1)
    return cluster(dask, "judging", EvaluationError)


@contextmanager
def _listening(
    pack: Pack, folder: Path, decoder: Decoder, judges: Workers | None
) -> Iterator[Callable[..., Float64]]:
    """A function that compares: all figures by the workers, or MAE only. Makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if judges is None:

        def compare_magnitudes(
            references: Sequence[Reference], others: Floats, shown: Any = None
        ) -> Float64:
            figures = np.full((len(others), len(Figures._fields)), np.nan)
            decode = partial(_spectra, decoder, pack.representation)
            figures[:, tables.COLUMN["mae_db"]] = magnitudes(references, others, decode)
            if shown is not None:
                shown(len(others), len(others))
            return figures

        yield compare_magnitudes
        return
    with FigureCache(folder / "compared.sqlite", pack) as cache:
        yield partial(
            compare, representation=pack.representation, decode=partial(_singly, decoder),
            cache=cache, judges=judges,
        )  # fmt: skip


def _spectra(decoder: Decoder, r: Representation, latents: Floats) -> Floats:
    """(n, frames, bins) dB of (n, D) latents."""
    return r.spectrum(decoder.whole(latents))


def _singly(decoder: Decoder, latents: Floats) -> Floats:
    """Decode the latents one by one, as for a finger.

    In a larger batch the last bits differ, and the phase may amplify that (ViSQOL 4.70 for 4.73).
    """
    return np.concatenate([decoder.whole(latents[i : i + 1]) for i in range(len(latents))])


def _recorded(pack: Pack, files: Mapping[int, Path]) -> dict[int, Reference]:
    """The recordings in some anchors' files. Raises AudioError."""
    references, r = {}, pack.representation
    for i, path in files.items():
        sound = reading.read_samples(path, r)
        spectrum = r.magnitudes(sound)
        frames = r.decibels(spectrum)
        # At the level of decoded sounds: the peak bin is at full scale.
        sound = sound / np.float32(max(float(spectrum.max()), FLOOR))
        references[i] = Reference(b"recording" + frames.tobytes(), frames, sound)
    return references
