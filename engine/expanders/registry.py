"""Fits any expander by its name, from a plane."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from time import perf_counter

import numpy as np

from latentpad.engine.expander_declarations import DECLARED, FITS, NAMES
from latentpad.engine.expanders.anchor_index import METRICS
from latentpad.engine.expanders.expander import Expander, ExpanderSettings
from latentpad.engine.expanders.spline import GLOBAL_SITES
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
    weights: Mapping[int, float] | None = None,
) -> Expander:
    """Fit an expander to a plane's anchors, and compile its kernels.

    Args:
        name: one of NAMES.
        plane: the anchors.
        metric: one of METRICS; how distance on the plane is measured. "mahalanobis" also whitens
            the unknown coordinates of `multilateration`, and changes `gaussian` little. `lattice`
            chooses its anchors by the metric. `mean` does not use it.
        guard: keep z̃ within the anchors' ellipsoid. Anchors are never moved.
        focus: the number of neighbours of `dwell` and `local`, and of `rbf` if there are many
            anchors; the number of anchors that `lattice` chooses.
        scale: s of `multilateration` (the paper's K), the factor of squared distances on the plane.
        base: the anchor that `lattice` starts from.
        weights: {anchor: α} of `lattice`; None: the point sets them.

    Raises:
        ValueError: an unknown name or metric, a focus below 1, an anchor that does not exist, or
            `barycentric` on a plane of more than two coordinates.
    """
    if name not in FITS:
        raise ValueError(f"expander {name!r}: choose one of {', '.join(NAMES)}")
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r}: choose one of {', '.join(METRICS)}")
    if focus < 1:
        raise ValueError(f"focus {focus}: use one anchor at least")
    expander = FITS[name](plane, ExpanderSettings(metric, guard, focus, scale, base, weights))
    expander.expand(plane.known[:1])
    return expander


def cost(name: str, anchors: int, dimension: int = 16, points: int = 2000) -> tuple[float, float]:
    """Measure the cost of an expander on this machine.

    Args:
        name: one of NAMES.
        anchors: L; they are drawn from a normal distribution.
        dimension: D of a latent.
        points: number of points, spread over the pad, each expanded by one call.

    Returns:
        Seconds to fit (without compiling kernels and importing libraries), and the median
        microseconds per point.
    """
    random = np.random.default_rng(0)
    latents = random.normal(size=(anchors, dimension)).astype(np.float32)
    fit(name, Plane.raw(latents[: 2 * GLOBAL_SITES]))  # compiles what the larger fit runs
    plane = Plane.raw(latents)
    started = perf_counter()
    expander = fit(name, plane)
    fit_s = perf_counter() - started
    point_s = np.empty(points)
    for i, point in enumerate(plane.from_pad(random.random((points, 1, 2)))):
        started = perf_counter()
        expander.expand(point)
        point_s[i] = perf_counter() - started
    return fit_s, 1e6 * float(np.median(point_s))
