"""`dwell`, the default: each sound has a little ground of its own, and the way between is even."""

from __future__ import annotations

from numba import njit

from latentpad.engine.expander_declarations import Declaration
from latentpad.engine.expanders import kernels
from latentpad.engine.expanders.anchor_index import anchor_index
from latentpad.engine.expanders.expander import Settings
from latentpad.engine.expanders.local import Local
from latentpad.engine.plane import Float64, Plane

OWN = 0.2  # of the way to where the next sound is as near: a sound's own ground


@njit(cache=True, nogil=True)
def attract(
    x: Float64, distance: Float64, neighbour: kernels.Indices, places: Float64, own: float
) -> None:
    """Move the measured points x (n, D1) towards the nearest of two neighbours (n, 2), in place.

    r = 2 d₁ / (d₁ + d₂) is 0 at an anchor and 1 where the next one is as near. A point goes along
    its line to the nearest anchor to where (r - own)₊ / (1 - own) of the distance is left: on its
    own ground to the anchor itself; where two are as near it stays, so no step is ever taken.
    """
    if distance.shape[1] < 2:
        return
    for n in range(len(x)):
        if distance[n, 0] == 0.0:
            continue
        r = 2.0 / (1.0 + distance[n, 1] / distance[n, 0])
        left = max(r - own, 0.0) / (1.0 - own) / r if r > 0.0 else 0.0
        for i in range(x.shape[1]):
            at = places[neighbour[n, 0], i]
            x[n, i] = at + (x[n, i] - at) * left


class Dwell(Local):
    """`local` of a finger that is drawn a little to the nearest sound.

    `local` with the square of a weight glides most evenly and leaves the recorded sounds at once:
    by PEAQ what lies between them is farther from them than the nearest one is. Here a finger
    needs not be exact to hear a sound exactly, and the sounds between are nearer to those that
    were recorded (docs/expanders.md).
    """

    SHARP = 3

    def _near(self, points: Float64) -> tuple[Float64, Float64, kernels.Indices]:
        x, distance, place = self._places.neighbours(points, 2)
        attract(x, distance, place, self._places.coordinates, OWN)
        return x, *self._places.around(x, self._focus + 1)


@Declaration(
    "dwell",
    8,
    "as `local`, of a finger that is drawn to the nearest sound",
    exact=True,
    continuous=True,
    uses=("metric", "focus"),
)
def dwell(plane: Plane, settings: Settings) -> Dwell:
    """O(L log L) once for a plane."""
    return Dwell(plane, settings.guard, anchor_index(plane, settings.metric), settings.focus)
