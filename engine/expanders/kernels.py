"""The compiled computations of the expanders.

Every kernel takes a batch of points and loops over them, so a single point runs the same code and
gives the same bits. Common arguments are three plain tuples:

``view``: (centre (D1,), reach, origin (D1,), axes (D1, D1), direction_only), the transform from the
plane to the coordinates in which distance is measured.
``body``: (mean (D2,), axes (D2, D2), radius), the anchors' ellipsoid, for the guard.
``frame``: (centre (D1,), from_known (D1, D), from_unknown (D2, D), latent at the origin (D,)).

All kernels release the GIL and have no shared state: any thread may call them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Floats = NDArray[np.floating]
Indices = NDArray[np.intp]
View = tuple[Float64, float, Float64, Float64, bool]
Ellipsoid = tuple[Float64, Float64, float]
Frame = tuple[Float64, Float64, Float64, Float64]

LARGEST = float(np.finfo(np.float32).max)
NEIGHBOUR_POWER = 2  # exponent of a neighbour's weight
SLACK = 1e-9  # relative tolerance of the guard, so that rounding does not move the farthest anchor


@njit(cache=True, nogil=True)
def to_metric(points: Float64, view: View) -> Float64:
    """Points (n, D1) -> coordinates (n, D1) in which distance is measured.

    A point is clamped to `reach` around the centre: farther away, all distances round to the same.
    A NaN becomes the coordinate of the centre.
    """
    centre, reach, origin, axes, direction_only = view
    count, width = points.shape
    out = np.zeros((count, width))
    for n in range(count):
        for i in range(width):
            p = points[n, i]
            if math.isnan(p):
                p = centre[i]
            offset = min(max(p, centre[i] - reach), centre[i] + reach) - origin[i]
            for j in range(width):
                out[n, j] += offset * axes[i, j]
        if direction_only:
            length = 0.0
            for j in range(width):
                length += out[n, j] * out[n, j]
            if length > 0.0:
                for j in range(width):
                    out[n, j] /= math.sqrt(length)
    return out


@njit(cache=True, nogil=True)
def to_latents(points: Float64, unknown: Floats, body: Ellipsoid, frame: Frame) -> Float64:
    """Known (n, D1) and unknown (n, D2) -> latents (n, D), guarded and within float32's range."""
    mean, axes, radius = body
    centre, from_known, from_unknown, origin = frame
    count, width = points.shape
    d2, dimension = len(mean), len(origin)
    out = np.empty((count, dimension))
    sphere = np.empty(d2)
    for n in range(count):
        scale = 1.0
        if radius < math.inf:
            sphere[:] = 0.0
            for i in range(d2):
                offset = unknown[n, i] - mean[i]
                for j in range(d2):
                    sphere[j] += offset * axes[i, j]
            distance = 0.0
            for j in range(d2):
                distance += sphere[j] * sphere[j]
            distance = math.sqrt(distance)
            if distance > radius * (1.0 + SLACK):
                scale = radius / distance
        for j in range(dimension):
            out[n, j] = origin[j]
        for i in range(width):
            p = points[n, i]
            if math.isnan(p):
                p = centre[i]
            p = min(max(p, -LARGEST), LARGEST)
            for j in range(dimension):
                out[n, j] += p * from_known[i, j]
        for i in range(d2):
            u = unknown[n, i]
            if scale < 1.0:
                u = mean[i] + scale * (u - mean[i])
            for j in range(dimension):
                out[n, j] += u * from_unknown[i, j]
        for j in range(dimension):
            out[n, j] = min(max(out[n, j], -LARGEST), LARGEST)
    return out


@njit(cache=True, nogil=True)
def affine(
    points: Float64, view: View, offset: Float64, slope: Float64, body: Ellipsoid, frame: Frame
) -> Float64:
    """Latents (n, D) with z̃ = offset (D2,) + x @ slope (D1, D2); x in the metric's coordinates."""
    x = to_metric(points, view)
    count, width = x.shape
    unknown = np.empty((count, len(offset)))
    for n in range(count):
        unknown[n] = offset
        for i in range(width):
            for j in range(len(offset)):
                unknown[n, j] += x[n, i] * slope[i, j]
    return to_latents(points, unknown, body, frame)


@njit(cache=True, nogil=True)
def select_anchors(
    points: Float64, anchors: Indices, unknown: Floats, body: Ellipsoid, frame: Frame
) -> Float64:
    """Latents (n, D) with the unknown coordinates of one anchor (n,) for each point."""
    rows = np.empty((len(points), unknown.shape[1]))
    for n in range(len(points)):
        rows[n] = unknown[anchors[n]]
    return to_latents(points, rows, body, frame)


@njit(cache=True, nogil=True)
def neighbour_weights(distance: Float64, focus: int, power: int, weights: Float64) -> None:
    """Fill weights (focus,), whose sum is 1, from the ascending distances of focus + 1 neighbours.

    A weight is ((R - d)₊ / (R d)) to the power `power`. R is the distance to the last neighbour, or
    infinite if there are only `focus`. Scaled by the nearest distance, so that nothing overflows.
    """
    radius = distance[focus] if len(distance) > focus else math.inf
    nearest = distance[0]
    total = 0.0
    for k in range(focus):
        if nearest == 0.0:
            weights[k] = 1.0 if distance[k] == 0.0 else 0.0
        else:
            weights[k] = ((1.0 - distance[k] / radius) * (nearest / distance[k])) ** power
        total += weights[k]
    for k in range(focus):  # all are at the distance R: equal weights
        weights[k] = weights[k] / total if total > 0.0 else 1.0 / focus


@njit(cache=True, nogil=True)
def solve_spd(a: Float64, b: Float64) -> None:
    """Solve a x = b in place (b becomes x) for a small symmetric positive definite a."""
    size = len(b)
    for i in range(size):
        for k in range(i + 1, size):
            ratio = a[k, i] / a[i, i]
            for j in range(i, size):
                a[k, j] -= ratio * a[i, j]
            b[k] -= ratio * b[i]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            b[i] -= a[i, j] * b[j]
        b[i] /= a[i, i]


@njit(cache=True, nogil=True)
def conditional_weights(
    x: Float64, sites: Float64, neighbour: Indices, weights: Float64, ridge: float
) -> None:
    """Turn the weights of a mean into the weights of the conditional mean at x, in place.

    m(z̃) + C(z̃, z̄) (C(z̄, z̄) + λI)⁻¹ (x - m(z̄)) is Σ a_k z̃_k with
    a_k = w_k (1 + (z̄_k - m(z̄))·t), t = (C(z̄, z̄) + λI)⁻¹ (x - m(z̄)).
    """
    width = len(x)
    mean, t = np.zeros(width), np.empty(width)
    covariance = np.zeros((width, width))
    for k in range(len(weights)):
        for i in range(width):
            mean[i] += weights[k] * sites[neighbour[k], i]
    for k in range(len(weights)):
        for i in range(width):
            for j in range(width):
                covariance[i, j] += (
                    weights[k]
                    * (sites[neighbour[k], i] - mean[i])
                    * (sites[neighbour[k], j] - mean[j])
                )
    for i in range(width):
        covariance[i, i] += ridge
        t[i] = x[i] - mean[i]
    solve_spd(covariance, t)
    for k in range(len(weights)):
        along = 0.0
        for i in range(width):
            along += (sites[neighbour[k], i] - mean[i]) * t[i]
        weights[k] *= 1.0 + along


@njit(cache=True, nogil=True)
def local(
    points: Float64,
    x: Float64,
    distance: Float64,
    neighbour: Indices,
    focus: int,
    power: int,
    sites: Float64,
    unknown: Floats,
    ridge: float,
    body: Ellipsoid,
    frame: Frame,
) -> Float64:
    """Latents (n, D) with the conditional mean at x (n, D1) of its neighbours (n, focus [+ 1])."""
    count, d2 = len(x), unknown.shape[1]
    weights = np.empty(focus)
    out = np.zeros((count, d2))
    for n in range(count):
        neighbour_weights(distance[n], focus, power, weights)
        conditional_weights(x[n], sites, neighbour[n], weights, ridge)
        for k in range(focus):
            for i in range(d2):
                out[n, i] += weights[k] * unknown[neighbour[n, k], i]
    return to_latents(points, out, body, frame)


@njit(cache=True, nogil=True)
def weighted_spread(
    distance: Float64,
    neighbour: Indices,
    focus: int,
    power: int,
    unknown: Floats,
    within: Float64,
) -> Float64:
    """Weighted standard deviation (n,) of z̃, root mean square over D2.

    `within` (M,) is the variance among the anchors of each site.
    """
    count, d2 = len(distance), unknown.shape[1]
    weights, mean = np.empty(focus), np.empty(d2)
    out = np.zeros(count)
    for n in range(count):
        neighbour_weights(distance[n], focus, power, weights)
        mean[:] = 0.0
        for k in range(focus):
            for i in range(d2):
                mean[i] += weights[k] * unknown[neighbour[n, k], i]
        for k in range(focus):
            variance = 0.0
            for i in range(d2):
                variance += (unknown[neighbour[n, k], i] - mean[i]) ** 2
            out[n] += weights[k] * (within[neighbour[n, k]] + variance / max(d2, 1))
        out[n] = math.sqrt(out[n])
    return out


@njit(cache=True, nogil=True)
def blend_values(
    distance: Float64,
    neighbour: Indices,
    focus: int,
    power: int,
    order: Indices,
    start: Indices,
    values: Float64,
) -> Float64:
    """Weighted average (n,) of a scalar of the anchors. Anchors at one site count as their mean."""
    weights = np.empty(focus)
    out = np.zeros(len(distance))
    for n in range(len(distance)):
        neighbour_weights(distance[n], focus, power, weights)
        for k in range(focus):
            first, last = start[neighbour[n, k]], start[neighbour[n, k] + 1]
            value = 0.0
            for m in range(first, last):
                value += values[order[m]] / (last - first)
            out[n] += weights[k] * value
    return out


@njit(cache=True, nogil=True)
def lattice_latents(
    points: Float64,
    weights: Float64,
    base: Float64,
    offsets: Float64,
    body: Ellipsoid,
    frame: Frame,
) -> Float64:
    """Latents (n, D) with z̃ = base (D2,) + weights (n, F) @ offsets (F, D2)."""
    unknown = np.empty((len(weights), len(base)))
    for n in range(len(weights)):
        unknown[n] = base
        for f in range(len(offsets)):
            for j in range(len(base)):
                unknown[n, j] += weights[n, f] * offsets[f, j]
    return to_latents(points, unknown, body, frame)
