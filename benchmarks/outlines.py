"""How near the outlines from a few frames are to those of the whole sound, and what they cost.

    python -m latentpad.benchmarks.outlines

Prints `benchmarks/outlines.md` and writes it. Beside `Outlines`, two ways that decode nothing: the
outlines of the eight nearest anchors, mixed by the inverse of their distances, and a linear
spline through the 50 nearest (SciPy's `RBFInterpolator`).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from latentpad.benchmarks.decode_frames import COUNT, ONE_THREAD, blas
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.wide_pack import wide_pack
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.decode.outlines import Outlines, sampled
from latentpad.engine.expanders import NAMES, fit
from latentpad.engine.latent_bounds import LatentBounds
from latentpad.engine.planes import Planes
from latentpad.models.packs.pack import SHIPPED, Pack, load
from latentpad.models.representation import Floats, outline

PAGE = Path(__file__).with_suffix(".md")
ON_THE_PAD = 25  # points of each plane by each expander
OTHERS = 400  # latents of each other kind
CALLS = 200

Estimate = Callable[[Floats], object]  # latents (n, D) to outlines (n, 3)


def latents_met(pack: Pack) -> dict[str, Floats]:
    """Latents (n, D) as an instrument meets them, by what leads to them."""
    rng, anchors = np.random.default_rng(0), pack.anchors.latents
    bounds, planes = LatentBounds.of(anchors), Planes(pack)
    pad = []
    for name in planes.names:
        if name in pack.planes and len(pack.planes[name]) != len(anchors):
            continue  # the untrained decoder has anchors of its own
        plane = planes.get(name, planes.default_axes(name))
        for expander in NAMES:
            for guard in (True, False):
                points = plane.from_pad(rng.random((ON_THE_PAD, 2)))
                pad.append(fit(expander, plane, guard=guard).expand(points))
    mean, spread = anchors.mean(axis=0), anchors.std(axis=0)
    walk, z = [], anchors[0].astype(np.float64)
    for step in range(OTHERS):
        if step % 20 == 0:
            z = anchors[rng.integers(len(anchors))].astype(np.float64)
        k = rng.integers(len(z))
        z[k] = mean[k] + spread[k] * rng.uniform(-3, 3)
        walk.append(z.copy())
    base, *others = anchors[rng.integers(len(anchors), size=(5, OTHERS))]
    weights = rng.uniform(-0.25, 1, (4, OTHERS, 1))
    mixed = base + sum(w * (other - base) for w, other in zip(weights, others, strict=True))
    found = {
        "the pad": np.concatenate(pad),
        "anchors": anchors[rng.permutation(len(anchors))[:OTHERS]],
        "`/latent` walks": np.array(walk),
        "lattice mixtures": mixed,
        "anywhere in the bounds": rng.uniform(bounds.low, bounds.high, (OTHERS, len(mean))),
    }
    return {name: bounds.clip(z).astype(np.float32) for name, z in found.items()}


def exact(pack: Pack, decoder: FrameDecoder, latents: Floats) -> Floats:
    """(n, 3) the outlines of the whole sounds."""
    r = pack.representation
    return np.array(
        [outline(r.spectrum(decoder.whole(z[None])[0]), r) for z in latents], np.float32
    )


def nearest(anchors: Floats, outlines: Floats) -> Estimate:
    tree = cKDTree(anchors)

    def estimate(latents: Floats) -> Floats:
        distance, k = tree.query(latents, min(8, len(anchors)))
        weight = 1 / (distance + 1e-9)
        mixed: Floats = np.einsum("nk,nkc->nc", weight, outlines[k]) / weight.sum(axis=1)[:, None]
        return mixed

    return estimate


def median_ms(call: Callable[[int], object]) -> float:
    """Processor time: others use the machine too."""
    for k in range(5):
        call(k)
    spent = []
    for k in range(CALLS):
        began = time.thread_time()
        call(k)
        spent.append(1000 * (time.thread_time() - began))
    return statistics.median(spent)


def errors(found: Floats, true: Floats) -> str:
    """Cells of a row: level, onset, end."""
    level, onset, end = np.abs(found - true).T
    return (
        f"{np.median(level):.2f} / {np.percentile(level, 95):.2f} / "
        f"{np.percentile(level, 99):.2f} / {level.max():.1f} | "
        f"{np.percentile(onset, 95):.2f} / {np.percentile(onset, 99):.2f} / {onset.max():.1f} | "
        f"{100 * np.mean(onset > 1):.1f} % | "
        f"{np.median(end):.0f} / {np.percentile(end, 95):.0f}"
    )


def compare(pack: Pack) -> str:
    """A pack's tables."""
    decoder, anchors, r = FrameDecoder(pack), pack.anchors.latents, pack.representation
    began = time.process_time()
    outlines = Outlines(pack, decoder)
    made_ms = 1000 * (time.process_time() - began)
    known = exact(pack, decoder, anchors)
    ways: dict[str, Estimate] = {
        "a few frames": outlines.of,
        "nearest anchors": nearest(anchors, known),
        "spline": RBFInterpolator(anchors, known, neighbors=min(50, len(anchors)), kernel="linear"),
    }
    lines = [
        "| latents of | by | level, dB: median / p95 / p99 / max | onset, frames: p95 / p99 / max |"
        " onset > 1 frame | end, frames: median / p95 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    pad: Floats = anchors
    for where, latents in latents_met(pack).items():
        pad = latents if where == "the pad" else pad
        true = exact(pack, decoder, latents)
        for way, estimate in ways.items():
            if way != "a few frames" and where == "anchors":
                continue  # they are known
            found = np.array(estimate(latents), np.float32)
            lines.append(f"| {where} | {way} | {errors(found, true)} |")
    np.random.default_rng(0).shuffle(pad)
    before = decoder.computed[-1]
    outlines.of(pad[:CALLS])
    frames = (decoder.computed[-1] - before) / CALLS
    costs = [
        median_ms(lambda k: outlines.of(pad[k : k + 1])),
        median_ms(lambda k: outlines.of(pad[8 * k % 1000 :][:8])),
        median_ms(lambda k: decoder.frames(pad[k : k + 1], [40], COUNT)),
        median_ms(lambda k: outline(r.spectrum(decoder.whole(pad[k : k + 1])[0]), r)),
        *(median_ms(lambda k, way=way: ways[way](pad[k : k + 1])) for way in list(ways)[1:]),  # type: ignore[misc]
    ]
    lines += [
        "",
        f"{len(sampled(r))} of {r.frames} frames are sampled; with the windows {frames:.0f} are "
        f"decoded on average of points of the pad. Made in {made_ms:.1f} ms.",
        "",
        f"| outline | of eight sounds | {COUNT} frames | whole sound and its outline | nearest "
        "anchors | spline |",
        "| --- | --- | --- | --- | --- | --- |",
        "| " + " | ".join(f"{cost:.2f}" for cost in costs) + " |",
    ]
    return "\n".join(lines)


def main() -> None:
    os.environ.update(ONE_THREAD)
    parts = [
        "# Outlines from a few frames",
        f"`python -m latentpad.benchmarks.outlines` on {machine()}, {blas()}, with a load average "
        f"of {os.getloadavg()[0]:.1f} before.",
        "A voice needs a sound's level, onset and end before the sound is decoded whole. The first "
        "tables have the differences to those of the whole sound; the loudness is that of the "
        "loudest 50 ms, a frame lasts 5.3 ms. Points of the pad are of all planes and expanders, "
        "with and without the guard. The second tables have medians of "
        f"{CALLS} calls in ms of processor time, of points of the pad.",
    ]
    with tempfile.TemporaryDirectory() as folder:
        packs = {name: load(SHIPPED / name) for name in ("footsteps", "oneshots")}
        packs["Width 384, hidden 512, 64 latents, untrained"] = wide_pack(Path(folder) / "wide")
        for path in sys.argv[1:]:
            packs[Path(path).name] = load(path)
        for name, pack in packs.items():
            parts += [f"## {name}", compare(pack)]
    page = "\n\n".join(parts) + "\n"
    PAGE.write_text(page, encoding="utf-8")
    print(page, end="")


if __name__ == "__main__":
    main()
