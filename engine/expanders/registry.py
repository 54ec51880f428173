"""One way to all expanders: by name, from a plane."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from time import perf_counter

import numpy as np

from latentpad.engine.expander_declarations import DECLARED, FITS, NAMES
from latentpad.engine.expanders.anchor_index import METRICS
from latentpad.engine.expanders.expander import Expander, Settings
from latentpad.engine.expanders.spline import WHOLE
from latentpad.engine.plane import Plane

for module in dict.fromkeys(DECLARED.values()):
    import_module(f"latentpad.engine.expanders.{module}")


def fit(
    name: str,
    plane: Plane,
    *,
    metric: str = "euclidean",
    guard: bool = True,
    focus: int = 24,
    scale: float = 1.0,
    base: int = 0,
    faders: Mapping[int, float] | None = None,
) -> Expander:
    """Fit an expander to a plane's anchors, and compile what it runs.

    Args:
        name: one of NAMES.
        plane: the anchors.
        metric: one of METRICS; how distance on the plane is measured. "mahalanobis" whitens
            `multilateration`'s unknown coordinates too and changes `gaussian` little; `lattice`
            chooses its anchors by it; `mean` measures no distance.
        guard: keep z̃ within the anchors' ellipsoid. Never moves an anchor.
        focus: neighbours that `dwell` and `local` listen to, and `rbf` where the anchors are many;
            anchors that `lattice` chooses.
        scale: s of `multilateration` (the paper's K), of squared distances on the plane.
        base: the anchor that `lattice` starts from.
        faders: of `lattice`, {anchor: α}; None lets the point set them.

    Raises:
        ValueError: an unknown name or metric, a focus below 1, an anchor that is not there;
            `barycentric` on a plane of more than two coordinates.
    """
    if name not in FITS:
        raise ValueError(f"expander {name!r}: choose one of {', '.join(NAMES)}")
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r}: choose one of {', '.join(METRICS)}")
    if focus < 1:
        raise ValueError(f"focus {focus}: listen to one anchor at least")
    expander = FITS[name](plane, Settings(metric, guard, focus, scale, base, faders))
    expander.expand(plane.known[:1])
    return expander


def cost(name: str, anchors: int, dimension: int = 16, points: int = 2000) -> tuple[float, float]:
    """What an expander costs on this machine.

    Args:
        name: one of NAMES.
        anchors: L, drawn from a Gaussian.
        dimension: D of a latent.
        points: how many, all over the pad, each expanded by a call of its own.

    Returns:
        Seconds to fit (kernels compiled and libraries imported before), and the median
        microseconds of a point.
    """
    random = np.random.default_rng(0)
    latents = random.normal(size=(anchors, dimension)).astype(np.float32)
    fit(name, Plane.raw(latents[: 2 * WHOLE]))  # the same road as all of them
    plane = Plane.raw(latents)
    begun = perf_counter()
    expander = fit(name, plane)
    fitted = perf_counter() - begun
    spent = np.empty(points)
    for i, point in enumerate(plane.place(random.random((points, 1, 2)))):
        begun = perf_counter()
        expander.expand(point)
        spent[i] = perf_counter() - begun
    return fitted, 1e6 * float(np.median(spent))
