"""The pad's plane: the position of each anchor, and what the pad leaves open.

A plane splits every anchor into *known* coordinates, which the pad sets, and *unknown* ones, which
an expander finds. It also joins both to a latent. Raw latents, principal axes, measured descriptors
and 2-D maps are all the same to an expander.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentpad.models.maps.pad import ranks, span

Float64 = NDArray[np.float64]
Real = TypeVar("Real", bound=np.floating)

CHUNK = 65_536  # anchors converted to float64 at a time, to limit memory
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Plane:
    """Anchors as seen from the pad. Immutable: every array is read-only, any thread may read.

    A latent is ``z = centre + known @ from_known + unknown @ from_unknown``. The rows of
    ``from_known`` are two latents (raw), two principal axes, or zeros (a map: its coordinates
    are not latents, all D latents are unknown).
    """

    name: str
    known: Float64
    """(L, D1) each anchor's position on the plane."""
    unknown: NDArray[np.floating]
    """(L, D2) each anchor's other coordinates, in the dtype of the latents."""
    centre: Float64
    """(D,) latent at the plane's origin."""
    from_known: Float64
    """(D1, D)."""
    from_unknown: Float64
    """(D2, D)."""
    low: Float64
    """(D1,) plane coordinates of the pad's 0."""
    high: Float64
    """(D1,) plane coordinates of the pad's 1."""

    @classmethod
    def raw(cls, latents: ArrayLike, axes: tuple[int, ...] = (0, 1)) -> Plane:
        """The plane of two or more latents (see `default_axes`).

        Args:
            latents: (L, D) float32 anchors.
            axes: which latents the pad sets, x first.

        Raises:
            ValueError: latents not a finite (L, D) table, or axes not two or more of its columns.
        """
        z = _anchors(latents)
        dimension = z.shape[1]
        if len(axes) < 2 or len(set(axes)) < len(axes) or not set(axes) <= set(range(dimension)):
            raise ValueError(
                f"axes {tuple(axes)}: give two or more different latents from 0 to {dimension - 1}"
            )
        other_axes = [i for i in range(dimension) if i not in axes]
        unit = np.eye(dimension)
        return cls._spanning(
            "raw",
            known=z[:, list(axes)],
            unknown=z[:, other_axes],
            centre=np.zeros(dimension),
            from_known=unit[list(axes)],
            from_unknown=unit[other_axes],
        )

    @classmethod
    def principal(cls, latents: ArrayLike) -> Plane:
        """The plane of the anchors' first two principal axes; the others are unknown.

        Args:
            latents: (L, D) float32 anchors, D >= 2.

        Raises:
            ValueError: latents not a finite (L, D) table, or D < 2.
        """
        z = _anchors(latents)
        if z.shape[1] < 2:
            raise ValueError("principal axes: latents of one dimension have no plane")
        mean, covariance = moments(z)
        directions = np.linalg.eigh(covariance)[1][:, ::-1]
        # The sign of an eigenvector is arbitrary; fix it, or the pad might be mirrored next time.
        widest = np.abs(directions).argmax(axis=0)
        directions = directions * np.sign(directions[widest, range(len(widest))])
        known = np.empty((len(z), 2))
        unknown = np.empty((len(z), z.shape[1] - 2), z.dtype)
        for rows in chunks(len(z)):
            turned = (z[rows] - mean) @ directions
            known[rows], unknown[rows] = turned[:, :2], turned[:, 2:]
        return cls._spanning(
            "principal",
            known=known,
            unknown=unknown,
            centre=mean,
            from_known=directions.T[:2],
            from_unknown=directions.T[2:],
        )

    @classmethod
    def mapped(cls, latents: ArrayLike, coordinates: ArrayLike, name: str) -> Plane:
        """A map (t-SNE, UMAP): its coordinates are not latents.

        The coordinates are centred and scaled to the latents' root mean square about their mean, so
        that distances on the plane and between latents have the same unit.

        Args:
            latents: (L, D) float32 anchors.
            coordinates: (L, 2) position of each anchor, any unit.
            name: the plane's name.

        Raises:
            ValueError: either is not a finite table, or they differ in length.
        """
        z = _anchors(latents)
        coordinates = _anchors(coordinates, name="coordinates").astype(np.float64)
        if len(coordinates) != len(z) or coordinates.shape[1] < 2:
            raise ValueError(
                f"plane {name}: coordinates of shape {coordinates.shape} for {len(z)} anchors; "
                f"give ({len(z)}, 2)"
            )
        coordinates -= coordinates.mean(axis=0)
        width, target = (
            np.sqrt(np.mean(coordinates**2)),
            np.sqrt(np.trace(moments(z)[1]) / z.shape[1]),
        )
        if width > 0 and target > 0:
            coordinates *= target / width
        return cls._spanning(
            name,
            known=coordinates,
            unknown=z,
            centre=np.zeros(z.shape[1]),
            from_known=np.zeros((coordinates.shape[1], z.shape[1])),
            from_unknown=np.eye(z.shape[1]),
        )

    @classmethod
    def described(cls, latents: ArrayLike, descriptors: ArrayLike, name: str) -> Plane:
        """The plane of two measured descriptors, each replaced by its rank among the anchors.

        With ranks, every part of the pad holds equally many anchors, an outlier takes no more space
        than another anchor, and the order is kept. Equal values have the same coordinate.

        Args:
            latents: (L, D) float32 anchors.
            descriptors: (L, 2) two descriptors of each anchor, any unit.
            name: the plane's name.

        Raises:
            ValueError: as `mapped`.
        """
        values = _anchors(descriptors, name="descriptors")
        return cls.mapped(latents, np.stack([ranks(v) for v in values.T], axis=1), name)

    @classmethod
    def _spanning(
        cls,
        name: str,
        *,
        known: NDArray[np.floating],
        unknown: NDArray[np.floating],
        centre: Float64,
        from_known: Float64,
        from_unknown: Float64,
    ) -> Plane:
        """A plane whose pad covers all anchors."""
        coordinates = known.astype(np.float64)
        low, high = span(coordinates)
        return cls(
            name,
            known=_read_only(coordinates),
            unknown=_read_only(unknown),
            centre=_read_only(centre),
            from_known=_read_only(from_known),
            from_unknown=_read_only(from_unknown),
            low=_read_only(low),
            high=_read_only(high),
        )

    @property
    def dimension(self) -> int:
        """D, the length of a latent."""
        return len(self.centre)

    def from_pad(self, xy: ArrayLike) -> Float64:
        """Pad positions (n, D1), 0 to 1 -> points on the plane (n, D1)."""
        return self.low + np.asarray(xy, np.float64) * (self.high - self.low)

    def to_pad(self, points: ArrayLike) -> Float64:
        """Points on the plane (n, D1) -> pad positions (n, D1). Those of anchors are within 0 to
        1."""
        return (np.asarray(points, np.float64) - self.low) / (self.high - self.low)

    def assemble(self, points: ArrayLike, unknown: ArrayLike) -> NDArray[np.float32]:
        """Known (n, D1) and unknown (n, D2) coordinates -> latents (n, D) float32."""
        known, rest = np.asarray(points, np.float64), np.asarray(unknown, np.float64)
        latents = self.centre + known @ self.from_known + rest @ self.from_unknown
        return latents.astype(np.float32)


def default_axes(kl: ArrayLike) -> tuple[int, int]:
    """The two most informative latents.

    Args:
        kl: (D,) mean Kullback-Leibler divergence of each latent from the prior, in nats.

    Raises:
        ValueError: fewer than two latents.
    """
    order = np.argsort(-np.asarray(kl, np.float64), kind="stable")
    if order.size < 2:
        raise ValueError("default axes: give the divergence of two latents or more")
    return int(order[0]), int(order[1])


def chunks(length: int) -> Iterator[slice]:
    """Slices that cover `length` anchors, `CHUNK` at a time."""
    return (slice(start, start + CHUNK) for start in range(0, length, CHUNK))


def moments(x: NDArray[np.floating]) -> tuple[Float64, Float64]:
    """Mean (D,) and covariance (D, D) of the rows of x (L, D), in float64, two passes."""
    mean = x.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for rows in chunks(len(x)):
        offset = x[rows] - mean
        covariance += offset.T @ offset
    return mean, covariance / len(x)


def _anchors(latents: ArrayLike, name: str = "latents") -> NDArray[np.floating]:
    """The table as float32, or as float64 if it is float64 already."""
    z = np.asarray(latents)
    if z.dtype != np.float64:
        z = z.astype(np.float32, copy=False)
    if z.ndim != 2 or 0 in z.shape:
        raise ValueError(f"{name} of shape {z.shape}: give a table (anchors, dimensions)")
    finite = np.abs(z).max(axis=1) <= LARGEST
    if not finite.all():
        raise ValueError(f"{name}: anchor {int(finite.argmin())} is not finite; leave it out")
    return z


def _read_only(array: NDArray[Real]) -> NDArray[Real]:
    fixed = np.ascontiguousarray(array).view()
    fixed.flags.writeable = False
    return fixed
