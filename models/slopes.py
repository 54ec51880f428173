"""How steep the sound is under a finger on a map, and which way its places would have to go.

A map's anchors have places (L, 2) and latents (L, D). Between them a latent is the local
conditional mean of the `FOCUS` nearest, as `engine.expanders.local` has it; a step's length is
measured by the decoder's pull-back metric at the anchors (Arvanitidis, Hansen & Hauberg, "Latent
space oddity", 2018), whose roots (L, D, D) come from `models.learned_map`. Compiled; any thread
may call.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]

FOCUS = 24
STEP = 0.01  # of the map's root mean square: how far the finger goes
RIDGE = 1e-3  # of the places' mean variance, which is 1
NEAR = 1e-9  # a place nearer than this is not heard alone, or it would have no way to go


def slopes(
    places: Float64, latents: Float64, roots: Float64, points: Float64, ways: Float64, sharp: float
) -> Float64:
    """(n,) dB per unit of the map when a finger at points (n, 2) goes along unit vectors (n, 2).

    `places` have a root mean square of one; `sharp` is the power of a place's weight.
    """
    return _slopes(places, latents, roots, points, ways, _near(places, points), sharp)


def pull(
    places: Float64,
    latents: Float64,
    roots: Float64,
    points: Float64,
    ways: Float64,
    sharp: float,
    power: float,
) -> tuple[Float64, Float64]:
    """Gradient of sum(slopes ** power) / power by the places (L, 2) and by the points (n, 2)."""
    near = _near(places, points)
    return _pull(places, latents, roots, points, ways, near, sharp, power)


def _near(places: Float64, points: Float64) -> Indices:
    """(n, FOCUS + 1) the places nearest to the points, fewer where there are fewer. That STEP
    farther another may come in is left out: half the search, and one slope in ten is a hundredth
    or more away from the instrument's."""
    count = min(FOCUS + 1, len(places))
    near = cKDTree(places).query(points, [*range(1, count + 1)])[1]
    return np.ascontiguousarray(near)


@njit(cache=True, nogil=True)
def _weigh(x, near, places, sharp, raw, weight):
    """Fill raw (k,) and weight (k,), whose sum is 1, of all but the last of near (k + 1,)."""
    count = len(near) - 1
    ex, ey = places[near[count], 0] - x[0], places[near[count], 1] - x[1]
    reach = math.sqrt(ex * ex + ey * ey) + NEAR
    first, total = 0.0, 0.0
    for k in range(count):
        dx, dy = places[near[k], 0] - x[0], places[near[k], 1] - x[1]
        d = math.sqrt(dx * dx + dy * dy) + NEAR
        if k == 0:
            first = d
        raw[k] = max(first / d - first / reach, 0.0)
        weight[k] = raw[k] ** sharp
        total += weight[k]
    for k in range(count):
        weight[k] = weight[k] / total if total > 0.0 else 1.0 / count
    return total, first, reach


@njit(cache=True, nogil=True)
def _lean(x, near, places, weight, mean, away, t, share):
    """The conditional mean's shares (k,) of the anchors at x; fills mean (2,), away (k, 2), t (2,).

    Returns the inverse of the places' covariance: its three numbers.
    """
    count = len(weight)
    mean[:] = 0.0
    for k in range(count):
        mean[0] += weight[k] * places[near[k], 0]
        mean[1] += weight[k] * places[near[k], 1]
    a, b, c = RIDGE, 0.0, RIDGE
    for k in range(count):
        away[k, 0] = places[near[k], 0] - mean[0]
        away[k, 1] = places[near[k], 1] - mean[1]
        a += weight[k] * away[k, 0] * away[k, 0]
        b += weight[k] * away[k, 0] * away[k, 1]
        c += weight[k] * away[k, 1] * away[k, 1]
    det = a * c - b * b
    ia, ib, ic = c / det, -b / det, a / det
    dx, dy = x[0] - mean[0], x[1] - mean[1]
    t[0], t[1] = ia * dx + ib * dy, ib * dx + ic * dy
    for k in range(count):
        share[k] = weight[k] * (1.0 + away[k, 0] * t[0] + away[k, 1] * t[1])
    return ia, ib, ic


@njit(cache=True, nogil=True)
def _step(near, places, latents, roots, point, way, sharp, hold, flow):
    """The sound's slope at one point; fills hold's two columns of what `_pull` needs again, and
    flow (2, D): the step of z̃ and the slope's derivative by it."""
    raw, weight, mean, away, t, share, x, inverse, scale = hold
    dimension = latents.shape[1]
    flow[:] = 0.0
    for side in range(2):
        x[side, 0] = point[0] + side * STEP * way[0]
        x[side, 1] = point[1] + side * STEP * way[1]
        total, first, reach = _weigh(x[side], near, places, sharp, raw[side], weight[side])
        scale[side, 0], scale[side, 1], scale[side, 2] = total, first, reach
        ia, ib, ic = _lean(
            x[side], near, places, weight[side], mean[side], away[side], t[side], share[side]
        )
        inverse[side, 0], inverse[side, 1], inverse[side, 2] = ia, ib, ic
        for k in range(share.shape[1]):
            sign = share[side, k] if side == 1 else -share[side, k]
            for d in range(dimension):
                flow[0, d] += sign * latents[near[k], d]
    square = 0.0
    for e in range(dimension):
        along = 0.0
        for k in range(weight.shape[1]):
            w = weight[0, k]
            if w > 1e-6:
                for d in range(dimension):
                    along += w * flow[0, d] * roots[near[k], d, e]
        square += along * along
        for k in range(weight.shape[1]):
            w = weight[0, k]
            if w > 1e-6:
                for d in range(dimension):
                    flow[1, d] += w * roots[near[k], d, e] * along
    length = math.sqrt(square) + 1e-12
    for d in range(dimension):
        flow[1, d] /= length * STEP
    return length / STEP


@njit(cache=True, nogil=True)
def _held(count):
    return (
        np.zeros((2, count)), np.zeros((2, count)), np.zeros((2, 2)), np.zeros((2, count, 2)),
        np.zeros((2, 2)), np.zeros((2, count)), np.zeros((2, 2)), np.zeros((2, 3)),
        np.zeros((2, 3)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _slopes(places, latents, roots, points, ways, near, sharp):
    hold, flow = _held(near.shape[1] - 1), np.zeros((2, latents.shape[1]))
    out = np.empty(len(points))
    for n in range(len(points)):
        out[n] = _step(near[n], places, latents, roots, points[n], ways[n], sharp, hold, flow)
    return out


@njit(cache=True, nogil=True)
def _pull(places, latents, roots, points, ways, near, sharp, power):
    """Backwards through `_step`, by hand; the metric itself is held."""
    count, dimension = near.shape[1] - 1, latents.shape[1]
    hold, flow = _held(count), np.zeros((2, dimension))
    raw, weight, _, away, t, _, x, inverse, scale = hold
    gradient, by_point = np.zeros_like(places), np.zeros_like(points)
    by_weight, by_away = np.empty(count), np.empty((count, 2))
    for n in range(len(points)):
        slope = _step(near[n], places, latents, roots, points[n], ways[n], sharp, hold, flow)
        strength = slope ** (power - 1.0)
        for side in range(2):
            sign = strength if side == 1 else -strength
            w, a, ts, at = weight[side], away[side], t[side], near[n]
            tx, ty = 0.0, 0.0
            for k in range(count):
                by_share = 0.0
                for d in range(dimension):
                    by_share += flow[1, d] * latents[at[k], d]
                by_share *= sign
                by_weight[k] = by_share * (1.0 + a[k, 0] * ts[0] + a[k, 1] * ts[1])
                pulled = by_share * w[k]
                by_away[k, 0], by_away[k, 1] = pulled * ts[0], pulled * ts[1]
                tx += pulled * a[k, 0]
                ty += pulled * a[k, 1]
            qx = inverse[side, 0] * tx + inverse[side, 1] * ty
            qy = inverse[side, 1] * tx + inverse[side, 2] * ty
            mx, my = -qx, -qy
            by_point[n, 0] += qx
            by_point[n, 1] += qy
            for k in range(count):  # by the covariance: -(q tᵀ), made symmetric
                along_q = a[k, 0] * qx + a[k, 1] * qy
                along_t = a[k, 0] * ts[0] + a[k, 1] * ts[1]
                by_weight[k] -= along_q * along_t
                by_away[k, 0] -= w[k] * (along_t * qx + along_q * ts[0])
                by_away[k, 1] -= w[k] * (along_t * qy + along_q * ts[1])
                mx -= by_away[k, 0]
                my -= by_away[k, 1]
            level = 0.0
            for k in range(count):
                by_weight[k] += mx * places[at[k], 0] + my * places[at[k], 1]
                gradient[at[k], 0] += by_away[k, 0] + w[k] * mx
                gradient[at[k], 1] += by_away[k, 1] + w[k] * my
                level += by_weight[k] * w[k]
            total, first, reach = scale[side]
            if total <= 0.0:
                continue
            by_reach = 0.0
            for k in range(count):  # raw = first (1/d - 1/reach); first's own change cancels
                if raw[side, k] <= 0.0:
                    continue
                by_raw = (by_weight[k] - level) * sharp * w[k] / raw[side, k]
                dx, dy = places[at[k], 0] - x[side, 0], places[at[k], 1] - x[side, 1]
                length = math.sqrt(dx * dx + dy * dy)
                d = length + NEAR
                fall = -by_raw * first / (d * d)
                by_reach += by_raw * first / (reach * reach)
                if length > 0.0:
                    gradient[at[k], 0] += fall * dx / length
                    gradient[at[k], 1] += fall * dy / length
                    by_point[n, 0] -= fall * dx / length
                    by_point[n, 1] -= fall * dy / length
            last = near[n, count]
            dx, dy = places[last, 0] - x[side, 0], places[last, 1] - x[side, 1]
            length = math.sqrt(dx * dx + dy * dy)
            if length > 0.0:
                gradient[last, 0] += by_reach * dx / length
                gradient[last, 1] += by_reach * dy / length
                by_point[n, 0] -= by_reach * dx / length
                by_point[n, 1] -= by_reach * dy / length
    return gradient, by_point
