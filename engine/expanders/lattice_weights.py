"""The weights of `lattice`: how much of each chosen anchor leads from the base to a point."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latentpad.engine.expanders.anchor_index import FLAT_VARIANCE

Float64 = NDArray[np.float64]

STEPS = 60  # of Newton's method, at most; three or four are usual
HALVINGS = 30  # of one such step, at most
SOFTNESS = 1e-8  # ε: weights may miss the point by about this; the rest is added afterwards


@njit(cache=True, nogil=True)
def dual_gradient(mu: Float64, steps: Float64, b: Float64) -> Float64:
    """Gradient (D1,) of the dual at μ: the point that the weights (steps μ)₊ reach, minus b."""
    out = SOFTNESS * mu - b
    for f in range(len(steps)):
        out += max(np.sum(steps[f] * mu), 0.0) * steps[f]
    return out


@njit(cache=True, nogil=True)
def dual_hessian(mu: Float64, steps: Float64) -> Float64:
    """Hessian (D1, D1) of the dual at μ. At μ = 0, where all weights are 0, all count as active."""
    width = len(mu)
    out = SOFTNESS * np.eye(width)
    started = np.any(mu != 0.0)
    for f in range(len(steps)):
        if not started or np.sum(steps[f] * mu) > 0.0:
            for i in range(width):
                out[i] += steps[f, i] * steps[f]
    return out


@njit(cache=True, nogil=True)
def least_norm_weights(x: Float64, base: Float64, steps: Float64, inverse: Float64) -> Float64:
    """Weights (n, F) with x = base + weights @ steps, of least norm and >= 0 where possible.

    `steps` (F, D1) lead from the base to each chosen anchor, `inverse` (D1, F) is their
    pseudo-inverse. Where no weights >= 0 reach x, those that come nearest are taken, and the
    least-norm solution of the remaining difference is added. So the weights are continuous in x.

    Minimises |α|²/2 + |b - stepsᵀα|²/2ε over α >= 0 by Newton's method on its dual, which is
    smooth, strictly convex and has D1 variables: α = (steps μ)₊, (Σ_{α>0} s sᵀ + ε I) μ = b.
    """
    count, number = len(x), len(steps)
    out = np.zeros((count, number))
    size = np.sum(steps * steps)
    if size == 0.0:
        return out
    unit = math.sqrt(size / number)
    s = steps / unit
    for n in range(count):
        b = (x[n] - base) / unit
        length = math.sqrt(np.sum(b * b))
        mu = np.zeros(len(b))
        for _ in range(STEPS):
            gradient = dual_gradient(mu, s, b)
            # A point that no weights >= 0 reach makes μ large, and its rounding error too.
            rounding = 1e-15 * number * math.sqrt(np.sum(mu * mu))
            if math.sqrt(np.sum(gradient * gradient)) <= 1e-12 * length + rounding:
                break
            step = -np.linalg.solve(dual_hessian(mu, s), gradient)
            decrease = -np.sum(gradient * step)
            # Weights that become active on the way increase the slope: do not step too far.
            for _ in range(HALVINGS):
                if np.sum(dual_gradient(mu + step, s, b) * step) <= 0.1 * decrease:
                    break
                step *= 0.5
                decrease *= 0.5
            mu += step
        missing = b.copy()
        for f in range(number):
            out[n, f] = max(np.sum(s[f] * mu), 0.0)
            missing -= out[n, f] * s[f]
        for f in range(number):
            out[n, f] += np.sum(missing * inverse[:, f]) * unit
    return out


def farthest_points(coordinates: Float64, base: int, count: int) -> NDArray[np.intp]:
    """Up to `count` anchors, each the farthest from the base and from all chosen before it.

    `coordinates` (L, D1) are the metric's. An anchor that coincides with a chosen one within
    rounding (under the cosine metric, in direction) is not chosen.
    """
    gap = np.full(len(coordinates), np.inf)
    chosen, latest, widest = [], base, 0.0
    for _ in range(count):
        gap = np.minimum(gap, ((coordinates - coordinates[latest]) ** 2).sum(axis=1))
        latest = int(gap.argmax())
        widest = max(widest, gap[latest])
        if gap[latest] <= FLAT_VARIANCE * widest:
            break
        chosen.append(latest)
    return np.array(chosen, np.intp)
