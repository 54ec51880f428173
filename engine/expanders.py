"""From a point on the pad to a whole latent.

Source: Cámara & Blanco, "Acercando los autocodificadores variacionales al gran público", eq. 6
(`nearest`), 7 (`mean`), 8 (`lattice`), 11-12 (`multilateration`). `local` is this project's own:
exact at anchors, continuous between them, on the data's manifold.

L anchors; D1 coordinates are known (the pad's, z̄) and D2 unknown (z̃); a point p is on the plane.
`fit` may take seconds and belongs where nothing waits for it. A fitted expander never changes:
any thread may call it; it takes no lock, and for finite points it never raises or gives a NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import expander_kernels as kernels
from engine.expander_faders import raised, scattered
from engine.expander_places import (
    DEAD,
    METRICS,
    Places,
    batch,
    blend,
    body,
    nearest_anchor,
    places,
    view,
    whitening,
)
from engine.plane import Float64, Plane, chunks, moments

__all__ = ["METRICS", "NAMES", "Expander", "blend", "cost", "fit", "nearest_anchor"]

NAMES = ("nearest", "mean", "multilateration", "lattice", "local")
RIDGE = 1e-3  # of the anchors' mean variance on the plane


class Expander:
    """A fitted expander. Immutable; any thread may call."""

    def __init__(self, plane: Plane, guard: bool) -> None:
        self.plane = plane
        mean, axes, radius = body(plane)
        self._body = (mean, axes, radius if guard else np.inf)
        centre = plane.known.mean(axis=0)
        self._frame = (centre, plane.from_known, plane.from_unknown, plane.centre)

    def expand(self, points: ArrayLike) -> NDArray[np.float32]:
        """Points on the plane (n, D1) -> latents (n, D) float32; one point is a batch of one."""
        return self.expand64(points).astype(np.float32)

    def expand64(self, points: ArrayLike) -> Float64:
        """`expand` before it is rounded: (n, D) float64."""
        return self._latents(batch(points, self.plane))

    def spread(self, points: ArrayLike) -> Float64:
        """How far apart the sounds are that share a point: (n,), in the latents' unit.

        The weighted standard deviation of z̃ (root mean square over its dimensions) among the
        anchors that `local` listens to; 0 for the other expanders.
        """
        return np.zeros(len(batch(points, self.plane)))

    def _latents(self, points: Float64) -> Float64:
        raise NotImplementedError


class Nearest(Expander):
    """Eq. 6: the unknown coordinates of the anchor nearest to p. Exact, and jumps."""

    def __init__(self, plane: Plane, guard: bool, at: Places) -> None:
        super().__init__(plane, guard)
        self._places = at

    def _latents(self, points: Float64) -> Float64:
        anchors = self._places.nearest(points)
        return kernels.picked(points, anchors, self.plane.unknown, self._body, self._frame)


class Affine(Expander):
    """z̃ = offset (D2,) + x @ slope (D1, D2), x the point in the metric's coordinates."""

    def __init__(
        self, plane: Plane, guard: bool, seen: kernels.View, offset: Float64, slope: Float64
    ) -> None:
        super().__init__(plane, guard)
        self._view, self._offset, self._slope = seen, offset, slope

    def _latents(self, points: Float64) -> Float64:
        return kernels.affine(
            points, self._view, self._offset, self._slope, self._body, self._frame
        )


class Mixer(Expander):
    """Eq. 8 with the faders in someone's hands: one latent, whatever the point."""

    def __init__(self, plane: Plane, guard: bool, base: int, faders: Mapping[int, float]) -> None:
        super().__init__(plane, guard)
        chosen = np.array([base, *faders], np.intp)
        alpha = np.array([1.0 - sum(faders.values()), *faders.values()])
        self._known, self._unknown = alpha @ plane.known[chosen], alpha @ plane.unknown[chosen]

    def _latents(self, points: Float64) -> Float64:
        known, unknown = (np.tile(row, (len(points), 1)) for row in (self._known, self._unknown))
        return kernels.finished(known, unknown, self._body, self._frame)


class Lattice(Expander):
    """Eq. 8 solved: the faders of least norm, >= 0 where possible, that bring the base to p.

    The anchors with a fader are chosen one by one, each the farthest on the plane from all
    before it: the first ones are the plane's corners, so that faders >= 0 reach everywhere.
    """

    def __init__(self, plane: Plane, guard: bool, base: int, focus: int):
        super().__init__(plane, guard)
        self.chosen = scattered(plane.known, base, focus)
        """(F,) the anchors that have a fader."""
        steps = plane.known[self.chosen] - plane.known[base]
        start = plane.unknown[base].astype(np.float64)
        self._view = view(plane, "euclidean")
        self._solve = (plane.known[base], steps, np.linalg.pinv(steps))
        self._lead = (start, plane.unknown[self.chosen] - start)

    def faders(self, points: ArrayLike) -> Float64:
        """The faders (n, F) of the chosen anchors at points (n, D1)."""
        return raised(kernels.measured(batch(points, self.plane), self._view), *self._solve)

    def _latents(self, points: Float64) -> Float64:
        return kernels.mixed(points, self.faders(points), *self._lead, self._body, self._frame)


class Local(Expander):
    """The local conditional mean of `focus` neighbours (interpolating moving least squares)."""

    def __init__(self, plane: Plane, guard: bool, at: Places, focus: int) -> None:
        super().__init__(plane, guard)
        self._places = at
        self._focus = min(focus, len(at.coordinates))
        self._unknown, self._within = at.means(plane.unknown)
        # No variance at all is a single place: any ridge gives its mean.
        self._ridge = RIDGE * at.variance or 1.0

    def spread(self, points: ArrayLike) -> Float64:
        _, distance, place = self._places.neighbours(batch(points, self.plane), self._focus + 1)
        return kernels.spread(distance, place, self._focus, self._unknown, self._within)

    def _latents(self, points: Float64) -> Float64:
        x, distance, place = self._places.neighbours(points, self._focus + 1)
        return kernels.local(
            points,
            x,
            distance,
            place,
            self._focus,
            self._places.coordinates,
            self._unknown,
            self._ridge,
            self._body,
            self._frame,
        )


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
        metric: one of METRICS; how distance on the plane is measured (`nearest`, `local`,
            `multilateration`: "mahalanobis" there whitens the unknown coordinates too).
        guard: keep z̃ within the anchors' ellipsoid. Never moves an anchor.
        focus: neighbours that `local` listens to, and anchors that `lattice` chooses.
        scale: s of `multilateration` (the paper's K), of squared distances on the plane.
        base: the anchor that `lattice` starts from.
        faders: of `lattice`, {anchor: α}; None lets the point set them.

    Raises:
        ValueError: an unknown name or metric, a focus below 1, an anchor that is not there.
    """
    if name not in NAMES:
        raise ValueError(f"expander {name!r}: choose one of {', '.join(NAMES)}")
    if focus < 1:
        raise ValueError(f"focus {focus}: listen to one anchor at least")
    seen = view(plane, metric)
    expander: Expander
    if name == "nearest":
        expander = Nearest(plane, guard, places(plane, metric))
    elif name == "mean":
        flat = np.zeros((plane.known.shape[1], plane.unknown.shape[1]))
        expander = Affine(plane, guard, seen, body(plane)[0], flat)
    elif name == "multilateration":
        expander = Affine(plane, guard, seen, *_multilaterated(plane, seen, metric, scale))
    elif name == "lattice":
        for anchor in (base, *(faders or ())):
            if not 0 <= anchor < len(plane.known):
                raise ValueError(f"lattice: anchor {anchor} of {len(plane.known)} is not there")
        if faders is None:
            expander = Lattice(plane, guard, base, focus)
        else:
            expander = Mixer(plane, guard, base, faders)
    else:
        expander = Local(plane, guard, places(plane, metric), focus)
    for warm in (expander.expand, expander.spread):
        warm(plane.known[:1])
    return expander


def _multilaterated(
    plane: Plane, seen: kernels.View, metric: str, scale: float
) -> tuple[Float64, Float64]:
    """Offset and slope of eq. 11-12 in closed form.

    z̃ = C(z̃, z̃)⁺ [s C(z̃, z̄) p - s C(z̃, |z̄|²) / 2 + C(z̃, |z̃|²) / 2], all about the anchors'
    means: distances do not change, and a direction the anchors do not span stays at its mean.
    """
    if metric == "mahalanobis":
        mean, axes, inverse = whitening(plane.unknown, plane.known)
    else:
        mean = moments(plane.unknown)[0]
        axes = inverse = np.eye(len(mean))
    known = kernels.measured(plane.known, seen)
    known_mean, known_covariance = moments(known)
    within = np.zeros((len(mean), len(mean)))
    across = np.zeros((known.shape[1], len(mean)))
    squares = np.zeros(len(mean))
    for rows in chunks(len(known)):
        v, x = (plane.unknown[rows] - mean) @ axes, known[rows] - known_mean
        within += v.T @ v
        across += x.T @ v
        squares += ((v**2).sum(axis=1) - scale * (x**2).sum(axis=1)) @ v / 2
    # A latent that is dead but for rounding is compared with the pad, not with other dead ones.
    variance, directions = np.linalg.eigh(within)
    spanned = variance > DEAD * max(variance.max(initial=0.0), len(known) * known_covariance.max())
    solve = (directions[:, spanned] / variance[spanned]) @ directions[:, spanned].T @ inverse
    slope = scale * across @ solve
    return mean + squares @ solve - known_mean @ slope, slope


def cost(name: str, anchors: int, dimension: int = 16, points: int = 2000) -> tuple[float, float]:
    """What an expander costs on this machine.

    Args:
        name: one of NAMES.
        anchors: L, drawn from a Gaussian.
        dimension: D of a latent.
        points: how many, all over the pad, each expanded by a call of its own.

    Returns:
        Seconds to fit (kernels compiled before), and the median microseconds of a point.
    """
    random = np.random.default_rng(0)
    fit(name, Plane.raw(random.normal(size=(64, dimension)).astype(np.float32)))
    plane = Plane.raw(random.normal(size=(anchors, dimension)).astype(np.float32))
    begun = perf_counter()
    expander = fit(name, plane)
    fitted = perf_counter() - begun
    spent = np.empty(points)
    for i, point in enumerate(plane.place(random.random((points, 1, 2)))):
        begun = perf_counter()
        expander.expand(point)
        spent[i] = perf_counter() - begun
    return fitted, 1e6 * float(np.median(spent))
