"""What `/grain` does to the steps of a sound under a moving finger, and what it costs.

    python -m latentpad.benchmarks.grain PACK FOLDER [--ways 20] [--expander dwell]

Compares decoded sounds of PACK without and with the residuals of its recordings in FOLDER: how far
anchors are from their recordings, the largest step of the magnitudes on ways between two anchors,
and the processor time of what is heard first of a point. How it sounds is in table 3 of `latentpad
evaluate PACK --sounds FOLDER`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.grain import NO_GRAIN, Grain, SoundGrain, blended_amounts
from latentpad.engine.decode.windows import SIZES
from latentpad.engine.expanders import NAMES, Expander, fit
from latentpad.engine.expanders.anchor_weights import AnchorWeights
from latentpad.engine.planes import Planes
from latentpad.models.grain import Steps, anchor_residual, recorded_db
from latentpad.models.metrics import heard, similarity
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats

STEPS = 200  # of a way
SOUNDS = 40
TIMED = 300  # windows
KEPT = 400  # residuals in memory

Frames = Callable[[Floats, SoundGrain], Floats]


class Recordings:
    """The residuals of a pack's recordings in a folder."""

    def __init__(self, pack: Pack, folder: Path, decoder: FrameDecoder) -> None:
        self._pack, self._folder, self._decoder = pack, folder, decoder
        self.residual = lru_cache(KEPT)(self._residual)

    def recorded(self, anchor: int) -> Floats:
        """(frames, bins) dB of an anchor's recording. Raises AudioError."""
        name = str(self._pack.anchors.ids[anchor])
        return recorded_db(self._folder / name, self._pack.representation)

    def _residual(self, anchor: int) -> Steps | None:
        latent, r = self._pack.anchors.latents[anchor], self._pack.representation
        return anchor_residual(self.recorded(anchor), latent, self._decoder.whole, r)


def grains(grain: Grain, blended: AnchorWeights) -> list[SoundGrain]:
    """The grain of points with `/grain` 1."""
    return [grain.of(wanted)[0] for wanted in blended_amounts(blended)]


def largest_steps(
    pack: Pack, expander: Expander, grain: Grain, frames: Frames, ways: int
) -> tuple[list[float], list[float]]:
    """The largest step in dB of each way between two anchors, without grain and with it."""
    rng = np.random.default_rng(0)
    known = expander.plane.known
    without: list[float] = []
    with_grain: list[float] = []
    for _ in range(ways):
        first, last = rng.choice(len(known), 2, replace=False)
        points = known[first] + np.linspace(0, 1, STEPS + 1)[:, None] * (known[last] - known[first])
        latents = expander.expand(points)
        added = grains(grain, expander.anchor_weights(points))
        for steps, wanted in ((without, [NO_GRAIN] * len(points)), (with_grain, added)):
            largest, before = 0.0, None
            for latent, each in zip(latents, wanted, strict=True):
                now = frames(latent, each)
                if before is not None:
                    largest = max(largest, similarity.mae_db(before, now))
                before = now
            steps.append(largest)
    return without, with_grain


def microseconds(work: Callable[[int], object]) -> float:
    """The median processor time of a call."""
    spent = []
    for k in range(TIMED):
        began = time.process_time()
        work(k)
        spent.append(time.process_time() - began)
    return 1e6 * float(np.median(spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ways", type=int, default=20, help=f"of {STEPS} steps each")
    parser.add_argument("--expander", choices=NAMES, default="dwell")
    options = parser.parse_args()
    pack = packs.load(packs.find(options.pack))
    r, decoder, planes = pack.representation, FrameDecoder(pack), Planes(pack)
    recordings = Recordings(pack, options.folder, decoder)
    grain = Grain(recordings, waits=True)
    plane = planes.get(planes.default, planes.default_axes(planes.default))
    expander = fit(options.expander, plane)

    def frames(latent: Floats, added: SoundGrain) -> Floats:
        return r.spectrum(added.added(decoder.whole(latent[None])[0], slice(None), r))

    print(f"\n## {pack.name}, {plane.name}, {options.expander}\n")
    print("| | `/grain` 0 | `/grain` 1 |\n| --- | --- | --- |")
    chosen = heard.evenly(range(len(pack.anchors)), SOUNDS)
    at_anchors = grains(grain, expander.anchor_weights(plane.known[chosen]))
    errors = np.array(
        [
            [similarity.mae_db(recordings.recorded(k), frames(pack.anchors.latents[k], g))
             for g in (NO_GRAIN, added)]
            for k, added in zip(chosen, at_anchors, strict=True)
        ]
    )  # fmt: skip
    mean, most = errors.mean(axis=0), errors.max(axis=0)
    print(f"| MAE of {len(chosen)} anchors, dB (largest) | " + " | ".join(
        f"{a:.2f} ({b:.2f})" for a, b in zip(mean, most, strict=True)) + " |")  # fmt: skip
    steps = largest_steps(pack, expander, grain, frames, options.ways)
    print(f"| largest step of {options.ways} ways in {STEPS}, dB: median (largest) | " + " | ".join(
        f"{np.median(each):.2f} ({max(each):.2f})" for each in steps) + " |")  # fmt: skip
    points = plane.from_pad(np.random.default_rng(1).random((TIMED, 2)))
    latents, count = expander.expand(points), min(SIZES[0], r.frames)
    added = grains(grain, expander.anchor_weights(points))
    rows = slice(0, count)
    costs = [
        microseconds(lambda k: decoder.frames(latents[k : k + 1], [0], count)),
        microseconds(
            lambda k: added[k].added(decoder.frames(latents[k : k + 1], [0], count)[0], rows, r)
        ),
    ]
    print(f"| a window of {count} frames, µs | " + " | ".join(f"{c:.0f}" for c in costs) + " |")
    weights = microseconds(lambda k: expander.anchor_weights(points[k : k + 1]))
    blended = np.mean([len(each.amounts) for each in added])
    print(f"\n{blended:.1f} anchors are blended at a point; finding them takes {weights:.0f} µs.")


if __name__ == "__main__":
    main()
