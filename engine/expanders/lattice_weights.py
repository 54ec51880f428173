"""`lattice`'s faders: how much of each chosen anchor brings the base anchor to a point."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latentpad.engine.expanders.anchor_index import DEAD

Float64 = NDArray[np.float64]

STEPS = 60  # of Newton's method; three or four are the rule
HALVINGS = 30  # of one such step, at most
SOFTNESS = 1e-8  # faders may miss the point by about this; what is missing is put back


@njit(cache=True, nogil=True)
def dual_gradient(mu: Float64, steps: Float64, b: Float64) -> Float64:
    """Gradient (D1,) of the dual at μ: what the faders (steps μ)₊ reach, less b."""
    out = SOFTNESS * mu - b
    for f in range(len(steps)):
        out += max(np.sum(steps[f] * mu), 0.0) * steps[f]
    return out


@njit(cache=True, nogil=True)
def dual_hessian(mu: Float64, steps: Float64) -> Float64:
    """Hessian (D1, D1) of the dual at μ; at μ = 0, where no fader is up yet, as if all were."""
    width = len(mu)
    out = SOFTNESS * np.eye(width)
    begun = np.any(mu != 0.0)
    for f in range(len(steps)):
        if not begun or np.sum(steps[f] * mu) > 0.0:
            for i in range(width):
                out[i] += steps[f, i] * steps[f]
    return out


@njit(cache=True, nogil=True)
def least_norm_faders(x: Float64, base: Float64, steps: Float64, inverse: Float64) -> Float64:
    """Faders (n, F) with x = base + faders @ steps, of least norm and >= 0 where possible.

    steps (F, D1) lead from the base to each chosen anchor, inverse (D1, F) is their
    pseudo-inverse. Where no faders >= 0 reach x, they go as near as they can and the plain
    least-norm answer does the rest, which keeps the faders continuous in x.

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
            # A point that no faders >= 0 reach makes μ large, and its rounding too.
            rounding = 1e-15 * number * math.sqrt(np.sum(mu * mu))
            if math.sqrt(np.sum(gradient * gradient)) <= 1e-12 * length + rounding:
                break
            move = -np.linalg.solve(dual_hessian(mu, s), gradient)
            fall = -np.sum(gradient * move)
            # Faders that come up on the way steepen the valley: do not climb its other side.
            for _ in range(HALVINGS):
                if np.sum(dual_gradient(mu + move, s, b) * move) <= 0.1 * fall:
                    break
                move *= 0.5
                fall *= 0.5
            mu += move
        missing = b.copy()
        for f in range(number):
            out[n, f] = max(np.sum(s[f] * mu), 0.0)
            missing -= out[n, f] * s[f]
        for f in range(number):
            out[n, f] += np.sum(missing * inverse[:, f]) * unit
    return out


def farthest_points(coordinates: Float64, base: int, count: int) -> NDArray[np.intp]:
    """Up to `count` anchors, each the farthest from the base and all chosen before it.

    coordinates (L, D1) are the metric's. Those that all but rounding puts on a chosen one (on
    its ray, under the cosine metric) are never chosen.
    """
    gap = np.full(len(coordinates), np.inf)
    chosen, latest, widest = [], base, 0.0
    for _ in range(count):
        gap = np.minimum(gap, ((coordinates - coordinates[latest]) ** 2).sum(axis=1))
        latest = int(gap.argmax())
        widest = max(widest, gap[latest])
        if gap[latest] <= DEAD * widest:
            break
        chosen.append(latest)
    return np.array(chosen, np.intp)
