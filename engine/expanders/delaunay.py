"""The Delaunay triangulation of a plane's places, for a million of them in seconds.

Source: incremental insertion with Lawson's flips (Lawson, "Software for C1 surface interpolation",
1977) and ghost triangles beyond the hull (Guibas & Stolfi, 1985; Shewchuk, "Lecture notes on
Delaunay mesh generation", 2012), in a biased randomized insertion order (Amenta, Choi & Rote, 2003)
along Hilbert's curve. Which side of a line a place is on is decided exactly (Shewchuk, "Adaptive
precision floating-point arithmetic and fast robust geometric predicates", 1997), so that the
triangles never overlap; places on one circle but for rounding are divided either way.

Not Qhull: a million places take it several times as long and as much memory, beside a busy
program longer than the decoding process may be silent; and it leaves out places that are nearly
on an edge.

M places have T = 2M - 2 triangles: those of the plane, and beyond each edge of the hull a ghost,
which has GHOST for a corner. ``corners`` (T, 3) holds places counter-clockwise, ``across`` (T, 3)
the triangle on the other side of the edge that is opposite each corner; both int32.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

GHOST = -1
SPLITTER = 134217729.0  # 2^27 + 1: cuts a double in two halves whose products are exact
SIDE_ERROR = 3.3306690738754716e-16  # Shewchuk's ccwerrboundA, (3 + 16 eps) eps, eps = 2^-53
CIRCLE_ERROR = 1.1102230246251577e-15  # Shewchuk's iccerrboundA, (10 + 96 eps) eps
BITS = 16  # of each coordinate on Hilbert's curve


@njit(cache=True, nogil=True)
def product(a: float, b: float) -> tuple[float, float]:
    """a b as the sum of its rounded value and what rounding took, exactly (Dekker)."""
    high = a * b
    c, d = SPLITTER * a, SPLITTER * b
    a_high, b_high = c - (c - a), d - (d - b)
    a_low, b_low = a - a_high, b - b_high
    return high, a_low * b_low - (((high - a_high * b_high) - a_low * b_high) - a_high * b_low)


@njit(cache=True, nogil=True)
def exact_side(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """The sign of `side`, without rounding: a sum of 12 numbers kept as an expansion."""
    parts = np.zeros(12)
    count = 0
    for u, v in ((ax, by), (-ay, bx), (bx, cy), (-by, cx), (cx, ay), (-cy, ax)):
        for addend in product(u, v):
            rest = addend
            for k in range(count):  # grow the expansion, smallest part first
                total = rest + parts[k]
                other = total - rest
                parts[k] = (rest - (total - other)) + (parts[k] - other)
                rest = total
            parts[count] = rest
            count += 1
    for k in range(count - 1, -1, -1):
        if parts[k] != 0.0:
            return parts[k]
    return 0.0


@njit(cache=True, nogil=True)
def side(places: Float64, a: int, b: int, c: int) -> float:
    """Above 0 if c lies to the left of the line from a to b, 0 if on it. The sign is exact."""
    ax, ay, bx, by = places[a, 0], places[a, 1], places[b, 0], places[b, 1]
    cx, cy = places[c, 0], places[c, 1]
    left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    area = left - right
    if abs(area) > SIDE_ERROR * (abs(left) + abs(right)):
        return area
    return exact_side(ax, ay, bx, by, cx, cy)


@njit(cache=True, nogil=True)
def surely_inside(places: Float64, a: int, b: int, c: int, p: int) -> bool:
    """Whether p lies within the circle through a, b, c (counter-clockwise) beyond all rounding."""
    px, py = places[p, 0], places[p, 1]
    ax, ay = places[a, 0] - px, places[a, 1] - py
    bx, by = places[b, 0] - px, places[b, 1] - py
    cx, cy = places[c, 0] - px, places[c, 1] - py
    a2, b2, c2 = ax * ax + ay * ay, bx * bx + by * by, cx * cx + cy * cy
    det = a2 * (bx * cy - by * cx) + b2 * (cx * ay - cy * ax) + c2 * (ax * by - ay * bx)
    size = (
        a2 * (abs(bx * cy) + abs(by * cx))
        + b2 * (abs(cx * ay) + abs(cy * ax))
        + c2 * (abs(ax * by) + abs(ay * bx))
    )
    return det > CIRCLE_ERROR * size


@njit(cache=True, nogil=True)
def conflicts(places: Float64, corners: Int32, t: int, p: int) -> bool:
    """Whether p lies in the circumcircle of t. A ghost's is the open half plane beyond its edge,
    and the inside of the edge itself."""
    for k in range(3):
        if corners[t, k] == GHOST:
            u, v = corners[t, (k + 1) % 3], corners[t, (k + 2) % 3]
            where = side(places, u, v, p)
            if where != 0.0:
                return where > 0.0
            along = (places[p, 0] - places[u, 0]) * (places[p, 0] - places[v, 0])
            along += (places[p, 1] - places[u, 1]) * (places[p, 1] - places[v, 1])
            return along < 0.0
    return surely_inside(places, corners[t, 0], corners[t, 1], corners[t, 2], p)


@njit(cache=True, nogil=True)
def write_triangle(
    corners: Int32, across: Int32, t: int, a: int, b: int, c: int, x: int, y: int, z: int
) -> None:
    """Write triangle t: its corners a, b, c and the triangles x, y, z across from them."""
    corners[t, 0], corners[t, 1], corners[t, 2] = a, b, c
    across[t, 0], across[t, 1], across[t, 2] = x, y, z


@njit(cache=True, nogil=True)
def relink(across: Int32, t: int, old: int, new: int) -> None:
    """Where t had `old` for a neighbour, it has `new`."""
    for k in range(3):
        if across[t, k] == old:
            across[t, k] = new
            return


@njit(cache=True, nogil=True)
def locate(places: Float64, corners: Int32, across: Int32, start: int, p: int) -> int:
    """The triangle that p lies in or on, a ghost if it is beyond the hull: a walk from `start`,
    which is none. (Devillers, Pion & Teillaud, "Walking in a triangulation", 2002.)"""
    t, turn = start, 0
    while True:
        inside = True
        for k in range(3):
            # Begun at another edge each time, or nearly round circles could lead it in a ring.
            i = (k + turn) % 3
            if side(places, corners[t, (i + 1) % 3], corners[t, (i + 2) % 3], p) < 0.0:
                t, inside = across[t, i], False
                break
        if inside or corners[t, 0] == GHOST or corners[t, 1] == GHOST or corners[t, 2] == GHOST:
            return t
        turn = (turn * 5 + 3) % 7


@njit(cache=True, nogil=True)
def hilbert(places: Float64, low: Float64, span: float) -> NDArray[np.int64]:
    """How far along Hilbert's curve each place (M, 2) is, on a grid of 2^BITS steps a side."""
    out = np.empty(len(places), np.int64)
    top = (1 << BITS) - 1
    for n in range(len(places)):
        x = int((places[n, 0] - low[0]) / span * top)
        y = int((places[n, 1] - low[1]) / span * top)
        key, s = 0, 1 << (BITS - 1)
        while s:
            right, up = (x & s) > 0, (y & s) > 0
            key += s * s * ((3 * right) ^ up)
            if not up:
                if right:
                    x, y = top - x, top - y
                x, y = y, x
            s >>= 1
        out[n] = key
    return out


@njit(cache=True, nogil=True)
def triangulated(places: Float64, order: Int32) -> tuple[Int32, Int32]:
    """Corners and neighbours (T, 3) of the triangles of M >= 3 different places (M, 2).

    order (M,) is that of insertion; its first three places must not lie in line.
    """
    count = len(places)
    corners, across = np.empty((2 * count - 2, 3), np.int32), np.empty((2 * count - 2, 3), np.int32)
    a, b, c = order[0], order[1], order[2]
    if side(places, a, b, c) < 0.0:
        b, c = c, b
    write_triangle(corners, across, 0, a, b, c, 1, 2, 3)
    write_triangle(corners, across, 1, GHOST, c, b, 0, 3, 2)
    write_triangle(corners, across, 2, GHOST, a, c, 0, 1, 3)
    write_triangle(corners, across, 3, GHOST, b, a, 0, 2, 1)
    made, latest = 4, 0
    waiting = np.empty(64, np.int32)
    for n in range(3, count):
        p = order[n]
        t = locate(places, corners, across, latest, p)
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        u, v = across[t, 1], across[t, 2]
        second, third = made, made + 1
        made += 2
        write_triangle(corners, across, t, p, b, c, across[t, 0], second, third)
        write_triangle(corners, across, second, p, c, a, u, third, t)
        write_triangle(corners, across, third, p, a, b, v, t, second)
        relink(across, u, t, second)
        relink(across, v, t, third)
        waiting[0], waiting[1], waiting[2] = t, second, third
        left = 3
        while left:
            left -= 1
            t = waiting[left]
            o = across[t, 0]
            j = 0
            while across[o, j] != t:
                j += 1
            b, c, d = corners[t, 1], corners[t, 2], corners[o, j]
            beyond = b == GHOST or c == GHOST or d == GHOST
            # Rounding may hide from the circle that p lies on the very edge.
            if not conflicts(places, corners, o, p) and (beyond or side(places, p, b, c) != 0.0):
                latest = t
                continue
            x, r, s = across[t, 1], across[o, (j + 1) % 3], across[o, (j + 2) % 3]
            write_triangle(corners, across, t, p, b, d, r, o, across[t, 2])
            write_triangle(corners, across, o, p, d, c, s, x, t)
            relink(across, r, o, t)
            relink(across, x, t, o)
            if left + 2 > len(waiting):
                waiting = np.concatenate((waiting, np.empty(len(waiting), np.int32)))
            waiting[left], waiting[left + 1] = t, o
            left += 2
        for k in range(3):  # walks start in the plane
            if corners[latest, k] == GHOST:
                latest = across[latest, k]
                break
    return corners, across


@njit(cache=True, nogil=True)
def off_the_line(places: Float64, order: Int32) -> int:
    """Where in the order the first place stands that is not in line with the first two."""
    for n in range(2, len(order)):
        if side(places, order[0], order[1], order[n]) != 0.0:
            return n
    return len(order)


def insertion_order(places: Float64) -> Int32 | None:
    """The order (M,) in which to insert places (M, 2): in rounds, each about as long as all
    before it together, whose members are drawn by lot and follow Hilbert's curve.

    None if all places lie in one line: then there is no triangle.
    """
    low = places.min(axis=0)
    span = float((places.max(axis=0) - low).max())
    if len(places) < 3 or span <= 0:
        return None
    drawn = np.random.default_rng(0).random(len(places), dtype=np.float32)
    rounds = np.minimum(-np.log2(np.maximum(drawn, 1e-9)), 29).astype(np.int64)
    order = np.argsort(hilbert(places, low, span) - (rounds << 2 * BITS)).astype(np.int32)
    third = off_the_line(places, order)
    if third == len(order):
        return None
    order[2], order[third] = order[third], order[2]
    return order
