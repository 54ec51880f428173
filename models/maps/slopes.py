"""How fast the sound changes under a finger on a map, and the gradient by the anchors' positions.

A map's anchors have positions (L, 2) and latents (L, D). Between them a latent is the local
conditional mean of the `FOCUS` nearest, as `engine.expanders.local` has it; a step's length is
measured by the decoder's pull-back metric at the anchors (Arvanitidis, Hansen & Hauberg, "Latent
space oddity", 2018), whose roots (L, R, D) come from `models.maps.learned`. Compiled; any thread
may call.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]

FOCUS = 24
STEP = 1 / 200  # of a glide: the step over which the change is measured
RIDGE = 1e-3  # of the positions' mean variance, which is 1
NEAR = 1e-9  # added to distances, so that an anchor under the finger has a gradient too


class Glides(NamedTuple):
    """n fingers, each on a straight line from one anchor to another, all in the same time."""

    first: Indices
    last: Indices
    share: Float64
    """(n,) 0...1: the point of the line at which the slope is measured."""

    def points(self, positions: Float64) -> Float64:
        share = self.share[:, None]
        return np.asarray(positions[self.first] * (1 - share) + positions[self.last] * share)


def slopes(
    positions: Float64, latents: Float64, roots: Float64, glides: Glides, sharp: float
) -> Float64:
    """(n,) slopes in dB per glide: how fast the sound changes at the glides' points.

    `positions` have a root mean square of one; `sharp` is the power of an anchor's weight.
    """
    return _slopes(positions, latents, roots, *glides, _near(positions, glides), sharp)


def pull(
    positions: Float64,
    latents: Float64,
    roots: Float64,
    glides: Glides,
    sharp: float,
    power: float,
) -> Float64:
    """Gradient of sum(slopes ** power) / power by the positions (L, 2); the glides' ends move
    too."""
    return _pull(positions, latents, roots, *glides, _near(positions, glides), sharp, power)


def _near(positions: Float64, glides: Glides) -> Indices:
    """(n, FOCUS + 1) the anchors nearest to the points, fewer if there are fewer.

    It is ignored that STEP farther another anchor may be among them. That halves the search; one
    slope in ten then differs by a hundredth or more from the instrument's.
    """
    count = min(FOCUS + 1, len(positions))
    near = cKDTree(positions).query(glides.points(positions), [*range(1, count + 1)])[1]
    return np.ascontiguousarray(near)


@njit(cache=True, nogil=True)
def _weigh(x, near, positions, sharp, raw, weight):
    """Fill raw (k,) and weight (k,), whose sum is 1, of all but the last of near (k + 1,)."""
    count = len(near) - 1
    ex, ey = positions[near[count], 0] - x[0], positions[near[count], 1] - x[1]
    reach = math.sqrt(ex * ex + ey * ey) + NEAR
    first, total = 0.0, 0.0
    for k in range(count):
        dx, dy = positions[near[k], 0] - x[0], positions[near[k], 1] - x[1]
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
def _lean(x, near, positions, weight, mean, away, t, share):
    """The conditional mean's shares (k,) of the anchors at x; fills mean (2,), away (k, 2), t (2,).

    Returns the inverse of the positions' covariance, as three numbers.
    """
    count = len(weight)
    mean[:] = 0.0
    for k in range(count):
        mean[0] += weight[k] * positions[near[k], 0]
        mean[1] += weight[k] * positions[near[k], 1]
    a, b, c = RIDGE, 0.0, RIDGE
    for k in range(count):
        away[k, 0] = positions[near[k], 0] - mean[0]
        away[k, 1] = positions[near[k], 1] - mean[1]
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


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _step(near, positions, latents, roots, first, last, share, sharp, hold, flow, along):
    """The sound's slope at one point; fills hold's two columns of what `_pull` needs again, flow
    (2, D): the step of z̃ and the slope's derivative by it, and along (R,): the step by the root."""
    raw, weight, mean, away, t, lean, x, inverse, scale = hold
    dimension = latents.shape[1]
    flow[:] = 0.0
    for side in range(2):
        at = share + side * STEP
        for i in range(2):
            x[side, i] = (1.0 - at) * positions[first, i] + at * positions[last, i]
        total, nearest, reach = _weigh(x[side], near, positions, sharp, raw[side], weight[side])
        scale[side, 0], scale[side, 1], scale[side, 2] = total, nearest, reach
        ia, ib, ic = _lean(
            x[side], near, positions, weight[side], mean[side], away[side], t[side], lean[side]
        )
        inverse[side, 0], inverse[side, 1], inverse[side, 2] = ia, ib, ic
        for k in range(lean.shape[1]):
            sign = lean[side, k] if side == 1 else -lean[side, k]
            for d in range(dimension):
                flow[0, d] += sign * latents[near[k], d]
    along[:] = 0.0
    for k in range(weight.shape[1]):
        w = weight[0, k]
        if w > 1e-6:
            for e in range(len(along)):
                part = 0.0
                for d in range(dimension):
                    part += roots[near[k], e, d] * flow[0, d]
                along[e] += w * part
    square = 0.0
    for e in range(len(along)):
        square += along[e] * along[e]
    for k in range(weight.shape[1]):
        w = weight[0, k]
        if w > 1e-6:
            for e in range(len(along)):
                part = w * along[e]
                for d in range(dimension):
                    flow[1, d] += part * roots[near[k], e, d]
    length = math.sqrt(square) + 1e-12
    for d in range(dimension):
        flow[1, d] /= length * STEP
    return length / STEP


@njit(cache=True, nogil=True)
def _buffers(count):
    return (
        np.zeros((2, count)), np.zeros((2, count)), np.zeros((2, 2)), np.zeros((2, count, 2)),
        np.zeros((2, 2)), np.zeros((2, count)), np.zeros((2, 2)), np.zeros((2, 3)),
        np.zeros((2, 3)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _slopes(positions, latents, roots, first, last, share, near, sharp):
    hold, flow = _buffers(near.shape[1] - 1), np.zeros((2, latents.shape[1]))
    along = np.zeros(roots.shape[1])
    out = np.empty(len(share))
    for n in range(len(share)):
        ends = first[n], last[n], share[n]
        out[n] = _step(near[n], positions, latents, roots, *ends, sharp, hold, flow, along)
    return out


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _pull(positions, latents, roots, first, last, share, near, sharp, power):
    """Backwards through `_step`, by hand; the metric itself is held."""
    count, dimension = near.shape[1] - 1, latents.shape[1]
    hold, flow, along = _buffers(count), np.zeros((2, dimension)), np.zeros(roots.shape[1])
    raw, weight, _, away, t, _, x, inverse, scale = hold
    gradient, by_point = np.zeros_like(positions), np.empty(2)
    by_weight, by_away = np.empty(count), np.empty((count, 2))
    for n in range(len(share)):
        ends = first[n], last[n], share[n]
        slope = _step(near[n], positions, latents, roots, *ends, sharp, hold, flow, along)
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
            by_point[0], by_point[1] = qx, qy
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
                by_weight[k] += mx * positions[at[k], 0] + my * positions[at[k], 1]
                gradient[at[k], 0] += by_away[k, 0] + w[k] * mx
                gradient[at[k], 1] += by_away[k, 1] + w[k] * my
                level += by_weight[k] * w[k]
            _by_distance(
                near[n], positions, x[side], raw[side], w, scale[side], by_weight, level, sharp,
                gradient, by_point,
            )  # fmt: skip
            part = share[n] + side * STEP
            for i in range(2):
                gradient[first[n], i] += (1.0 - part) * by_point[i]
                gradient[last[n], i] += part * by_point[i]
    return gradient


@njit(cache=True, nogil=True)
def _by_distance(
    near, positions, x, raw, weight, scale, by_weight, level, sharp, gradient, by_point
):  # fmt: skip
    """Add to gradient and by_point (2,) the derivatives of the weights by the distances from x."""
    total, nearest, reach = scale
    count = len(weight)
    if total <= 0.0:
        return
    by_reach = 0.0
    for k in range(count):  # raw = nearest (1/d - 1/reach); nearest's own change cancels
        if raw[k] <= 0.0:
            continue
        by_raw = (by_weight[k] - level) * sharp * weight[k] / raw[k]
        dx, dy = positions[near[k], 0] - x[0], positions[near[k], 1] - x[1]
        length = math.sqrt(dx * dx + dy * dy)
        d = length + NEAR
        fall = -by_raw * nearest / (d * d)
        by_reach += by_raw * nearest / (reach * reach)
        if length > 0.0:
            gradient[near[k], 0] += fall * dx / length
            gradient[near[k], 1] += fall * dy / length
            by_point[0] -= fall * dx / length
            by_point[1] -= fall * dy / length
    last = near[count]
    dx, dy = positions[last, 0] - x[0], positions[last, 1] - x[1]
    length = math.sqrt(dx * dx + dy * dy)
    if length > 0.0:
        gradient[last, 0] += by_reach * dx / length
        gradient[last, 1] += by_reach * dy / length
        by_point[0] -= by_reach * dx / length
        by_point[1] -= by_reach * dy / length
