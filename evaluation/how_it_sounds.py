"""How a pack sounds, at its anchors and between them: table 3.

Everything is of what is heard, decoded sounds as a voice plays them, beside the recordings
(models.metrics.heard).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.grain import NO_GRAIN, SoundGrain
from latentpad.engine.expanders import Expander
from latentpad.engine.plane import Plane
from latentpad.evaluation.held import commands, held
from latentpad.evaluation.listener import AnchorFigures, Listener
from latentpad.evaluation.paths import HELD_OUT, splits
from latentpad.models.metrics import heard, picture
from latentpad.models.metrics.detail import Evenness, contrast, fine_db
from latentpad.models.metrics.heard import Detail, evenly
from latentpad.models.packs.pack import Pack
from latentpad.models.progress import ProgressCallback, no_progress
from latentpad.models.representation import Floats
from latentpad.models.training.quality import LEARNED, SPLIT_LABELS

SOUNDS = 40  # of each row, at most
HELD = 6  # places held at anchors, and as many between them
GRAINED = ", `/grain` 1"  # what is added to the names of rows
NEIGHBOURS = 3  # on the plane, of which one is drawn to go half way to

NAN = float("nan")
Shown = Callable[[float, float], None]  # the numbers of sounds done and in all


class SoundRow(NamedTuple):
    """A row of table 3. NaN where a figure is not measured."""

    name: str
    sounds: int  # measured
    of: int  # how many there are
    grain: float  # ratio to the recordings
    fine_db: float  # mean
    contrast_db: float  # median
    contrast: float  # ratio to the recordings, mean over the tonal sounds
    tonal: int
    visqol: float
    mae_db: float


class HeldRow(NamedTuple):
    """Held points."""

    name: str
    places: list[Evenness]


@dataclass(frozen=True)
class SoundTable:
    """Table 3, and the sounds of its picture."""

    plane: str
    expander: str
    rows: list[SoundRow]
    held: list[HeldRow]
    missing: list[str]  # what is not measured and why, one sentence each
    names: list[str] = field(default_factory=list)  # of the picture's sounds
    recorded: list[Floats] = field(default_factory=list)  # their (frames, bins) dB
    heard: list[Floats] = field(default_factory=list)


def how_it_sounds(
    pack: Pack,
    plane: Plane,
    expander: Expander,
    expander_name: str,
    decoder: Decoder,
    *,
    recordings: Path | None,
    sounds: int = SOUNDS,
    axes: tuple[int, int] | None = None,
    fitted: Mapping[str, Any] = MappingProxyType({}),
    seed: int = 0,
    held_places: int = HELD,
    no_visqol: str = "",
    progress: ProgressCallback = no_progress,
) -> SoundTable:
    """Make table 3: at most `sounds` of each row, evenly taken from all there are.

    Anchors without a recording in the folder `recordings` are left out where there are others.
    Without any, what is left is measured of all. `axes` and `fitted` are those that plane and
    expander were made with. `held_places` are held at anchors and as many between. `no_visqol` says
    why ViSQOL is not measured; "": it is. Raises AudioError.
    """
    count = len(pack.anchors)
    ids = [str(name) for name in pack.anchors.ids]
    files = (
        {}
        if recordings is None
        else {i: recordings / ids[i] for i in range(count) if (recordings / ids[i]).is_file()}
    )
    listener = Listener(pack, decoder, files, has_visqol=not no_visqol)
    known = sorted(files) or list(range(count))
    sides = splits(pack)[known]
    sets = {"anchors": known}
    if np.isin(sides, HELD_OUT).any():
        for name, chosen in (
            ("anchors learned from", ~np.isin(sides, HELD_OUT)),
            ("anchors not learned from", np.isin(sides, HELD_OUT)),
        ):
            sets[name] = [i for i, is_chosen in zip(known, chosen, strict=True) if is_chosen]
    rows = [
        _anchors(name, listener, of, evenly(of, sounds), partial(progress, f"hearing {name}"))
        for name, of in sets.items()
        if of
    ]
    if files:
        rows.insert(0, _recordings(rows[0], listener, evenly(known, sounds)))
        shown = partial(progress, "hearing anchors with their grain")
        rows.insert(
            2, _anchors(f"anchors{GRAINED}", listener, known, evenly(known, sounds), shown, True)
        )
    pairs = _pairs(plane, evenly(known, sounds), known, seed)
    points = (plane.known[pairs[:, 0]] + plane.known[pairs[:, 1]]) / 2
    if len(pairs):
        latents = expander.expand(points)
        shown = partial(progress, "hearing what is between anchors")
        rows.append(_between("between anchors", listener, latents, [], pairs, shown))
        if files:
            grains = listener.grain(expander.anchor_weights(points))
            rows.append(
                _between(f"between anchors{GRAINED}", listener, latents, grains, pairs, shown)
            )
    rows += _before_the_last_fit(pack)
    at_anchors = plane.known[evenly(known, held_places)]
    places = {
        "at anchors": at_anchors,
        "between anchors": points[evenly(range(len(points)), held_places)],
    }
    setting = commands(plane.name, axes, expander_name, fitted)
    evenness = [
        HeldRow(name, held(pack, setting, plane.to_pad(of), partial(progress, f"holding {name}")))
        for name, of in places.items()
        if len(of) and held_places
    ]
    pictured = evenly(known, picture.SOUNDS) if files else []
    return SoundTable(
        plane.name, expander_name, rows, evenness, _missing(count, recordings, files, no_visqol),
        [str(pack.anchors.names[i]) for i in pictured],
        [listener.recorded(i)[0] for i in pictured],
        [listener.again(pack.anchors.latents[i]) for i in pictured],
    )  # fmt: skip


def _anchors(
    name: str,
    listener: Listener,
    of: Sequence[int],
    chosen: Sequence[int],
    shown: Shown,
    grained: bool = False,
) -> SoundRow:
    """The row of the chosen anchors, or with `/grain` 1."""
    figures: list[AnchorFigures] = []
    for anchor in chosen:
        shown(len(figures), len(chosen))
        figures.append(listener.anchor(anchor, grained=grained))
    means = heard.means([each.detail for each in figures])
    return SoundRow(
        name, len(chosen), len(of), means.grain, means.fine_db, means.contrast_db, means.contrast,
        means.tonal, float(np.mean([each.visqol for each in figures])),
        float(np.mean([each.mae_db for each in figures])),
    )  # fmt: skip


def _recordings(anchors: SoundRow, listener: Listener, chosen: Sequence[int]) -> SoundRow:
    """The row of the recordings of the chosen anchors, with which the others are compared."""
    means = heard.means([listener.anchor(i).detail for i in chosen])
    return anchors._replace(
        name="recordings", grain=1.0, fine_db=means.recorded_fine_db,
        contrast_db=means.recorded_contrast_db, contrast=1.0 if means.tonal else NAN,
        visqol=NAN, mae_db=NAN,
    )  # fmt: skip


def _pairs(
    plane: Plane, chosen: Sequence[int], known: Sequence[int], seed: int
) -> NDArray[np.intp]:
    """(n, 2) each chosen anchor and one of its `NEIGHBOURS` nearest among the `known` ones, drawn.

    An anchor at the same place is no neighbour. None of an anchor that has no neighbour.
    """
    rng = np.random.default_rng(seed)
    others = np.array(known)
    pairs = []
    for anchor in chosen:
        away = np.linalg.norm(plane.known[others] - plane.known[anchor], axis=1)
        near = [k for k in np.argsort(away, kind="stable") if away[k] > 0][:NEIGHBOURS]
        if near:
            pairs.append((anchor, int(others[near[rng.integers(len(near))]])))
    return np.array(pairs, np.intp).reshape(-1, 2)


def _between(
    name: str,
    listener: Listener,
    latents: Floats,
    grains: Sequence[SoundGrain],
    pairs: NDArray[np.intp],
    shown: Shown,
) -> SoundRow:
    """The row of the (n, D) latents half way between the anchors of (n, 2) pairs, with the grain of
    each, if any.

    Its grain is the ratio of the fine deviations, dB, of what is heard to the mean of those of the
    two recordings, each where the sound itself is above the threshold.
    """
    r = listener.pack.representation
    details: list[Detail] = []
    added = grains or [NO_GRAIN] * len(latents)
    for latent, grain, pair in zip(latents, added, pairs, strict=True):
        shown(len(details), len(latents))
        again = listener.again(latent, grain)
        near = [fine_db(listener.recorded(int(i))[0]) for i in pair if int(i) in listener.files]
        reference = float(np.mean(near)) if near else NAN
        details.append(Detail(fine_db(again), reference, contrast(again, r), NAN))
    means = heard.means(details)
    return SoundRow(
        name, len(pairs), len(pairs), means.grain, means.fine_db, means.contrast_db,
        NAN, 0, NAN, NAN,
    )  # fmt: skip


def _before_the_last_fit(pack: Pack) -> list[SoundRow]:
    """What the card says of sounds that were not learned from before the model was fit to all."""
    quality = pack.training.get("quality", {})
    if LEARNED not in quality:
        return []
    rows = []
    for side in HELD_OUT:
        if side in quality:
            figures = {**dict.fromkeys(("grain", "contrast", "visqol"), NAN), **quality[side]}
            rows.append(
                SoundRow(
                    f"{SPLIT_LABELS[side]}, before the last fit (card)", figures["sounds"],
                    pack.training["sounds"][side], figures["grain"], NAN, NAN, figures["contrast"],
                    figures.get("tonal", 0), figures["visqol"], figures["mae_db"],
                )
            )  # fmt: skip
    return rows


def _missing(
    count: int, recordings: Path | None, files: dict[int, Path], no_visqol: str
) -> list[str]:
    """What is not measured, and why."""
    if not files:
        why = "no folder of them was given" if recordings is None else "the folder holds none"
        return [
            f"Not measured without the recordings ({why}): ratios to them, ViSQOL and MAE, and "
            "their picture."
        ]
    missing = []
    if len(files) < count:
        missing.append(f"Left out: {count - len(files)} of {count} anchors without a recording.")
    if no_visqol:
        missing.append(f"Not measured: ViSQOL ({no_visqol}).")
    return missing
